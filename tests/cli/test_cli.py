"""The command line as a person or a program meets it: usage, faults, and that it starts at once."""

import json
import subprocess
import sys

import pytest

from pneumo_core.config import ROOT
from pneumo_core.training.recipe import make_recipe
from pneumo_core.training.runs.run import create_run


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("predict", "nowhere.png"), "nowhere.png"),
        (("evaluate", "."), "--split"),
        (("train",), "data"),
        (("fly",), "fly"),
    ],
)
def test_wrong_usage_ends_with_two(run, words, told):
    code, out, err = run(*words)
    assert code == 2
    assert told in err
    assert out == ""


def test_an_unknown_model_is_named_with_those_there_are(run, films):
    code, _, err = run("predict", films, "--model", "grand")
    assert code == 1
    assert err == (
        "Error: Expected a model named 'grand', found tiny. Name one of these, or train one.\n"
    )


def test_index_counts_and_names_what_cannot_be_read(run, labelled):
    (labelled / "test" / "NORMAL" / "IM-0009-0001.jpeg").write_bytes(b"")
    code, out, _ = run("index", labelled, "--json")
    found = json.loads(out)
    assert code == 1
    assert found["films"] == 9
    assert found["splits"]["test"]["subtypes"] == {"normal": 5, "bacterial": 2, "viral": 2}
    assert found["unreadable"][0]["film"].endswith("IM-0009-0001.jpeg")
    assert "empty" in found["unreadable"][0]["problem"]


def test_demo_data_can_be_indexed(run, tmp_path):
    code, out, _ = run("demo-data", tmp_path / "demo", "--films", 40, "--seed", 2)
    assert code == 0
    assert "40 synthetic films" in out
    code, out, _ = run("index", tmp_path / "demo")
    assert code == 0
    assert out.startswith("40 films of ")


def test_models_are_listed_verified_and_put_in_service(run):
    assert run("models") == run("models", "list")
    code, out, _ = run("models", "list")
    assert code == 0
    assert out.startswith("* tiny 1.0\t64 px")
    assert run("models", "verify")[:2] == (0, "tiny: whole and unaltered\n")
    assert run("models", "activate", "tiny")[:2] == (0, "tiny is in service.\n")
    assert run("models", "activate", "../tiny")[0] == 1


def test_an_unforeseen_fault_is_told_in_words(run, films, monkeypatch):
    def fall(*_):
        raise RuntimeError("secret")

    monkeypatch.setattr("pneumo_core.bundle.load_bundle", fall)
    code, out, err = run("predict", films)
    assert (code, out) == (1, "")
    assert err == "Error: An unforeseen fault (RuntimeError). Set PNEUMO_LOG=debug to see it.\n"


def test_what_the_disk_says_is_told_without_its_folders(run, films, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device", "/home/someone/out.csv")

    monkeypatch.setattr("pneumo_core.bundle.load_bundle", full)
    assert run("predict", films) == (
        1,
        "",
        "Error: Expected to read and write files, got: No space left on device (out.csv).\n",
    )


def test_the_audit_takes_films_of_any_name(run, films, tmp_path):
    folder = tmp_path / "own"
    for label, film in (("NORMAL", "a.png"), ("PNEUMONIA", "b/c.jpg")):
        (folder / label).mkdir(parents=True)
        (films / film).rename(folder / label / film.rpartition("/")[2])
    code, out, _ = run("audit", folder)
    assert code == 0
    assert "Small sample: too few patients" in out


def test_the_module_starts_and_helps_without_heavy_imports():
    code = (
        "import sys; sys.argv=['pneumo','--help']\n"
        "from pneumo_core import cli\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        "heavy = {'tensorflow', 'keras', 'openvino', 'pandas', 'cv2'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    assert "Research demonstration" in done.stdout


def test_an_existing_bundle_is_not_overwritten_unasked(run, labelled, tmp_path):
    code, _, err = run("train", labelled, "--backbone", "cnn", "--bundle", "tiny")
    assert code == 1
    assert "there is a model 'tiny' already" in err
    assert "--replace" in err


def test_training_starts_no_run_where_there_is_no_folder(run, tmp_path):
    code, _, err = run("train", tmp_path / "gone", "--runs", tmp_path / "runs")
    assert code == 2
    assert "there is no folder" in err
    assert not (tmp_path / "runs").exists()


def test_a_run_is_resumed_on_its_own_folder_only(run, labelled, films, tmp_path):
    begun = create_run(
        tmp_path / "runs", make_recipe("quick", backbone="cnn"), data=films, bundle="b"
    )
    code, _, err = run("train", labelled, "--resume", begun.id, "--runs", tmp_path / "runs")
    assert code == 1
    assert f"Expected the folder that run {begun.id} was started on" in err
