"""The Training page with a run: at work, ended well, ended badly, its model put in service."""

import json
import shutil

import pytest

from pages.ui import cache
from pages.ui.training.run_view import loss_chart, metric_chart
from pneumo_core.bundle import active_name
from pneumo_core.bundle.integrity import write_sums
from pneumo_core.training.runs import queue
from pneumo_core.training.runs.history import MEASURED_AGAIN, read_curves
from tests.pages.seen import button, html_of, no_trace
from tests.pages.training.training_runs import RATE, draw, make_run


@pytest.fixture
def model(settings, tiny_models_dir, monkeypatch):
    """Makes the model that the run of `make_run` is to write, with these changes to its card."""
    monkeypatch.setattr(cache, "reader_of", lambda bundle: bundle)

    def made(**changes):
        folder = shutil.copytree(tiny_models_dir / "tiny", settings.models_dir / "cnn-quick")
        card = json.loads((folder / "card.json").read_text()) | changes
        (folder / "card.json").write_text(json.dumps(card))
        write_sums(folder)
        return folder

    return made


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
        gpu_use=[0.87, 0.03],
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
    assert "1 GB, 2 GB of the GPU" in html
    assert "<dt>GPU at work</dt><dd>87 %, 3 %</dd>" in html
    assert "AUC about 0.700, loss 1.100 after the last epoch" in html
    assert len(page.get("plotly_chart")) == 3  # with the schedule of the next one
    assert page.get("progress")[0].proto.text == "epoch 2 of 3, loss 1.203 · about 2 min left"
    assert page.get("progress")[0].proto.value == 44
    assert "index: 36 films" in [one.value for one in page.code]
    assert {"Stop", "Cancel"} <= {one.label for one in page.button}
    assert button(page, "Queue")
    assert no_trace(page)


def test_what_went_not_quite_as_it_should_is_noted(page, films, settings):
    names = [f"train/NORMAL/{number}.jpeg" for number in range(5)]
    make_run(settings, note="The loss became NaN in epoch 3.", unreadable=names)
    page.run()
    told = [one.value for one in page.warning]
    assert told[0] == "The loss became NaN in epoch 3."
    assert told[1].startswith("5 films could not be read and were left out: train/NORMAL/0")
    assert "and 2 more. See the Dataset screen." in told[1]


def test_stop_and_cancel_leave_their_wish(page, films, settings):
    run = make_run(settings, phase="training", step=3)
    page.run()
    button(page, "Stop").click().run()
    assert run.requested("stop")
    assert "◼ stopping" in html_of(page)
    button(page, "Cancel").click().run()
    assert run.requested("cancel")


def test_before_the_first_step_there_is_nothing_to_stop(page, films, settings):
    make_run(settings, phase="decoding the films", done=30, total=36)
    page.run()
    assert "Stop" not in {one.label for one in page.button}
    assert page.get("progress")[0].proto.text == "decoding the films, 30 of 36"


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"state": "failed", "failure": "disk", "message": "Full."}, "Full."),
        ({"state": "interrupted", "message": ""}, "Its process ended unexpectedly"),
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


def test_a_model_can_be_put_in_service_once_it_is_there(page, films, settings, model):
    made = make_run(settings, "done", message="Model cnn-quick is written.", figures={"auc": RATE})
    made.update(worked_before=60.0, seconds=35.2)
    page.run()
    assert "of it training 35 s</dd>" in html_of(page)
    assert "Put in service" not in {one.label for one in page.button}
    assert "0.950 [0.900–0.990]" in html_of(page)
    model()
    page.run()
    assert "Do not rely" not in html_of(page)
    button(page, "Put in service").click().run()
    assert active_name(settings.models_dir) == "cnn-quick"
    assert any("Its model cnn-quick is in service" in one.value for one in page.caption)
    assert page.toast[0].value.startswith("cnn-quick 1.0 is in service")


def test_a_model_of_no_worth_is_put_in_service_after_a_question(page, films, settings, model):
    make_run(settings, "done")
    model(figures={"auc": {"value": 0.63, "low": 0.45, "high": 0.8}})
    page.run()
    assert "This model has reliability warnings:" in html_of(page)
    assert "AUC 0.630 [0.450–0.800], where 0.5 is chance" in html_of(page)
    button(page, "Put in service").click().run()
    assert html_of(page).count("where 0.5 is chance") == 2  # on the page and in the question
    button(page, "Cancel").click().run()
    assert not (settings.models_dir / "active").exists()
    button(page, "Put in service").click().run()
    button(page, "Put in service anyway").click().run()
    assert active_name(settings.models_dir) == "cnn-quick"
    assert no_trace(page)


def test_a_damaged_model_is_not_offered(page, films, settings, model):
    make_run(settings, "done")
    (model() / "card.json").write_text("{}")
    page.run()
    assert "Put in service" not in {one.label for one in page.button}
    assert any("Its model cnn-quick is damaged" in one.value for one in page.caption)
    assert no_trace(page)


def test_where_two_aucs_meet_a_sentence_says_which_one_counts(page, films, settings):
    run = make_run(settings, phase="training", step=3, epochs=2)
    draw(run)
    page.run()
    assert not any(MEASURED_AGAIN in one.value for one in page.caption)
    run.update(state="done", figures={"auc": RATE})
    page.run()
    assert any(one.value.endswith(MEASURED_AGAIN) for one in page.caption)


def test_a_run_is_deleted_after_a_question(page, films, settings):
    run = make_run(settings, "done")
    page.run()
    button(page, "Delete…").click().run()
    assert run.folder.exists()
    button(page, "Delete permanently").click().run()
    assert not run.folder.exists()
    assert "No run yet." in html_of(page)


def test_a_run_that_is_resumed_starts_and_shows_nothing_of_before(page, films, settings, started):
    run = make_run(
        *(settings, "cancelled"),
        phase="training",
        words="epoch 2 of 3: done",
        done=16,
        total=24,
        epoch=2,
        step=8,
        seconds_left=9.0,
    )
    run.request("cancel")
    page.run()
    button(page, "Resume").click().run()
    assert started == [run]
    assert page.get("progress")[0].proto.text == "Its process is starting."
    assert page.get("progress")[0].proto.value == 0
    assert "◷ starting" in html_of(page)
    assert run.status().epoch == 2  # those that it has finished


def test_a_run_says_whom_it_waits_for_before_its_process_does(films, settings, started):
    first = make_run(settings, phase="training", step=3)
    waiting = queue.start_run(first.recipe(), data=films, bundle="other", settings=settings)
    summary = waiting.summary()
    assert (summary.state.words, summary.message) == ("queued", "1 run is before it.")
    assert summary.remedy == "It starts when the run before it ends."


def test_a_run_cancelled_in_its_first_epoch_claims_no_epoch_and_draws_no_validation(
    page, films, settings
):
    run = make_run(settings, pid=None, epoch=0, epochs=3, step=2)
    run.request("cancel")
    (run.folder / "fold-0").mkdir()
    (run.folder / "fold-0" / "steps.csv").write_text("step,epoch,loss,auc\n1,0.1,1.3,0.5\n")
    (curves,) = read_curves(run)
    for chart in (loss_chart(curves, 3), metric_chart(curves, 3)):
        assert [line.name for line in chart.lines if line.held_out] == []
    page.run()
    assert any("No epoch was finished." in one.value for one in page.info)
    assert "finished epochs are kept" not in html_of(page)
    assert no_trace(page)
