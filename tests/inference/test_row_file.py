"""Rows in a file: whole after a kill, taken up without loss or repetition."""

import csv
import json

import pytest
from pyarrow import parquet

from pneumo_core.errors import DataSetError
from pneumo_core.inference.row_file import ENDINGS, RowFile

MODEL = "tiny 1.0"


def row(name, **changes):
    return {
        "file": name,
        "status": "ok",
        "decision": "NORMAL",
        "p_pneumonia": 0.25,
        "p_bacterial": 0.125,
        "p_viral": 0.125,
        "threshold_low": 0.5,
        "threshold_high": 0.75,
        "gate": {"ok": True, "reasons": []},
        "message": "No sign: 25\u00a0% “quoted”, a comma",
        "ms": 1.5,
        "p_low": 0.25,
        "p_high": 0.375,
        "model": MODEL,
        "disclaimer": "Not a medical device.",
        "lungs": None,
    } | changes


# Names that CSV quotes, a spreadsheet would run, or UTF-8 cannot hold.
NAMES = ["a.png", 'b,"c".png', "=d.png", "line\nfeed.png", "bad\udcff.png", "é.png"]


def names_in(path):
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            return [one["file"] for one in csv.DictReader(file)]
    if path.suffix == ".jsonl":
        return [json.loads(line)["file"] for line in path.read_text("utf-8").splitlines()]
    return parquet.read_table(path).column("file").to_pylist()


def write(path, names, **choices):
    table = RowFile(path, model=MODEL, **choices)
    for name in names:
        if not table.has(name):
            table.add(row(name))
    return table


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_second_call_writes_only_what_the_first_left(tmp_path, ending):
    path = tmp_path / f"out{ending}"
    write(path, NAMES[:4]).close()
    table = write(path, NAMES, resume=True)
    assert table.kept == 4
    table.close()
    again = write(path, NAMES, resume=True)
    assert again.kept == len(NAMES)
    again.close()
    found = names_in(path)
    assert len(found) == len(set(found)) == len(NAMES)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_row_torn_anywhere_is_removed_and_written_again(tmp_path, ending):
    whole = tmp_path / f"whole{ending}"
    write(whole, NAMES).abandon()
    lines = whole if ending != ".parquet" else whole.with_name(f".{whole.name}.rows")
    content = lines.read_bytes()
    for length in range(0, len(content), 41):
        path = tmp_path / f"torn{ending}"
        torn = path if ending != ".parquet" else path.with_name(f".{path.name}.rows")
        path.unlink(missing_ok=True)
        torn.write_bytes(content[:length])
        table = write(path, NAMES, resume=True)
        table.abandon()
        assert torn.read_bytes() == content


def test_parquet_has_the_columns_of_csv_and_numbers_as_numbers(tmp_path):
    path = tmp_path / "out.parquet"
    table = RowFile(path, model=MODEL)
    table.add(row("a.png"))
    reasons = {"ok": False, "reasons": ["No lungs found."]}
    table.add(row("b.png", status="rejected", decision=None, p_pneumonia=None, gate=reasons))
    assert not path.exists()
    table.close()
    first, second = parquet.read_table(path).to_pylist()
    assert (first["p_pneumonia"], first["gate"], first["message"]) == (
        0.25,
        "ok",
        "No sign: 25 % “quoted”, a comma",
    )
    assert (second["decision"], second["p_pneumonia"]) == (None, None)
    assert second["gate"] == "rejected: No lungs found."


@pytest.mark.parametrize("ending", ENDINGS)
def test_rows_of_another_model_are_refused_and_stay(tmp_path, ending):
    path = tmp_path / f"out{ending}"
    write(path, ["a.png"]).close()
    before = path.read_bytes()
    with pytest.raises(DataSetError, match=r"Expected rows of the model new 2.0 .* tiny 1.0"):
        RowFile(path, model="new 2.0", resume=True)
    assert path.read_bytes() == before
    write(path, ["b.png"], resume=True).close()  # the lock was given back


def test_two_at_once_are_refused(tmp_path):
    first = RowFile(tmp_path / "out.csv", model=MODEL)
    with pytest.raises(DataSetError, match="another process writes it"):
        RowFile(tmp_path / "out.csv", model=MODEL, resume=True)
    first.abandon()
