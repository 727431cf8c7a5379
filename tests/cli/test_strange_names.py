"""Names of files that hold what terminals, JSON or UTF-8 do not take for text."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from pneumo_core.cli.console import emit, emit_json, tell
from pneumo_core.config import ROOT

ODD = "\x1b[31mred\u202egnp.\x9b"


def test_a_name_commands_no_terminal(capsys):
    emit(f"{ODD}\tNORMAL")
    tell(f"Not read: {ODD}\nnor this")
    out, err = capsys.readouterr()
    assert out == "\\u001b[31mred\\u202egnp.\\u009b\tNORMAL\n"
    assert err == "Not read: \\u001b[31mred\\u202egnp.\\u009b\nnor this\n"


def test_in_json_it_is_still_the_name(capsys):
    emit_json({"file": ODD}, indent=None)
    line = capsys.readouterr().out
    assert line.isprintable() is False
    assert not set(ODD) & set(line) - set("[31mredgnp.")
    assert json.loads(line) == {"file": ODD}


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="names are Unicode there")
def test_a_name_that_is_no_utf_8_costs_no_reading(films, tiny_models_dir, tmp_path):
    shutil.copy(films / "a.png", os.fsencode(films) + b"/bad\xff.png")
    table = tmp_path / "table.csv"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pneumo_core", "predict", str(films), "--json"),
            *("--csv", str(table)),
        ],
        env={**os.environ, "PNEUMO_MODELS": str(tiny_models_dir), "PYTHONIOENCODING": "utf-8"},
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    names = [json.loads(line)["file"] for line in done.stdout.decode("utf-8").splitlines()]
    assert (done.returncode, done.stderr) == (0, b"")
    assert names == [f"{films}/a.png", f"{films}/b/c.jpg", f"{films}/bad\udcff.png"]
    assert f"{films}/bad\\udcff.png," in table.read_text("utf-8")


@pytest.mark.skipif(sys.platform == "win32", reason="names hold no line feed there")
def test_a_film_a_line_and_a_picture_each_whatever_the_name(run, films, tmp_path):
    shutil.rmtree(films / "b")
    (films / "a.png").rename(films / "line\nfeed.png")
    shutil.copy(films / "line\nfeed.png", films / f"{'🫁' * 62}.png")
    code, out, _ = run("predict", films, "--overlay", tmp_path / "seen")
    assert code == 0
    assert [line.partition("\t")[0] for line in out.splitlines()] == [
        f"{films}/line\\u000afeed.png",
        f"{films}/{'🫁' * 62}.png",
    ]
    assert len(list((tmp_path / "seen").iterdir())) == 2


def test_a_table_that_cannot_be_written_is_refused_before_any_reading(run, films, tmp_path):
    code, out, err = run("predict", films, "--csv", tmp_path / "none" / "table.csv")
    assert (code, out) == (2, "")
    assert "--csv" in err
