"""`score`: the rows of `predict` as Parquet, and nothing twice."""

import json

import pytest
from pyarrow import parquet


def test_the_rows_are_those_of_predict(run, films, tmp_path):
    out = tmp_path / "out"
    code, printed, err = run("score", films, out, "--partition", "source", "--block", "1")
    assert (code, printed) == (0, "")
    assert "score: 2 files in " in err
    files = sorted(path.relative_to(out).parts[0] for path in out.rglob("*.parquet"))
    assert files == ["source=b", "source=top"]
    _, printed, _ = run("predict", films, "--json")
    expected = {row["file"]: row for row in map(json.loads, printed.splitlines())}
    for path in out.rglob("*.parquet"):
        (row,) = parquet.ParquetFile(path).read().to_pylist()
        for key in ("decision", "p_pneumonia", "p_low", "p_high", "message", "model"):
            assert row[key] == expected[row["file"]][key]
    code, _, err = run("score", films, out)
    assert code == 0
    assert "2 files had an answer already; 0 were read." in err


def test_a_file_that_is_no_film_has_its_row_and_ends_with_1(run, films, tmp_path):
    (films / "text.png").write_text("no film")
    code, _, err = run("score", films, tmp_path / "out")
    assert code == 1
    assert "Of 3 files 1 could not be read, 0 rejected." in err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("none", "out"), 1, "Expected a folder, a list"),
        (("{films}", "out", "--workers", "2"), 2, "go with --engine ray"),
    ],
)
def test_a_wrong_call_is_told(run, films, tmp_path, words, code, message):  # noqa: PLR0917
    filled = [word.format(films=films).replace("out", str(tmp_path / "out")) for word in words]
    found, _, err = run("score", *filled)
    assert found == code
    assert message.replace(" ", "") in "".join(err.replace("│", "").split())


def test_an_empty_source_is_told(run, tmp_path):
    (tmp_path / "empty").mkdir()
    code, _, err = run("score", tmp_path / "empty", tmp_path / "out")
    assert code == 1
    assert "expected at least one film" in err
