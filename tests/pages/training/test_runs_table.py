"""All runs in a table, one ticked, two compared; their names and figures in words."""

import pytest

from pages.ui.training import runs_table
from pages.ui.training.actions import moment, rate_in_words, run_title
from pages.ui.training.runs_table import difference_table, table
from pneumo_core.training.runs.history import row_of
from tests.pages.seen import button, no_trace
from tests.pages.training.training_runs import RATE, draw, make_run


def test_two_ticked_runs_are_compared_and_stay_ticked_when_one_is_added(page, films, settings):
    first = make_run(settings, "done", seconds=1)
    second = make_run(settings, "failed", message="The disk is full.")
    draw(first)
    draw(second)
    page.session_state["training.ticked"] = [first.id, second.id]
    page.run()
    assert len(page.get("plotly_chart")) == 5  # with the schedule of the next run
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
    button(page, "Delete permanently").click().run()
    assert not run.folder.exists()


def test_names_of_runs_and_rates(settings):
    run = make_run(settings)
    assert run_title(run).startswith("Small CNN, 128 px, ")
    assert rate_in_words(RATE, whole=True) == "95\xa0% [90–99]"
    assert rate_in_words(RATE, whole=False) == "0.950 [0.900–0.990]"
    assert rate_in_words(None, whole=True) is None
    assert moment("never") == ""


def test_the_table_has_intervals_and_no_path(settings):
    run = make_run(settings, "done", figures={"auc": RATE, "sensitivity": RATE})
    found = table([row_of(run)])
    assert found["auc"].tolist() == ["0.950 [0.900–0.990]"]
    assert found["sensitivity"].tolist() == ["95\xa0% [90–99]"]
    assert found["specificity"].tolist() == [None]
    assert not any("/" in str(value) for value in found.iloc[0])


def test_only_differences_are_listed(settings):
    first, second = make_run(settings, "done"), make_run(settings, "done", last={"val_auc": 0.5})
    found = difference_table({"A": first, "B": second})
    assert found.loc["AUC, last epoch (estimate)"].tolist() == ["–", "0.5"]
    assert "backbone" not in found.index
    assert difference_table({"A": first, "B": first}).empty


@pytest.fixture
def running(monkeypatch):
    """A TensorBoard that is started and stopped in name alone."""
    state = {"at": None}
    monkeypatch.setattr(runs_table, "find_board", lambda _: state["at"])
    monkeypatch.setattr(
        runs_table, "start_board", lambda _: state.update(at="http://localhost:7007")
    )
    monkeypatch.setattr(runs_table, "stop_board", lambda _: state.update(at=None))
    monkeypatch.setattr(runs_table, "keep_board", lambda _: state.update(seen=True))
    return state


def test_it_is_reached_under_the_servers_own_address(page, started, running):
    page.run()
    button(page, "Start here").click().run()
    (link,) = page.get("link_button")
    assert link.proto.url.startswith("/tensorboard/?pass=")
    assert "localhost" not in link.proto.url
    assert running["seen"]
    page.toggle(key="training.board.shown").set_value(True).run()
    first = page.get("iframe")[0].proto.src
    assert first.startswith("/tensorboard/?pass=")
    page.run()
    assert page.get("iframe")[0].proto.src == first  # not loaded anew
    page.button(key="training.board.stop").click().run()
    assert button(page, "Start here")
    assert no_trace(page)
