"""The Training page before a run: the films, the settings, the sentence, Start."""

import pytest

from pages.ui import state
from pages.ui.training import plan
from pages.ui.training.more_settings import MORE
from pages.ui.training.setup import BACKBONES, SIZES, backbone_title, sentence, widget_values
from pneumo_core.dataset.sources import data_dir
from pneumo_core.errors import TrainingError
from pneumo_core.training.network import BACKBONES as KNOWN
from pneumo_core.training.recipe import PRESETS, Recipe, make_recipe
from pneumo_core.training.runs.run import create_run, list_runs
from pneumo_core.training.sources import sources_of
from tests.pages.seen import button, click_twice, html_of, no_trace


def test_an_empty_page_leads_to_films_and_starts_nothing(page, started):
    page.run()
    assert page.info[0].value.startswith("First choose the films to train on.")
    assert button(page, "Make them")
    assert "<p>A <b>Start</b> button appears once there are films" in html_of(page)
    assert [one.label for one in page.button if one.label == "Start"] == []
    assert not page.dataframe
    assert no_trace(page)


def test_with_films_an_empty_page_names_the_button_that_is_there(page, films, started):
    page.run()
    assert "No run yet.</h2><p>Press <b>Start</b> to train a model" in html_of(page)
    assert button(page, "Start")


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
    assert "36 training films: 12 normal / 12 bacterial / 12 viral" in html_of(page)
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
    assert "◷ starting" in html_of(page)
    assert button(page, "Queue")
    assert no_trace(page)


def test_where_weights_can_be_had_resnet50_transfer_is_the_first_choice(
    page, films, started, monkeypatch
):
    monkeypatch.setattr("pneumo_core.training.network.weights_at", lambda _: "kept")
    page.run()
    assert "ResNet50, ImageNet weights, 224 px, 12 epochs on" in html_of(page)
    assert "Kept here from an earlier download." in [one.value for one in page.caption]
    assert no_trace(page)


def test_without_weights_the_small_cnn_is_offered_and_why_is_said(page, films, started):
    page.run()
    said = " ".join(one.value for one in page.caption)
    assert "ResNet50 with ImageNet weights would be the first choice" in said
    page.selectbox(key="training.backbone").set_value("resnet50").run()
    assert "cannot be downloaded: no connection" in " ".join(one.value for one in page.caption)


def test_films_without_subtypes_are_trained_in_two_classes(page, films, started):
    (films / "train/PNEUMONIA/other.jpeg").touch()
    page.run()
    assert page.selectbox(key="training.task.binary").options == ["Normal, pneumonia"]
    page.button(key="training.start").click().run()
    assert started[0].recipe().task == "binary"
    assert no_trace(page)


def test_an_earlier_runs_settings_are_taken_over(page, films, started, settings):
    recipe = make_recipe("standard", backbone="cnn", size=96, epochs=5, dropout=0.35, batch=8)
    earlier = create_run(settings.runs_dir, recipe, data=films, bundle="m")
    earlier.update(state="done")
    page.run()
    page.selectbox(key="training.earlier").set_value(earlier.id).run()
    assert "Small CNN, from scratch, 96 px, 5 epochs on" in html_of(page)
    page.button(key="training.start").click().run()
    assert started[-1].recipe() == recipe
    assert no_trace(page)


def test_every_choice_of_a_recipe_that_the_screen_offers_is_taken_over():
    values = widget_values(make_recipe("quick", weights="kermany-r50v2"))
    assert values["training.weights"] == "model"
    assert values["training.parent.resnet50v2"] == "kermany-r50v2"
    assert values["training.batch.quick"] == 32


def test_before_the_start_the_command_the_json_and_the_schedule_are_shown(page, films, started):
    page.run()
    shown = [one.value for one in page.code]
    assert any(f"train {films} --preset quick --backbone cnn" in one for one in shown)
    assert any('"label_smoothing": 0.06' in one for one in shown)
    assert button(page, "Show examples and network")
    assert "Warm-up over 8 % of the steps to 0.0003" in " ".join(x.value for x in page.caption)
    assert no_trace(page)


def test_a_double_click_starts_one_run(page, films, started, settings):
    page.run()
    click_twice(page, page.button(key="training.start"))
    assert len(list_runs(settings.runs_dir)) == 1
    assert no_trace(page)


def test_settings_that_are_at_work_already_are_not_started_again(page, films, started, settings):
    page.run()
    button(page, "Start").click().run()
    assert button(page, "Queue").disabled
    assert "This run is already in progress." in page.caption[0].value
    page.number_input(key="training.seed.quick").set_value(3).run()
    button(page, "Queue").click().run()
    assert [run.recipe().seed for run in started] == [7, 3]
    assert button(page, "Queue").disabled


def test_a_start_that_failed_can_be_tried_again(page, films, started, monkeypatch):
    start = plan.start_run

    def broken(*_, **__):
        raise TrainingError("Expected to start a run in the folder of runs, got: no space.")

    monkeypatch.setattr(plan, "start_run", broken)
    button(page.run(), "Start").click().run()
    monkeypatch.setattr(plan, "start_run", start)
    button(page, "Start").click().run()
    assert len(started) == 1


def test_films_that_do_not_serve_a_training_are_told_and_start_is_off(page, films, started):
    for path in films.rglob("IM-*"):
        path.unlink()
    page.run()
    assert "Expected films of at least 5 normal patients" in page.warning[0].value
    assert page.button(key="training.start").disabled


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
        ("{films}/none.weights.h5", "which does not exist. Check the path."),
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
    found = page.selectbox(key="training.weights.found.resnet50")
    assert found.options[0] == "mine.weights.h5"  # no path has to be typed
    assert found.value == str(films / "mine.weights.h5")
    assert "ResNet50, weights of a local file, 128 px" in html_of(page)
    page.button(key="training.start").click().run()
    assert started[0].recipe().weights == str(films / "mine.weights.h5")


def test_a_fault_in_a_run_is_words_on_the_page(page, films, settings, monkeypatch):
    def broken(*_, **__):
        raise TrainingError("Expected to start a run in the folder of runs, got: no space.")

    monkeypatch.setattr(plan, "start_run", broken)
    page.run()
    page.button(key="training.start").click().run()
    assert page.error[0].value.startswith("Expected to start a run in the folder of runs")
    assert no_trace(page)


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


def another(settings, name="second", films=7):
    folder = data_dir(settings) / name
    for number in range(films):
        for film in (
            f"NORMAL/IM-{number:04}-0001.jpeg",
            f"PNEUMONIA/person{number}_bacteria_1.jpeg",
        ):
            (folder / film).parent.mkdir(parents=True, exist_ok=True)
            (folder / film).touch()
    return folder


def add(page, folder):
    page.text_input(key="training.source").set_value(str(folder))
    button(page, "Add the source").click().run()


def test_a_further_source_is_added_trained_on_and_taken_out(page, films, started, settings):
    second = another(settings)
    page.run()
    add(page, second)
    assert "With 1 more: 50 training films: 19 normal / 19 bacterial / 12 viral" in html_of(page)
    page.toggle(key="training.leave_source_out").set_value(True).run()
    shown = " ".join(one.value for one in page.code)
    assert f"train {films} {second} --preset quick" in shown
    assert "--leave-source-out" in shown
    page.button(key="training.start").click().run()
    (run,) = started
    assert [one.folder for one in sources_of(run.config())] == [films, second]
    assert run.recipe().leave_source_out
    button(page, "Remove").click().run()
    assert "more:" not in html_of(page)
    assert page.session_state[state.further_sources.key] == ()
    assert no_trace(page)


def test_what_is_no_other_source_is_refused_with_the_reason(page, films, started, settings):
    page.run()
    add(page, films / "train")
    assert "are the same folder or one holds the other" in page.error[0].value
    empty = data_dir(settings) / "empty"
    empty.mkdir()
    add(page, empty)
    assert "found no such films in" in page.error[0].value
    assert state.further_sources.key not in page.session_state
    assert no_trace(page)
