"""The whole routine on synthetic films: from a folder to a bundle that reads."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pneumo_core.bundle import framing, load_bundle
from pneumo_core.bundle.provenance import SYNTHETIC
from pneumo_core.bundle.reliability import judge
from pneumo_core.config import Settings
from pneumo_core.dataset.index import index_folder
from pneumo_core.errors import BundleError, DataSetError
from pneumo_core.evaluation.evaluate import predict_films
from pneumo_core.imaging.lung_frame import LungFrame
from pneumo_core.storage import utc_now
from pneumo_core.synthetic.demo_data import write_demo_data
from pneumo_core.training import dataset
from pneumo_core.training import train as routine
from pneumo_core.training.callbacks import HISTORY
from pneumo_core.training.dataset import class_labels
from pneumo_core.training.export import SYNTHETIC_ORIGIN, UNKNOWN_SOURCE, origin_of_films
from pneumo_core.training.fit import TRAINED
from pneumo_core.training.held_out import SUITE_VIEWS, VIEWS
from pneumo_core.training.recipe import make_recipe
from pneumo_core.training.runs import stopped
from pneumo_core.training.runs.queue import run_queued
from pneumo_core.training.runs.run import create_run, find_run
from pneumo_core.training.train import train
from tests.lungs import StubFinder

pytestmark = [pytest.mark.keras, pytest.mark.usefixtures("quick_training")]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "films"
    write_demo_data(folder, films=90, seed=1)
    return folder


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workbench")
    return Settings(
        models_dir=folder / "models", runs_dir=folder / "runs", cache_dir=folder / "cache"
    )


def outside_test(demo):
    return sum("test" not in path.parts for path in demo.rglob("*.jpeg"))


def small(**choices):
    """Without augmentation, which takes a third of the time and is another file's to check."""
    usual = {"batch": 16, "epochs": 2, "augment": False, "precision": "float32"}
    return make_recipe("quick", backbone="cnn", size=64, **{**usual, **choices})


def start(demo, settings, recipe, name="small"):
    return create_run(settings.runs_dir, recipe, data=demo, bundle=name)


def carry(run, settings, report=lambda *_: None):
    return run_queued(
        run,
        lambda told: train(run, settings=settings, report=told),
        settings=settings,
        report=report,
    )


@pytest.fixture(scope="module")
def undisturbed(demo, settings, quick_training):
    """A run that went through, its bundle, and what was heard of it."""
    run, heard = start(demo, settings, small()), []
    bundle = carry(run, settings, lambda *facts: heard.append(facts))
    return run, bundle, heard


def test_a_folder_becomes_a_bundle_that_states_what_it_is(demo, settings, undisturbed):
    _, bundle, _ = undisturbed
    assert load_bundle("small", models_dir=settings.models_dir) == bundle
    assert bundle.card.document["training"]["seed"] == 7
    assert bundle.card.document["training"]["weights"] == "none: trained from scratch"
    assert bundle.card.data.films == outside_test(demo)
    table = pd.read_csv(bundle.path / "predictions.csv")
    assert len(table) == bundle.card.figure("films") == bundle.card.data.validation_films
    np.testing.assert_allclose(table["p_normal"] + table["p_pneumonia"], 1, atol=1e-6)
    np.testing.assert_allclose(
        table["p_bacterial"] + table["p_viral"], table["p_pneumonia"], atol=1e-6
    )


def test_a_network_is_trained_and_measured_in_the_frame_of_the_lungs(demo, settings, monkeypatch):
    finder = StubFinder()
    for module in (dataset, framing):
        monkeypatch.setattr(module, "load_finder", lambda *_, **__: finder)
    bundle = carry(start(demo, settings, small(frame="lungs", epochs=1), "framed"), settings)
    assert bundle.card.frame == LungFrame()
    assert bundle.card.document["input"]["frame"]["finder"] == finder.digest[:12]
    # What the training says of a held-out film is what a reading of it says.
    table = pd.read_csv(bundle.path / "predictions.csv").head(3)
    index = index_folder(demo).set_index("film").loc[table["film"]].reset_index()
    again = predict_films(bundle, index, demo, cache_dir=settings.cache_dir)
    np.testing.assert_allclose(again["p_pneumonia"], table["p_pneumonia"], atol=2e-3)


def test_a_lung_frame_without_a_lung_finder_says_so(demo, settings):
    with pytest.raises(BundleError, match="Expected the lung finder in models/lungs"):
        carry(start(demo, settings, small(frame="lungs"), "no-finder"), settings)


def test_a_run_tells_of_every_phase_and_ends_done(undisturbed):
    run, _, heard = undisturbed
    assert (run.status().state, run.status().phase) == ("done", "done")
    assert {"index", "decode", "machine", "epoch", "bundle"} <= {facts[0] for facts in heard}


def test_no_film_of_the_held_out_patients_is_trained_on(undisturbed):
    run, bundle, _ = undisturbed
    folds = pd.DataFrame(json.loads((run.folder / "folds.json").read_text())["films"])
    held_out = set(pd.read_csv(bundle.path / "predictions.csv")["film"])
    rest = folds[~folds["film"].isin(held_out)]
    assert not set(rest["group"]) & set(folds.loc[folds["film"].isin(held_out), "group"])


def kept_back(monkeypatch):
    """Trainings end before the bundle is written; what `deliver` was given of each."""
    made, given = SimpleNamespace(bundle=SimpleNamespace(name="kept-back")), []

    def deliver(_run, _network, _recipe, answers, **facts):
        given.append({**facts, "answers": answers})
        return made

    monkeypatch.setattr(routine, "deliver", deliver)
    return given


# Whoever is interrupted in mid-epoch does not close his files.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupted_run_resumes_and_ends_like_an_undisturbed_one(
    demo, settings, undisturbed, monkeypatch
):
    def interrupt(phase, *_):
        if phase == "epoch":
            raise KeyboardInterrupt

    kept_back(monkeypatch)
    run = start(demo, settings, small(), name="resumed")
    with pytest.raises(KeyboardInterrupt):
        carry(run, settings, interrupt)
    assert run.status().state == "interrupted"

    carry(find_run(settings.runs_dir, run.id), settings)
    whole, resumed = (
        pd.read_csv(one.folder / "fold-0" / "history.csv") for one in (undisturbed[0], run)
    )
    assert list(resumed["epoch"]) == [0, 1]
    np.testing.assert_allclose(whole["val_loss"], resumed["val_loss"], atol=1e-3)


def test_folds_predict_every_film_out_of_fold(demo, settings):
    run = start(demo, settings, small(epochs=1, folds=2), name="folded")
    bundle = carry(run, settings)
    assert len(pd.read_csv(bundle.path / "predictions.csv")) == outside_test(demo)
    assert "out-of-fold predictions of 2 folds" in bundle.card.calibration.fitted_on


def test_a_run_stopped_after_its_first_fold_delivers_that_folds_network(demo, settings):
    run = start(demo, settings, small(epochs=1, folds=3), name="cut-short")

    def stop(phase, *_):
        if phase == "validation":
            run.request("stop")

    bundle = carry(run, settings, stop)
    held_out = len(pd.read_csv(bundle.path / "predictions.csv"))
    assert 0.25 < held_out / outside_test(demo) < 0.42
    roles = (bundle.path / "films.sha256").read_text()
    assert bundle.card.training.folds == 1
    assert f"It was trained on {outside_test(demo) - held_out} films." in bundle.card.summary
    assert "tv" not in {line.split()[-1] for line in roles.splitlines()}
    hashes = (bundle.path / "films.phash").read_text()
    by_role = [sorted(line.split()[-1] for line in text.splitlines()) for text in (roles, hashes)]
    assert by_role[0] == by_role[1]


def ask_at(run, phase, wish="stop"):
    """A report that leaves a wish when `phase` is first heard of, and what it heard."""
    heard = []

    def report(name, done, total, words=""):
        if name == phase and phase not in {facts[0] for facts in heard}:
            run.request(wish)
        heard.append((name, done, total, words))

    return report, heard


def test_quick_leaves_the_robustness_suite_out_and_the_card_says_so(undisturbed):
    _, bundle, heard = undisturbed
    assert "robustness" not in {facts[0] for facts in heard}
    assert bundle.card.stress is None
    told = "Not measured. Run `python -m pneumo_core stress --into-card --model small`."
    assert told in (bundle.path / "README.md").read_text("utf-8")


def start_trained(demo, settings, undisturbed, name, **choices):
    """A run whose network is trained, by `undisturbed`, and whose films are still to be read."""
    run = start(demo, settings, small(**choices), name=name)
    (run.folder / "fold-0").mkdir()
    for file in (TRAINED, HISTORY):
        shutil.copy(undisturbed[0].folder / "fold-0" / file, run.folder / "fold-0" / file)
    return run


def test_the_robustness_suite_comes_last_and_its_table_goes_into_the_card(
    demo, settings, undisturbed
):
    run = start_trained(demo, settings, undisturbed, "robust", robustness=True, stress_films=8)
    heard = []
    bundle = carry(run, settings, lambda *facts: heard.append(facts[:3]))
    phases = [facts[0] for facts in heard]
    assert phases.index("robustness") > max(n for n, p in enumerate(phases) if p == "bundle")
    assert heard[-1] == ("robustness", len(SUITE_VIEWS), len(SUITE_VIEWS))
    table = bundle.card.stress
    assert [row["name"] for row in table["rows"]] == list(VIEWS)
    assert (table["films"], table["held_out"], table["model"]) == (8, True, "robust")
    assert load_bundle("robust", models_dir=settings.models_dir) == bundle
    assert bundle.card.figure("films") > 8


def test_a_stop_in_training_ends_with_the_figures_of_what_time_allowed(demo, settings, monkeypatch):
    for name, value in (("LEAST_ANSWERS", 8), ("ANSWER_SECONDS", 0.0), ("BATCH", 8)):
        monkeypatch.setattr(stopped, name, value)
    run = start(demo, settings, small(epochs=3, robustness=True), name="stopped-early")
    report, heard = ask_at(run, "epoch")
    bundle = carry(run, settings, report)
    assert [facts[1:3] for facts in heard if facts[0] == "validation"] == [(0, 1), (1, 1)]
    assert "robustness" not in {facts[0] for facts in heard}
    assert bundle.card.stress is None
    fitted_on = bundle.card.points_fitted_on
    assert "as they are; the run was stopped by hand" in fitted_on
    held_out = bundle.card.data.held_out_films
    assert fitted_on.startswith(f"8 of {held_out} validation films")
    assert len(pd.read_csv(bundle.path / "predictions.csv")) == bundle.card.figure("films") == 8
    roles = [line.split()[-1] for line in (bundle.path / "films.sha256").read_text().splitlines()]
    assert (roles.count("v"), roles.count("t")) == (held_out, outside_test(demo) - held_out)
    assert f"It was trained on {roles.count('t')} films. Its figures are" in bundle.card.summary
    assert f"figures and operating points are from 8 of the {held_out}" in run.status().message
    agreement = bundle.card.document["agreement"]
    assert (agreement["films"], agreement["openvino_stored_as"]) == (8, "float32")
    assert bundle.card.document["familiarity"]["learnt_from"] == 6
    assert run.status().took == {}
    assert run.status().state == "stopped"
    assert run.status().ahead_of_training["robustness"] == 0


def test_a_stop_in_the_robustness_suite_ends_that_alone(demo, settings, undisturbed):
    run = start_trained(demo, settings, undisturbed, "suite-stopped", robustness=True)
    report, heard = ask_at(run, "robustness")
    bundle = carry(run, settings, report)
    assert [facts[1] for facts in heard if facts[0] == "robustness"] == [1, 1]
    assert bundle.card.stress is None
    assert "centre crop" in bundle.card.calibration.fitted_on
    assert (run.status().state, run.status().delivered) == ("done", "suite-stopped")
    assert "did not finish (it was stopped by hand). Measure it" in run.status().note


def test_a_run_that_was_stopped_and_then_cancelled_trains_on_when_it_is_resumed(
    demo, settings, monkeypatch
):
    run = start(demo, settings, small(), name="stop-cancel-resume")

    def stop_then_cancel(phase, *_):
        if phase == "epoch":
            run.request("stop")
        if phase == "validation":
            run.request("cancel")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        carry(run, settings, stop_then_cancel)
    assert len(pd.read_csv(run.folder / "fold-0" / "history.csv")) == 2
    assert run.status().stopped_after == {"fold": 0, "epoch": 1}

    given = kept_back(monkeypatch)
    run.clear_requests()
    carry(run, settings)
    history = pd.read_csv(run.folder / "fold-0" / "history.csv")
    assert list(history["epoch"]) == [0, 1]
    status = run.status()
    assert (status.state, status.epoch, status.stopped_after) == ("done", 2, None)
    assert given[0]["answers"].read is None
    assert len(given[0]["answers"].logits) == 8


def test_a_run_stopped_by_hand_is_interrupted_and_not_failed(demo, settings):
    def stop(*_):
        raise KeyboardInterrupt

    run = start(demo, settings, small(), name="stopped")
    with pytest.raises(KeyboardInterrupt):
        carry(run, settings, stop)
    assert run.status().state == "interrupted"


def test_a_folder_without_films_ends_the_run_in_words(tmp_path, settings):
    (tmp_path / "empty").mkdir()
    run = start(tmp_path / "empty", settings, small())
    with pytest.raises(DataSetError) as caught:
        carry(run, settings)
    assert run.status().state == "failed"
    assert run.status().message == str(caught.value)


def films(*subtypes):
    names = [f"{i}.png" for i in range(len(subtypes))]
    labels = ["normal" if s == "normal" else "pneumonia" for s in subtypes]
    return pd.DataFrame({"film": names, "subtype": subtypes, "label": labels})


def test_labels_follow_the_recipes_classes():
    index = films("viral", "normal", "bacterial")
    assert list(class_labels(index, small())) == [2, 0, 1]
    assert list(class_labels(index, small(task="binary"))) == [1, 0, 1]


def test_unknown_subtypes_lead_to_the_binary_task():
    with pytest.raises(DataSetError, match=r"1 films are not, the first 1\.png\. .*--task binary"):
        class_labels(films("normal", "unknown", "viral", "bacterial"), small())


def test_an_absent_class_is_named():
    with pytest.raises(DataSetError, match="there is no viral film"):
        class_labels(films("normal", "bacterial"), small())


def test_a_model_of_synthetic_films_says_whose_they_are(undisturbed):
    _, bundle, _ = undisturbed
    data = bundle.card.document["data"]
    assert data["source"] == f"{SYNTHETIC} {SYNTHETIC_ORIGIN}"
    assert data["drawn_films"] == data["films"]
    table = pd.read_csv(bundle.path / "predictions.csv")
    assert data["validation_normal"] == (table["label"] == "normal").sum()
    assert data["validation_groups"] == table["group"].nunique()
    labels = [reason.label for reason in judge(bundle.card).reasons]
    assert labels[:2] == ["trained on synthetic films", "small validation sample"]


IN_PART = "2 of the 6 films are synthetic and show no child; the origin of the others is unknown."


@pytest.mark.parametrize(
    ("normal", "ill", "synthetic", "said"),
    [
        (3, 3, 0, UNKNOWN_SOURCE),
        (3, 3, 2, IN_PART),
        (1341, 3875, 0, None),
        (1341, 3875, 5216, f"{SYNTHETIC} {SYNTHETIC_ORIGIN}"),
    ],
)
def test_where_films_are_from_as_far_as_it_is_known(normal, ill, synthetic, said):
    index = pd.DataFrame({"drawn": np.arange(normal + ill) < synthetic})
    found = origin_of_films(index, normal)
    assert found.get("source") == said
    assert found.get("drawn_films", 0) == synthetic


def test_a_resume_of_a_finished_training_keeps_its_date_and_duration(
    settings, undisturbed, monkeypatch
):
    run, bundle, _ = undisturbed
    assert bundle.card.training.finished == utc_now()[:10]
    assert bundle.card.training.seconds > 0
    run.update(state="failed", seconds=12.5, trained="2001-02-03")
    given = kept_back(monkeypatch)
    carry(run, settings)
    facts = given[0]["facts"]
    assert (facts["seconds"], facts["finished"]) == (12.5, "2001-02-03")
