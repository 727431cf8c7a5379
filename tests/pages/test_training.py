"""The Training page, run by Streamlit's own tester, and its parts: settings, charts, table."""

import json
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages.ui.charts import training as charts
from pages.ui.charts.training import Chart, Line, curves, share_span
from pages.ui.training import plan
from pages.ui.training.figures import loss_chart, metric_chart, overlay
from pages.ui.training.ledger import difference_table, table
from pages.ui.training.names import moment, rate_in_words, run_title
from pages.ui.training.settings import SIZES
from pages.ui.training.words import BACKBONES, MORE, backbone_title, sentence
from pneumo_core.config import load_settings
from pneumo_core.errors import TrainingError
from pneumo_core.films.sources import data_dir, remember_source
from pneumo_core.learning import launch
from pneumo_core.learning.hardware import Hardware, hardware_key
from pneumo_core.learning.history import Curves
from pneumo_core.learning.network import BACKBONES as KNOWN
from pneumo_core.learning.overview import row_of
from pneumo_core.learning.recipe import PRESETS, Recipe, make_recipe
from pneumo_core.learning.runs import create_run, list_runs

ROOT = Path(__file__).resolve().parents[2]
RATE = {"value": 0.95, "low": 0.9, "high": 0.99}


@pytest.fixture
def settings(tmp_path, monkeypatch):
    for name in ("MODELS", "RUNS", "CACHE"):
        monkeypatch.setenv(f"PNEUMO_{name}", str(tmp_path / name.lower()))
    monkeypatch.delenv("PNEUMO_JOBS", raising=False)
    made = load_settings()
    # The machine is known, so that no process is asked for it.
    found = Hardware(
        2, 24 * 2**30, "2 CPU cores", (), "tensorflow", "float32", False, hardware_key()
    )
    made.cache_dir.mkdir()
    (made.cache_dir / "machine.json").write_text(json.dumps(asdict(found)))
    st.cache_data.clear()
    return made


@pytest.fixture
def started(monkeypatch):
    """Runs are made, but no process is started for them."""
    begun = []

    def start(run, _settings):
        run.update(phase="waiting")  # this process stands for the run's own
        begun.append(run)

    monkeypatch.setattr(launch, "_start_process", start)
    return begun


@pytest.fixture
def films(settings):
    """A data set in its names alone."""
    folder = data_dir(settings) / "synthetic-36"
    for number in range(12):
        for name in (
            f"NORMAL/IM-{number:04}-0001.jpeg",
            f"PNEUMONIA/person{number}_bacteria_1.jpeg",
            f"PNEUMONIA/person{number}_virus_1.jpeg",
        ):
            (folder / "train" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "train" / name).touch()
    remember_source("synthetic", folder, settings=settings)
    return folder


@pytest.fixture
def page(settings):
    return AppTest.from_file(str(ROOT / "pages" / "training.py"), default_timeout=30)


def html_of(page):
    bodies = [element.proto.body for element in page.get("html")]
    return "\n".join(body for body in bodies if not body.startswith("<style"))


def no_trace(page):
    return not page.exception and "Traceback" not in html_of(page)


def button(page, label):
    return next(one for one in page.button if one.label == label)


def make_run(settings, state="running", **facts):
    recipe = make_recipe("quick", backbone="cnn")
    run = create_run(settings.runs_dir, recipe, data=settings.cache_dir, bundle="cnn-quick")
    run.update(state=state, **facts)
    return run


def draw(run, epochs=2):
    folder = run.folder / "fold-0"
    folder.mkdir()
    rows = [f"{e},0.6,1.2,{0.7 + e / 10},{1.1 - e / 10}" for e in range(epochs)]
    (folder / "history.csv").write_text("\n".join(["epoch,auc,loss,val_auc,val_loss", *rows, ""]))
    (folder / "steps.csv").write_text(
        "step,epoch,loss,auc,films_per_second,learning_rate\n1,0.1,1.3,0.5,50,0.0001\n"
        "9,1,1.2,0.6,60,0.0002\n"
    )


# The page


def test_an_empty_page_leads_to_films_and_starts_nothing(page, started):
    page.run()
    assert page.info[0].value.startswith("First the films to learn from.")
    assert button(page, "Draw them")
    assert "No run yet." in html_of(page)
    assert [one.label for one in page.button if one.label == "Start"] == []
    assert not page.dataframe
    assert no_trace(page)


def test_a_data_set_without_films_is_told_and_another_one_asked_for(page, films, started):
    for path in films.rglob("*.jpeg"):
        path.unlink()
    page.run()
    assert "found no such films in" in page.error[0].value
    assert button(page, "Open")
    assert [one.label for one in page.button if one.label == "Start"] == []
    assert no_trace(page)


def test_what_will_run_is_a_sentence_that_changes_with_the_settings(page, films, started):
    page.run()
    assert "Small CNN, from scratch, 128 px, 3 epochs on 2 CPU cores: very roughly" in html_of(page)
    assert "36 films to learn from: 12 normal / 12 bacterial / 12 viral" in html_of(page)
    page.segmented_control(key="training.preset").set_value("standard").run()
    page.selectbox(key="training.backbone").set_value("resnet50").run()
    assert "ResNet50, ImageNet weights, 224 px, 12 epochs on" in html_of(page)
    page.number_input(key="training.folds.standard").set_value(5).run()
    assert "12 epochs in each of 5 folds and once on all films" in html_of(page)
    assert not page.warning
    assert no_trace(page)


def test_start_makes_a_run_of_what_was_chosen(page, films, started, settings):
    page.run()
    page.selectbox(key="training.size.quick").set_value(64)
    page.number_input(key="training.epochs.quick").set_value(7)
    page.number_input(key="training.seed.quick").set_value(3)
    page.toggle(key="training.augment.quick").set_value(False).run()
    page.button(key="training.start").click().run()
    (run,) = started
    recipe = run.recipe()
    assert (recipe.size, recipe.epochs, recipe.seed, recipe.augment) == (64, 7, 3, False)
    assert recipe == make_recipe("quick", backbone="cnn", size=64, epochs=7, seed=3, augment=False)
    assert run.config()["data"] == str(films)
    assert run.config()["bundle"] == "cnn-quick"
    assert "◷ waiting for its turn" in html_of(page)
    assert page.button(key="training.start").label == "Queue it"
    assert no_trace(page)


def test_a_double_click_starts_one_run(page, films, started, settings):
    page.run()
    page.button(key="training.start").click().run()
    page.button(key="training.start").click().run()
    assert len(list_runs(settings.runs_dir)) == 1
    page.session_state["training.started"] = (None, time.monotonic())
    page.button(key="training.start").click().run()
    assert len(list_runs(settings.runs_dir)) == 2


def test_films_that_do_not_serve_the_task_are_told_and_start_is_off(page, films, started):
    for path in films.rglob("*virus*"):
        path.unlink()
    page.run()
    assert "there is no viral film. Choose the task with two classes." in page.warning[0].value
    assert page.button(key="training.start").disabled
    page.selectbox(key="training.task").set_value("binary").run()
    assert not page.warning
    assert not page.button(key="training.start").disabled


def test_too_little_memory_refuses_the_start(page, films, started, monkeypatch):
    words = "Expected about 5.0 GB of free memory, as measured here; 1.0 GB are free."
    monkeypatch.setattr(plan, "shortages", lambda *_: [words])
    page.run()
    assert page.warning[0].value == words
    assert page.button(key="training.start").disabled


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "Expected a weights file, got nothing."),
        ("/etc/passwd", "Expected a weights file in a folder that may be opened"),
        ("{films}/none.weights.h5", "which is none. Check the path."),
    ],
)
def test_a_weights_file_that_is_none_is_told_and_nothing_starts(page, films, typed, words):
    page.run()
    page.selectbox(key="training.backbone").set_value("resnet50").run()
    page.segmented_control(key="training.weights").set_value("file").run()
    page.text_input(key="training.weights.file").set_value(typed.format(films=films)).run()
    assert words in page.warning[0].value
    assert [one.label for one in page.button if one.label == "Start"] == []
    assert no_trace(page)


def test_a_local_weights_file_is_taken(page, films, started):
    (films / "mine.weights.h5").touch()
    page.run()
    page.selectbox(key="training.backbone").set_value("resnet50").run()
    page.segmented_control(key="training.weights").set_value("file").run()
    page.text_input(key="training.weights.file").set_value(str(films / "mine.weights.h5")).run()
    assert "ResNet50, weights of a local file, 128 px" in html_of(page)
    page.button(key="training.start").click().run()
    assert started[0].recipe().weights == str(films / "mine.weights.h5")


def test_a_run_at_work_shows_how_far_it_is_and_how_fast(page, films, settings):
    run = make_run(
        settings,
        phase="training",
        words="epoch 2 of 3, loss 1.203",
        done=12,
        total=27,
        seconds_left=95.0,
        step=3,
        epochs=3,
        films_per_second=113.4,
        learning_rate=2.8e-4,
        memory={"process": 2**30, "device": 2**31, "left": 2**30, "limit": 2**33},
        machine="Keras on tensorflow, 1 × GPU",
        last={"val_auc": 0.7, "val_loss": 1.1},
    )
    draw(run)
    run.log.write_text("index: 36 films\n")
    page.run()
    html = html_of(page)
    assert "▶ running" in html
    assert "113 films a second" in html
    assert "0.00028" in html
    assert "1.0 GB, 2.0 GB of the GPU" in html
    assert "AUC 0.700, loss 1.100 after the last epoch" in html
    assert len(page.get("plotly_chart")) == 2
    assert page.get("progress")[0].proto.text == "epoch 2 of 3, loss 1.203 · about 2 min left"
    assert page.get("progress")[0].proto.value == 44
    assert "index: 36 films" in [one.value for one in page.code]
    assert {"Stop", "Cancel"} <= {one.label for one in page.button}
    assert page.button(key="training.start").label == "Queue it"
    assert no_trace(page)


def test_what_went_not_quite_as_it_should_is_noted(page, films, settings):
    names = [f"train/NORMAL/{number}.jpeg" for number in range(5)]
    make_run(settings, note="The loss became NaN in epoch 3.", unreadable=names)
    page.run()
    told = [one.value for one in page.warning]
    assert told[0] == "The loss became NaN in epoch 3."
    assert told[1].startswith("5 films could not be read and had no part in it: train/NORMAL/0")
    assert "and 2 more. The Dataset screen says why." in told[1]


def test_stop_and_cancel_leave_their_wish(page, films, settings):
    run = make_run(settings, phase="training", step=3)
    page.run()
    button(page, "Stop").click().run()
    assert run.asked("stop")
    assert "◼ stopping" in html_of(page)
    button(page, "Cancel").click().run()
    assert run.asked("cancel")


def test_before_the_first_step_there_is_nothing_to_stop(page, films, settings):
    make_run(settings, phase="decoding the films", done=30, total=36)
    page.run()
    assert "Stop" not in {one.label for one in page.button}
    assert page.get("progress")[0].proto.text == "decoding the films, 30 of 36"


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"state": "failed", "failure": "disk", "message": "Full."}, "Full."),
        ({"state": "interrupted", "message": ""}, "Its process ended without a word"),
    ],
)
def test_a_run_that_ended_badly_says_why_and_can_be_resumed(page, settings, started, facts, words):
    run = make_run(settings, **facts)
    page.run()
    assert words in page.error[-1].value
    button(page, "Resume").click().run()
    assert started == [run]
    assert no_trace(page)


def test_a_loss_that_became_nan_is_not_resumed(page, films, settings):
    make_run(settings, "failed", failure="nan", message="The loss became NaN.")
    page.run()
    assert page.error[0].value == "The loss became NaN."
    assert "Resume" not in {one.label for one in page.button}


def test_a_model_can_be_put_in_service_once_it_is_there(page, films, settings, monkeypatch):
    make_run(settings, "done", message="Model cnn-quick is written.", figures={"auc": RATE})
    page.run()
    assert "Put in service" not in {one.label for one in page.button}
    assert "0.950 [0.900–0.990]" in html_of(page)
    (settings.models_dir / "cnn-quick").mkdir(parents=True)
    (settings.models_dir / "cnn-quick" / "card.json").write_text("{}")
    page.run()
    assert "Put in service" in {one.label for one in page.button}
    button(page, "Put in service").click().run()
    assert "cnn-quick" in page.error[0].value  # it is not whole, and is told so
    (settings.models_dir / "active").write_text("cnn-quick\n")
    page.run()
    assert any("Its model cnn-quick is in service" in one.value for one in page.caption)


def test_a_run_is_deleted_after_a_question(page, films, settings):
    run = make_run(settings, "done")
    page.run()
    button(page, "Delete…").click().run()
    assert run.folder.exists()
    button(page, "Delete for good").click().run()
    assert not run.folder.exists()
    assert "No run yet." in html_of(page)


def test_two_ticked_runs_are_compared_and_stay_ticked_when_one_is_added(page, films, settings):
    first = make_run(settings, "done", seconds=1)
    second = make_run(settings, "failed", message="The disk is full.")
    draw(first)
    draw(second)
    page.session_state["training.ticked"] = [first.id, second.id]
    page.run()
    assert len(page.get("plotly_chart")) == 4
    differing = page.dataframe[1].value
    assert sorted(differing.loc["state"]) == ["done", "failed"]
    make_run(settings, "done")
    page.run()
    assert sorted(page.session_state["training.ticked"]) == sorted([first.id, second.id])
    assert len(page.dataframe) == 2
    page.session_state["training.ticked"] = [second.id]
    page.run()
    assert any("The disk is full." in one.value for one in page.markdown)
    assert no_trace(page)


def test_a_damaged_run_has_its_line_and_breaks_nothing(page, films, settings):
    run = make_run(settings, "done")
    (run.folder / "status.json").write_text("{")
    page.session_state["training.ticked"] = [run.id]
    page.run()
    assert "damaged" in page.dataframe[0].value["data"].tolist()
    button(page, "Delete…").click().run()
    button(page, "Delete for good").click().run()
    assert not run.folder.exists()


# Its parts


def test_every_network_preset_and_setting_has_words():
    assert set(BACKBONES) == set(KNOWN)
    assert {make_recipe(name, backbone="cnn").size for name in PRESETS} <= set(SIZES)
    assert {setting.name for setting in MORE} <= set(Recipe().as_dict())
    assert all(setting.meaning.endswith(".") for setting in MORE)
    assert backbone_title("cnn") == "Small CNN"


def test_the_sentence_says_where_a_network_starts():
    recipe = make_recipe("standard", size=160, epochs=1)
    assert sentence(recipe, "2 CPU cores", "about 15 min") == (
        "ResNet50, ImageNet weights, 160 px, 1 epoch on 2 CPU cores: about 15 min"
    )


def test_names_of_runs_and_rates(settings):
    run = make_run(settings)
    assert run_title(run).startswith("Small CNN, 128 px, ")
    assert rate_in_words(RATE, whole=True) == "95 % [90–99]"
    assert rate_in_words(RATE, whole=False) == "0.950 [0.900–0.990]"
    assert rate_in_words(None, whole=True) is None
    assert moment("never") == ""


STEPS = {name: np.array([0.5, 1.0]) for name in ("step", "epoch", "loss", "auc")}
EPOCHS = {
    "epoch": np.array([0.0, 1.0, 2.0]),
    "loss": np.array([1.0, 0.9, 0.8]),
    "val_loss": np.array([1.1, np.nan, 1.0]),
    "val_auc": np.array([0.91, 0.97, 0.95]),
    "val_sensitivity": np.array([0.5, 0.6, 0.7]),
}


def test_the_loss_of_training_goes_by_steps_and_of_validation_by_epochs():
    chart = loss_chart(Curves(0, STEPS, EPOCHS), 5)
    training, validation = chart.lines
    assert (training.name, training.points) == ("training", False)
    np.testing.assert_array_equal(validation.epochs, [1, 2, 3])
    figure = curves(chart)
    assert figure.layout.xaxis.title.text == charts.EPOCHS
    assert figure.layout.yaxis.title.text == charts.LOSS
    assert figure.layout.xaxis.range == (0, 5 * 1.03)
    assert list(figure.data[1].y) == [1.1, 1.0]  # NaN is left out


def test_a_run_without_steps_draws_its_epochs():
    (training, _) = loss_chart(Curves(0, {}, EPOCHS), 3).lines
    assert training.points
    assert loss_chart(Curves(0, {}, {}), 3).lines == []
    assert len(curves(Chart([], charts.LOSS)).data) == 0


def test_the_best_epoch_is_ringed_and_rates_are_named():
    chart = metric_chart(Curves(0, STEPS, EPOCHS), 3)
    assert [line.name for line in chart.lines] == [
        "training",
        "validation",
        "sensitivity at 90 % specificity",
    ]
    assert chart.y == charts.SHARE
    ring = next(trace for trace in curves(chart).data if trace.marker.symbol == "circle-open")
    assert (list(ring.x), list(ring.y)) == ([2], [0.97])
    without = {name: values for name, values in EPOCHS.items() if name != "val_sensitivity"}
    assert metric_chart(Curves(0, {}, without), 3).y == charts.AUC


@pytest.mark.parametrize(
    ("values", "floor"), [([0.95, 0.99], 0.9), ([0.81], 0.8), ([0.6], 0.5), ([0.2], 0.0), ([], 0.9)]
)
def test_the_axis_of_shares_shows_every_value(values, floor):
    line = Line("one", np.arange(len(values)), np.array(values, float))
    low, high = share_span([line])
    assert low == floor
    assert 1 < high < 1.03


def test_runs_over_each_other_have_a_colour_each():
    chart = overlay([("A", Curves(0, STEPS, EPOCHS)), ("B", Curves(0, {}, EPOCHS))], loss=True)
    figure = curves(chart)
    colours = {trace.name: trace.line.color for trace in figure.data}
    assert colours["A, validation"] == colours["A, training"] != colours["B, validation"]
    share = overlay([("A", Curves(0, STEPS, EPOCHS))], loss=False)
    assert [line.name for line in share.lines] == ["A, training", "A, validation"]


def test_the_table_has_intervals_and_no_path(settings):
    run = make_run(settings, "done", figures={"auc": RATE, "sensitivity": RATE})
    found = table([row_of(run)])
    assert found["auc"].tolist() == ["0.950 [0.900–0.990]"]
    assert found["sensitivity"].tolist() == ["95 % [90–99]"]
    assert found["specificity"].tolist() == [None]
    assert not any("/" in str(value) for value in found.iloc[0])


def test_only_differences_are_listed(settings):
    first, second = make_run(settings, "done"), make_run(settings, "done", last={"val_auc": 0.5})
    found = difference_table({"A": first, "B": second})
    assert found.loc["AUC, last epoch"].tolist() == ["–", "0.5"]
    assert "backbone" not in found.index
    assert difference_table({"A": first, "B": first}).empty


def test_a_fault_in_a_run_is_words_on_the_page(page, films, settings, monkeypatch):
    def broken(*_, **__):
        raise TrainingError("Expected to start a run in the folder of runs, got: no space.")

    monkeypatch.setattr(plan, "start_run", broken)
    page.run()
    page.button(key="training.start").click().run()
    assert page.error[0].value.startswith("Expected to start a run in the folder of runs")
    assert no_trace(page)
