"""The log behind the page: what is kept once, what is not, and a log that is off or fails."""

import sqlite3

import pytest

from pages.ui import cache, state
from pages.ui.diagnose import take_away
from pneumo_core.config import load_settings
from pneumo_core.errors import ReadingLogError
from tests.pages.diagnose.conftest import diagnose
from tests.pages.diagnose.test_verdict import answer
from tests.pages.seen import button, drop, html_of, no_trace
from tests.readings.sources import PLANTED, STUDY_UID, film_file

KEPT = "Readings and verdicts are kept in the log, without pixels, patient data or file names."
FAILURE = "The log of readings (readings.db) is locked."


def test_a_film_is_logged_once_whatever_its_name_and_a_sample_is_not(page, png, log):
    drop(page.run(), ("a.png", png(225)))
    drop(page, ("copy.png", png(225)), ("broken.png", b"\x89PNG\r\n"))
    page.menu_button[0].set_value(cache.samples()[0].name).run()
    rows = log.find()
    assert sorted(row.status for row in rows) == ["error", "ok"]
    assert all(len(row.sha256) == 64 for row in rows)
    assert KEPT in html_of(page)


def test_a_film_of_an_earlier_session_keeps_its_row_and_its_verdicts(page, png, log):
    drop(page.run(), ("a.png", png(225)))
    answer(page, finding="pneumonia", reader="Ada")
    button(page, "Save verdict").click().run()
    page = diagnose()
    drop(page.run(), ("again.png", png(225)))
    assert log.count() == 1
    assert "<strong>Ada</strong>: finding: pneumonia" in html_of(page)


def test_another_model_has_a_row_of_its_own(page, png, log, bundle):
    drop(page.run(), ("a.png", png(225)))
    bundle.digest = "1" * 64
    page.run()
    button(page, "Read it again with stand-in 1.0").click().run()
    assert sorted(row.digest for row in log.find()) == ["0" * 16, "1" * 16]


def test_a_log_that_is_turned_off_keeps_nothing_and_the_page_says_so(page, png, monkeypatch):
    monkeypatch.setenv("PNEUMO_LOG_READINGS", "0")
    drop(page.run(), ("a.png", png(225)))
    answer(page, finding="pneumonia", reader="Ada")
    button(page, "Save verdict").click().run()
    html = html_of(page)
    assert "Readings are not kept: the log is turned off on this installation." in html
    assert "<strong>Ada</strong>: finding: pneumonia" in html
    assert "History" not in [one.label for one in page.expander]
    assert not load_settings().readings_dir.exists()
    assert no_trace(page)


def test_a_log_that_fails_is_told_once_and_costs_no_answer(page, png, monkeypatch):
    calls = []

    def failing():
        calls.append(1)
        raise ReadingLogError(FAILURE)

    monkeypatch.setattr(cache, "reading_log", failing)
    drop(page.run(), ("a.png", png(225)), ("b.png", png(30)))
    assert [one.value for one in page.warning] == [
        f"Readings are not kept at the moment. {FAILURE}".replace("_", "\\_")
    ]
    assert len(calls) == 1  # then it is left alone for a while
    assert "▲ Signs of pneumonia" in html_of(page)
    answer(page, finding="pneumonia", reader="Ada")
    button(page, "Save verdict").click().run()
    assert "<strong>Ada</strong>: finding: pneumonia" in html_of(page)
    assert no_trace(page)


def test_what_a_failing_log_missed_is_logged_when_it_works_again(page, png, monkeypatch, log):
    def failing():
        raise ReadingLogError(FAILURE)

    with monkeypatch.context() as patch:
        patch.setattr(cache, "reading_log", failing)
        drop(page.run(), ("a.png", png(225)))
        answer(page, finding="pneumonia", reader="Ada")
        button(page, "Save verdict").click().run()
    assert log.count() == 0
    del page.session_state[state.log_failure.key]  # the minute is over
    page.run()
    (row,) = log.find()
    assert [one.reader for one in row.verdicts] == ["Ada"]
    assert not page.warning


def test_a_database_that_is_damaged_is_told_in_words(page, png):
    folder = load_settings().readings_dir
    folder.mkdir()
    (folder / "readings.db").write_bytes(b"no database at all, but long enough to be one" * 40)
    drop(page.run(), ("a.png", png(225)))
    assert page.warning[0].value.startswith("Readings are not kept at the moment. ")
    assert "▲ Signs of pneumonia" in html_of(page)
    assert no_trace(page)


@pytest.fixture
def downloads(monkeypatch):
    """The downloads that the page offers, by label."""
    found = {}

    def offered(label, data, file_name, *_args, **_kwargs):
        found[label] = (file_name, data() if callable(data) else data)

    monkeypatch.setattr(take_away.st, "download_button", offered)
    return found


SECRETS = [value for name, value in PLANTED.items() if name != "PatientAge"]


def test_a_patient_in_a_dicom_file_leaves_no_trace(page, downloads, caplog):
    drop(page.run(), ("film.dcm", film_file()))
    page.session_state["history"] = True
    page.run()
    button(page, "Build PDF of 1 film").click().run()
    button(page, "Build ZIP of 1 film").click().run()
    written = [
        path.read_bytes() for path in load_settings().readings_dir.iterdir() if path.is_file()
    ]
    with sqlite3.connect(load_settings().readings_db) as opened:
        written.append("\n".join(opened.iterdump()).encode())
    seen = [html_of(page), caplog.text, *(one.value for one in page.code)]
    made = [data for _, data in downloads.values()]
    names = [name for name, _ in downloads.values()]
    assert len(made) == 8
    everything = b"\n".join([*written, *made, *(text.encode() for text in [*seen, *names])])
    for secret in [*SECRETS, *[part for one in SECRETS for part in one.split("^")]]:
        assert secret.encode() not in everything, secret
    assert STUDY_UID.encode() not in b"\n".join(written)
    assert "film.dcm" not in b"\n".join(written).decode("latin-1")


def test_the_patient_is_taken_over_where_the_person_ticks_it(page, downloads):
    drop(page.run(), ("film.dcm", film_file()))
    tick = next(one for one in page.checkbox if one.key.startswith("take.patient."))
    assert not tick.value
    assert b"PID-90210-X" not in downloads["DICOM image with map"][1]
    tick.check().run()
    for label in ("DICOM image with map", "DICOM structured report", "DICOM PDF"):
        assert b"PID-90210-X" in downloads[label][1]


def test_an_adult_is_outside_what_a_model_of_children_can_read(page, log):
    drop(page.run(), ("film.dcm", film_file(PatientAge="054Y")))
    html = html_of(page)
    assert "The patient is older than the films that the model was trained on" in html
    assert "pn-scale" not in html
    (row,) = log.find()
    assert (row.decision, row.passed) == ("REFER", False)
    drop(page, ("child.dcm", film_file()))
    assert "Age inside the model" in html_of(page)
