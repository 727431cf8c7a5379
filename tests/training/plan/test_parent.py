"""A model as the start of a training: its network, its head, and the films it knows."""

import numpy as np
import pandas as pd
import pytest

from pneumo_core.bundle.integrity import FILM_HASHES, FILMS
from pneumo_core.errors import TrainingError
from pneumo_core.training.plan.parent import (
    check_same_parent,
    head_for,
    is_parent,
    known_films,
    load_parent,
    with_roles_of,
)
from pneumo_core.training.recipe import make_recipe


def softmax(logits):
    return np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)


def test_one_pneumonia_becomes_two_of_the_same_probability_together():
    rng = np.random.default_rng(0)
    kernel, bias, features = rng.normal(size=(5, 2)), rng.normal(size=2), rng.normal(size=(7, 5))
    wide_kernel, wide_bias = head_for(kernel, bias, 3)
    before, after = softmax(features @ kernel + bias), softmax(features @ wide_kernel + wide_bias)
    np.testing.assert_allclose(after[:, 0], before[:, 0], atol=1e-6)
    np.testing.assert_allclose(after[:, 1], after[:, 2], atol=1e-6)


def test_two_pneumonias_that_are_as_likely_become_their_sum():
    kernel, bias = np.array([[1.0, 2.0, 2.0]]), np.array([0.5, 0.1, 0.1])
    narrow = head_for(kernel, bias, 2)
    features = np.array([[0.3], [-2.0]])
    before, after = softmax(features @ kernel + bias), softmax(features @ narrow[0] + narrow[1])
    np.testing.assert_allclose(after[:, 0], before[:, 0], atol=1e-6)
    assert head_for(kernel, bias, 3) == (kernel, bias)


def test_a_model_is_told_from_a_file_of_its_name(tmp_path, monkeypatch):
    models = tmp_path / "models"
    (models / "mine").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert is_parent("mine", models)
    assert not is_parent("imagenet", models)
    assert not is_parent("other", models)
    (tmp_path / "mine").touch()
    assert not is_parent("mine", models)


def test_the_shipped_model_is_followed_in_network_size_and_frame():
    recipe = make_recipe("quick", weights="kermany-nih-r50v2")
    assert (recipe.backbone, recipe.size, recipe.frame) == ("resnet50v2", 192, "lungs")
    assert make_recipe("quick", weights="kermany-r50v2", size=128).size == 128
    with pytest.raises(TrainingError, match="Expected the backbone of the model kermany-r50v2"):
        make_recipe("quick", weights="kermany-r50v2", backbone="cnn")
    with pytest.raises(TrainingError, match=r"or a model \(.*kermany-r50v2.*\); 'nothing' is none"):
        make_recipe("quick", weights="nothing")


def test_films_that_the_shipped_model_learnt_from_are_known():
    parent = load_parent("kermany-r50v2")
    line = (parent.bundle.path / FILM_HASHES).read_text().splitlines()[0].split()[0]
    near = f"{int(line, 16) ^ 0b111:064x}"  # another copy: three bits differ
    far = f"{int(line, 16) ^ ((1 << 200) - 1):064x}"
    index = pd.DataFrame({"sha256": ["0" * 64] * 3, "phash": [near, far, ""]})
    assert known_films(parent, index).tolist() == [True, False, False]


def test_a_child_lists_the_films_of_its_parent_and_its_own():
    parent = load_parent("kermany-r50v2")
    lines = [line.split() for line in (parent.bundle.path / FILMS).read_text().splitlines()]
    known, role = lines[0]
    found = with_roles_of(parent, FILMS, {known + "f" * 48: "v", "e" * 64: "t"})
    assert len(found) == len(lines) + 1
    assert found[known.ljust(64, "0")] == "".join(sorted({*role, "v"}))
    assert found["e" * 16 + "0" * 48] == "t"


def test_a_run_does_not_go_on_from_another_parent():
    parent = load_parent("kermany-r50v2")
    check_same_parent(parent, {})
    check_same_parent(parent, parent.lineage)
    with pytest.raises(TrainingError, match="its files have changed since"):
        check_same_parent(parent, {**parent.lineage, "digest": "0"})


@pytest.mark.keras
def test_the_network_starts_as_the_parents(tmp_path):
    from pneumo_core.bundle.keras_network import load_network
    from pneumo_core.training.network import build_network

    parent = load_parent("kermany-r50v2")
    network = build_network("resnet50v2", size=224, classes=3, weights="kermany-r50v2")
    films = np.random.default_rng(0).uniform(0, 255, (2, 224, 224, 1)).astype("float32")
    own = np.asarray(load_network(parent.bundle.path / "model.keras")(films, training=False))
    np.testing.assert_allclose(np.asarray(network(films, training=False)), own, atol=1e-4)
    assert not network.get_layer("conv2_block1_1_conv").trainable
    assert network.get_layer("conv4_block1_1_conv").trainable
