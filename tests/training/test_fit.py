import keras
import numpy as np
import pytest

from pneumo_core import metrics
from pneumo_core.errors import TrainingError
from pneumo_core.training import fit as routine
from pneumo_core.training.batches import Films, PooledBatches, pooled_views, training_feed
from pneumo_core.training.distributed import Devices
from pneumo_core.training.fit import (
    PneumoniaAUC,
    PneumoniaSensitivity,
    head_model,
    training_model,
    unfreezing_steps,
)
from pneumo_core.training.hardware import Machine
from pneumo_core.training.network import (
    build_network,
    freeze,
    synchronise_batch_norm,
    trains_head_alone,
)
from pneumo_core.training.recipe import make_recipe

pytestmark = [pytest.mark.keras, pytest.mark.usefixtures("eager")]

# Logits of four normal films and four of pneumonia; of the latter one lies below a normal one.
LOGITS = np.log(
    [
        *([0.9, 0.05, 0.05], [0.8, 0.1, 0.1], [0.7, 0.2, 0.1], [0.4, 0.3, 0.3]),
        *([0.5, 0.3, 0.2], [0.3, 0.6, 0.1], [0.2, 0.1, 0.7], [0.1, 0.5, 0.4]),
    ]
).astype("float32")
TARGETS = np.eye(3, dtype="float32")[[0, 0, 0, 0, 1, 1, 2, 2]]


def test_figures_are_of_pneumonia_against_normal():
    auc = PneumoniaAUC()
    auc.update_state(TARGETS, LOGITS)
    assert float(auc.result()) == pytest.approx(15 / 16, abs=1e-3)
    sensitivity = PneumoniaSensitivity()
    sensitivity.update_state(TARGETS, LOGITS)
    assert float(sensitivity.result()) == pytest.approx(3 / 4)


@pytest.mark.parametrize(("centre", "spread"), [(0.0, 0.02), (1.3, 0.05), (6.0, 2.0)])
def test_the_area_is_right_where_the_logits_are_all_alike(centre, spread):
    rng = np.random.default_rng(0)
    ill = rng.random(400) < 0.7
    margin = centre + spread * (rng.normal(size=400) + 0.8 * ill)
    auc = PneumoniaAUC()
    auc.update_state(np.stack([~ill, ill], 1).astype("float32"), np.stack([0 * margin, margin], 1))
    assert float(auc.result()) == pytest.approx(metrics.auc(ill, margin), abs=1e-3)


@pytest.fixture(scope="module")
def network():
    return build_network("cnn", size=64, classes=3, weights="none")


def recipe(**choices):
    made = make_recipe("quick", backbone="cnn", size=64, **choices)
    object.__setattr__(made, "weights", "as if pretrained")
    return made


def steps_by_layer(network, made, total=100):
    paths = {v.path: layer.name for layer in network.layers for v in layer.trainable_variables}
    return {paths[path]: step for path, step in unfreezing_steps(network, made, total).items()}


def test_the_head_learns_alone_and_then_everything_at_once(network):
    steps = steps_by_layer(network, recipe(head_first=0.1))
    assert "logits" not in steps
    assert set(steps.values()) == {10}
    assert len(steps) == 10


def test_layers_wake_from_the_top(network):
    steps = steps_by_layer(network, recipe(head_first=0.1, thaw=0.5))
    assert steps["block4_bn"] == 10
    assert steps["block4_conv"] == 15
    assert steps["block0_conv"] == 55
    order = [steps[f"block{block}_{part}"] for block in range(5) for part in ("conv", "bn")]
    assert order == sorted(order, reverse=True)


def test_from_scratch_everything_learns_from_the_first_step(network):
    assert unfreezing_steps(network, make_recipe("quick", backbone="cnn", size=64), 100) == {}


def test_a_thaw_longer_than_the_training_is_refused():
    with pytest.raises(TrainingError, match=r"Expected thaw of 0 to 0\.97, .* got 1\.5"):
        make_recipe("quick", backbone="cnn", thaw=1.5)


def test_the_training_model_is_the_network_on_films_as_they_are_outside_training(network):
    made = make_recipe("quick", backbone="cnn", size=64)
    nothing = np.empty((0, 64, 64), np.uint8)
    model = training_model(network, made, Devices(), Films(nothing, np.empty(0, np.int64)))
    films = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 1), dtype=np.uint8)
    inputs = {"film": films, "plan": np.array([[0.7, 1, 1]] * 2, "float32")}
    np.testing.assert_allclose(model(inputs, training=False), network(films), atol=1e-5)


def test_several_devices_normalise_by_the_whole_batch(network):
    norms = [x for x in network.layers if isinstance(x, keras.layers.BatchNormalization)]
    synchronise_batch_norm(network, whole=True)
    assert [norm.synchronized for norm in norms] == [True] * 5
    synchronise_batch_norm(network, whole=False)
    assert [norm.synchronized for norm in norms] == [False] * 5


@pytest.fixture(scope="module")
def frozen():
    made = build_network("cnn", size=64, classes=3, weights="none")
    freeze(made, "head")
    return made


@pytest.fixture(scope="module")
def films():
    rng = np.random.default_rng(0)
    return Films(rng.integers(0, 256, (12, 64, 64), dtype=np.uint8), np.arange(12) % 3)


def test_the_head_alone_is_known_by_what_is_trained(network, frozen):
    assert trains_head_alone(frozen)
    assert not trains_head_alone(network)


def test_the_head_answers_to_pooled_features_as_the_network_to_films(frozen, films):
    made = recipe(augment=False, batch=4)
    (view,) = pooled_views(frozen, made, films, training_feed(made, films, np.arange(12), None))
    assert view.pooled.shape == (12, 256)
    feed = training_feed(made, films, np.arange(12), None)
    feed.start_epoch(0)
    pixels = np.concatenate([feed[i][0]["film"] for i in range(3)])
    np.testing.assert_allclose(
        head_model(frozen)({"pooled": view.pooled}), frozen(pixels), atol=1e-4
    )
    np.testing.assert_array_equal(view.targets, np.concatenate([feed[i][1] for i in range(3)]))


def test_three_augmented_views_take_turns_and_come_again_the_same(frozen, films):
    made = recipe(epochs=5, batch=6)

    def views():
        return pooled_views(frozen, made, films, training_feed(made, films, np.arange(12), None))

    seen, again = views(), views()
    assert len(seen) == 3
    assert np.abs(seen[0].pooled - seen[1].pooled).max() > 1e-3
    np.testing.assert_array_equal(seen[2].pooled, again[2].pooled)
    feed = PooledBatches(seen, batch=4, seed=1)
    feed.start_epoch(4)
    inputs, targets, weights = feed[2]
    assert (len(feed), inputs["pooled"].shape, weights.shape) == (3, (4, 256), (4,))
    rows = feed.order[8:]
    np.testing.assert_array_equal(inputs["pooled"], seen[1].pooled[rows])
    np.testing.assert_array_equal(targets, seen[1].targets[rows])


def test_a_stop_leaves_what_is_pooled_by_then(frozen, films):
    made = recipe(augment=False, batch=4)
    feed, batches = training_feed(made, films, np.arange(12), None), iter(range(9))
    seen = pooled_views(frozen, made, films, feed, done=lambda: next(batches) >= 1)
    assert [len(view.weights) for view in seen] == [8]


def test_a_head_alone_is_trained_and_the_features_are_computed_once(
    monkeypatch, tmp_path, frozen, films
):
    monkeypatch.setattr(routine, "build_network", lambda *_, **__: frozen)
    made = recipe(epochs=4, batch=4, patience=0, head_first=0.0, augment=False)
    before = {v.path: np.array(v) for layer in frozen.layers for v in layer.weights}
    counts = []
    machine = Machine(2, 2**33, "2 cores", (), "tensorflow", "float32", False, "")
    rows = np.arange(8), np.arange(8, 12)
    routine.fit(
        made, films, *rows, machine=machine, folder=tmp_path,
        pooling=lambda done, total: bool(counts.append((done, total))),
    )  # fmt: skip
    assert counts == [(1, 3), (2, 3), (3, 3)]  # two batches to train on, and one held out
    after = {v.path: np.array(v) for layer in frozen.layers for v in layer.weights}
    changed = {path for path, value in after.items() if (value != before[path]).any()}
    assert changed == {v.path for v in frozen.get_layer("logits").variables}
    assert len((tmp_path / "history.csv").read_text().splitlines()) == 5
