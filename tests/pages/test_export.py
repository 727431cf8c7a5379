import csv
import io

import pytest

from pages.ui.entry import make_entry
from pages.ui.export import COLUMNS, to_csv
from pneumo_core import DISCLAIMER


def rows(*entries):
    return list(csv.DictReader(io.StringIO(to_csv(entries).decode("utf-8"), newline="")))


def test_the_columns_are_those_of_predict(reading):
    columns = (
        "file,status,decision,p_pneumonia,p_bacterial,p_viral,threshold_low,threshold_high,gate,"
        "message,ms"
    )
    assert ",".join(COLUMNS) == columns
    assert to_csv([]).decode().splitlines()[0] == columns


def test_a_film_is_a_row(reading):
    row = rows(make_entry("Röntgen 1.png", "c", reading(0.9)))[0]
    assert row == {
        "file": "Röntgen 1.png",
        "status": "ok",
        "decision": "PNEUMONIA",
        "p_pneumonia": "0.9",
        "p_bacterial": "0.63",
        "p_viral": "0.27",
        "threshold_low": "0.2",
        "threshold_high": "0.8",
        "gate": "ok",
        "message": reading(0.9).message,
        "ms": "12.0",
    }


def test_what_was_not_read_is_a_row_with_its_reason(reading):
    rejected = reading(
        None, status="rejected", message="Not read: a page.", gate_reasons=("This is a page.",)
    )
    row = rows(make_entry("page.png", "c", rejected))[0]
    assert (row["status"], row["decision"], row["p_pneumonia"]) == ("rejected", "", "")
    assert (row["gate"], row["message"]) == ("This is a page.", "Not read: a page.")


def test_the_last_line_is_the_disclaimer(reading):
    last = to_csv([make_entry("a", "c", reading(0.9))]).decode().splitlines()[-1]
    assert last == f"# {DISCLAIMER}"


@pytest.mark.parametrize("name", ["=1+1.png", "+1.png", "-1.png", "@SUM(A1).png", "\t=1.png"])
def test_a_spreadsheet_does_not_run_a_file_name(reading, name):
    assert rows(make_entry(name, "c", reading(0.9)))[0]["file"] == f"'{name}"


def test_quotes_commas_and_line_breaks_stay_in_their_cell(reading):
    name = 'a "b", c\nd.png'
    assert rows(make_entry(name, "c", reading(0.9)))[0]["file"] == name
