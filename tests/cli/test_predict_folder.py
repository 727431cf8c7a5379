"""`predict FOLDER --out`: answers written as they come, taken up after a kill, none twice."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from pyarrow import parquet

from pneumo_core.config import ROOT
from tests.cli.conftest import write_film


def rows_of(path):
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return parquet.read_table(path).to_pylist()


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_the_rows_are_those_that_predict_prints(run, films, tmp_path, ending):
    out = tmp_path / f"out{ending}"
    code, printed, _ = run("predict", films, "--out", out)
    assert (code, printed) == (0, "")
    _, printed, _ = run("predict", films, "--json")
    expected = [json.loads(line) for line in printed.splitlines()]
    for found, row in zip(rows_of(out), expected, strict=True):
        assert found["file"] == row["file"]
        assert found["decision"] == row["decision"]
        assert float(found["p_pneumonia"]) == row["p_pneumonia"]
        assert (float(found["p_low"]), float(found["p_high"])) == (row["p_low"], row["p_high"])


def test_resume_reads_only_what_is_new(run, films, tmp_path):
    out = tmp_path / "out.csv"
    run("predict", films, "--out", out)
    before = out.read_bytes()
    write_film(films / "d.png", seed=5)
    code, _, err = run("predict", films, "--out", out, "--resume")
    assert code == 0
    assert "2 files had an answer already; 1 were read." in err
    assert out.read_bytes().startswith(before)
    assert [row["file"] for row in rows_of(out)] == [
        f"{films}/{name}" for name in ("a.png", "b/c.jpg", "d.png")
    ]
    code, _, err = run("predict", films, "--out", out, "--resume")
    assert code == 0
    assert "3 files had an answer already; 0 were read." in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--resume",), "Name it."),
        (("--out", "{}/out.txt"), ".csv, .jsonl, .parquet"),
        (("--out", "{}/out.csv", "--csv", "{}/two.csv"), "Name one of them"),
        (("--out", "{}/there.csv"), "Add --resume"),
    ],
)
def test_a_wrong_call_is_refused_before_any_reading(run, films, tmp_path, words, message):
    (tmp_path / "there.csv").write_text("kept")
    code, out, err = run("predict", films, *(word.format(tmp_path) for word in words))
    assert (code, out) == (2, "")
    assert message.replace(" ", "") in "".join(err.replace("│", "").split())
    assert (tmp_path / "there.csv").read_text() == "kept"


def test_what_cannot_be_read_has_a_row_and_ends_with_1(run, films, tmp_path):
    (films / "link.png").symlink_to(tmp_path / "nowhere.png")
    (films / "text.png").write_text("no film")
    code, _, err = run("predict", films, "--out", tmp_path / "out.jsonl")
    rows = {row["file"].rpartition("/")[2]: row for row in rows_of(tmp_path / "out.jsonl")}
    assert code == 1
    assert "Of 4 files 2 could not be read." in err
    assert rows["link.png"]["message"] == ("link.png is a broken link. Fix or remove it.")
    assert rows["text.png"]["status"] == "error"
    assert rows["a.png"]["status"] == "ok"


def test_a_killed_call_is_taken_up_without_loss_or_repetition(films, tiny_models_dir, tmp_path):
    for i in range(60):
        write_film(films / f"{i:02}.png", seed=i)
    out = tmp_path / "out.csv"
    command = [sys.executable, "-m", "pneumo_core", "predict", str(films), "--out", str(out)]
    environment = {**os.environ, "PNEUMO_MODELS": str(tiny_models_dir)}
    killed = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    for _ in range(6000):  # until some rows are there: no matter how slow the machine
        if killed.poll() is not None or (out.exists() and out.read_bytes().count(b"\n") > 4):
            break
        time.sleep(0.02)
    children = psutil.Process(killed.pid).children(recursive=True)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert children
    assert psutil.wait_procs(children, timeout=120)[1] == []
    left = out.read_bytes().count(b"\n")
    done = subprocess.run(
        [*command, "--resume", "--ordered"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        check=False,
    )
    names = [row["file"] for row in rows_of(out)]
    assert (done.returncode, left > 4) == (0, True)
    assert len(names) == len(set(names)) == 62
