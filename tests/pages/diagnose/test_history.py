"""The history at the foot of Diagnose: filter, table, one opened, labels, export, deletion."""

import pytest

from pages.ui.diagnose import history
from tests.pages.diagnose.conftest import diagnose
from tests.pages.diagnose.test_take_away import text_of
from tests.pages.diagnose.test_verdict import answer
from tests.pages.seen import button, drop, html_of, no_trace


@pytest.fixture
def exported(monkeypatch):
    """What makes the CSV."""
    found = {}

    def offered(label, data, *_args, **_kwargs):
        found[label] = data

    monkeypatch.setattr(history.st, "download_button", offered)
    return found


@pytest.fixture
def filled(page, png):
    """Three films, one with a verdict, and the history open."""
    drop(page.run(), ("a.png", png(225)), ("b.png", png(30)), ("c.png", png(128)))
    answer(page, agreement="agree", finding="pneumonia", note="Right base.", reader="Ada")
    button(page, "Save verdict").click().run()
    page.session_state["history"] = True
    return page.run()


def rows(page):
    return page.dataframe[-1].value


def choose(page, name, value):
    page.selectbox(key=f"history.{name}").set_value(value).run()
    return rows(page)


def tick(page, *at):
    page.session_state["history.table.0"] = {
        "selection": {"rows": list(at), "columns": [], "cells": []}
    }
    return page.run()


def test_the_table_holds_what_was_read_and_names_no_file(filled):
    found = rows(filled)
    assert sorted(found["outcome"]) == [
        "No sign of pneumonia",
        "Signs of pneumonia",
        "Uncertain: for a radiologist to report",
    ]
    assert set(found["film"]) == {"on the screen"}
    assert "a.png" not in found.to_string()
    assert no_trace(filled)


@pytest.mark.parametrize(
    ("name", "value", "outcomes"),
    [
        ("decision", "Signs of pneumonia", 1),
        ("decision", "Could not be read", 0),
        ("verdict", "agree", 1),
        ("verdict", "Without a verdict", 2),
        ("days", "Today", 3),
        ("model", "stand-in 1.0", 3),
    ],
)
def test_a_filter_restricts_the_table(filled, name, value, outcomes):
    filled.selectbox(key=f"history.{name}").set_value(value).run()
    if outcomes:
        assert len(rows(filled)) == outcomes
    else:
        assert filled.info[-1].value == "No reading matches the filter."


def test_text_is_looked_for_in_notes_and_labels(filled):
    filled.text_input(key="history.text").set_value("right").run()
    assert rows(filled)["reader"].tolist() == ["Ada"]


def test_the_page_of_a_logged_reading_is_printed_without_the_film(filled, exported):
    tick(filled, rows(filled)["reader"].tolist().index("Ada"))
    text = text_of(exported["Report without the film (PDF)"]())
    assert "The film is not kept in the log." in text
    assert "Ada: agrees with the model" in text
    assert "Note: Right base." in text


def test_one_reading_is_opened_and_labelled(filled, log):
    at = rows(filled)["reader"].tolist().index("Ada")
    tick(filled, at)
    html = html_of(filled)
    assert "agrees with the model; finding: pneumonia<br>Right base." in html
    label = next(one for one in filled.text_input if one.key.startswith("history.label."))
    label.set_value("case 7").run()
    assert {row.label for row in log.find()} == {"case 7", ""}
    assert "case 7" in rows(filled)["label"].tolist()


def test_deleted_readings_are_gone_after_a_confirmation_and_not_logged_again(filled, log):
    tick(filled, 0, 1)
    assert log.count() == 3
    button(filled, "Delete permanently").click().run()
    assert log.count() == 1
    filled.run()
    assert log.count() == 1
    assert len(filled.session_state["diagnose.films"]) == 3
    assert no_trace(filled)


def test_the_export_holds_all_that_passes_the_filter(filled, exported):
    choose(filled, "verdict", "agree")
    text = exported["Export (CSV)"]().decode()
    assert len(text.splitlines()) == 2
    assert "Right base." in text
    assert "a.png" not in text


def test_after_a_reload_the_list_comes_from_the_log(filled, png):
    page = diagnose().run()
    assert "drop a film again to see it" in html_of(page)
    assert rows(page)["film"].tolist() == ["drop again"] * 3
    drop(page, ("again.png", png(225)))
    page.session_state["history"] = True
    page.run()
    assert sorted(rows(page)["film"]) == ["drop again", "drop again", "on the screen"]
