import csv
import io
from dataclasses import replace

import pytest

from pneumo_core.inference.predict import Decision, Reading
from pneumo_core.inference.table import AFTER, COLUMNS, as_row, spreadsheet_cell, to_csv

READ = Reading(
    status="ok",
    message="Signs of pneumonia: 91\xa0%.",
    bundle="tiny 1.0",
    threshold_low=0.2,
    threshold_high=0.8,
    decision=Decision.PNEUMONIA,
    p_pneumonia=0.9123456789,
    p_bacterial=0.7,
    p_viral=0.2123456789,
    gate_ok=True,
    ms=12.345,
)
REJECTED = Reading(
    status="rejected",
    message="Not read: a page.",
    bundle="tiny 1.0",
    threshold_low=0.2,
    threshold_high=0.8,
    gate_reasons=("A page.", "Mostly white."),
)


def test_a_row_has_the_columns_in_order():
    row = as_row("a.png", READ)
    assert tuple(row) == (*COLUMNS, "p_low", "p_high", "model", "disclaimer", "lungs")
    assert row["lungs"] is None
    assert row["model"] == "tiny 1.0"
    assert row["disclaimer"] == READ.disclaimer
    assert (row["decision"], row["p_pneumonia"], row["ms"]) == ("PNEUMONIA", 0.912346, 12.3)
    assert row["gate"] == {"ok": True, "reasons": []}


def test_what_was_not_read_has_no_probability():
    row = as_row("b.png", REJECTED)
    assert (row["decision"], row["p_pneumonia"]) == (None, None)
    assert row["gate"] == {"ok": False, "reasons": ["A page.", "Mostly white."]}


def table(*rows):
    return list(csv.DictReader(io.StringIO(to_csv(rows).decode("utf-8"), newline="")))


def test_the_csv_says_in_every_row_what_it_is_not():
    rows = table(as_row("a.png", READ), as_row("b.png", REJECTED))
    assert [row["file"] for row in rows] == ["a.png", "b.png"]
    assert [row["gate"] for row in rows] == ["ok", "rejected: A page. Mostly white."]
    assert rows[1]["p_pneumonia"] == ""
    assert all("Not a medical device" in row["disclaimer"] for row in rows)


def test_films_whose_number_is_not_to_be_relied_on_can_be_filtered():
    doubtful = replace(READ, gate_ok=False, gate_reasons=("unlike any film.",))
    unread = replace(REJECTED, status="error", gate_reasons=())
    rows = table(as_row("a.png", doubtful), as_row("b.png", unread))
    assert [row["gate"] for row in rows] == ["doubtful: unlike any film.", ""]
    assert rows[0]["p_pneumonia"] == "0.912346"


@pytest.mark.parametrize("name", ["=1+1.png", "+1.png", "-1.png", "@SUM(A1).png", "\t=1.png"])
def test_a_spreadsheet_does_not_run_a_file_name(name):
    (row,) = table(as_row(name, READ))
    assert row["file"] == f"'{name}"


def test_quotes_commas_and_line_breaks_stay_in_their_cell():
    name = 'a "b", c\nd.png'
    (row,) = table(as_row(name, READ))
    assert row["file"] == name


def test_a_table_of_nothing_is_its_heading():
    assert to_csv([]).decode() == ",".join([*COLUMNS, *AFTER]) + "\r\n"


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("  =1+1", "'  =1+1"),
        ("\ufeff@SUM(A1)", "'\ufeff@SUM(A1)"),
        ("＝1+1", "'＝1+1"),
        ("＋1", "'＋1"),
        ("a.png;=cmd|' /C calc'!A0", "a.png;'=cmd|' /C calc'!A0"),
        ("a.png,-1", "a.png,'-1"),
        ("a\n=1", "a\n'=1"),
        ("a\t=1", "a\t'=1"),
        ("\tx", "'\tx"),
        ("a-b.png", "a-b.png"),
        ("No sign of pneumonia: 3 % (1–5 %)", "No sign of pneumonia: 3 % (1–5 %)"),
        ("mail@example.org", "mail@example.org"),
        ("", ""),
    ],
)
def test_no_text_becomes_a_formula_in_a_spreadsheet_of_any_locale(text, cell):
    assert spreadsheet_cell(text) == cell
