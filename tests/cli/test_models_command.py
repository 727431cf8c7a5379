"""`models` on the command line: what is there, and how it comes and goes."""

from __future__ import annotations

import json
import shlex
import shutil
from functools import partial

import pytest

from pneumo_core.bundle import transfer
from pneumo_core.bundle.integrity import write_sums
from pneumo_core.formatting import file_size


@pytest.fixture
def models(tiny_models_dir, tmp_path):
    return shutil.copytree(tiny_models_dir, tmp_path / "models")


@pytest.fixture
def run(call, monkeypatch, models):
    """`call` for `models …`."""
    monkeypatch.setenv("PNEUMO_MODELS", str(models))
    monkeypatch.setattr(transfer, "try_out", lambda _: None)
    return partial(call, "models")


def test_the_list_says_size_state_and_service(run, models, tiny_bundle):
    shutil.copytree(models / "tiny", models / "spoilt")
    (models / "spoilt" / "README.md").write_text("Other.")
    code, out, _ = run("list")
    assert code == 0
    tiny, spoilt = out.splitlines()
    n_bytes = sum(p.stat().st_size for p in tiny_bundle.path.rglob("*") if p.is_file())
    assert tiny.split("\t") == [
        "* tiny 1.0",
        "64 px",
        f"{file_size(n_bytes)} on disk",
        f"whole, SHA-256 {tiny_bundle.digest[:12]}",
        "in service",
        "validation AUC 0.994 [0.990–0.998]",
    ]
    assert spoilt.startswith("! spoilt\t")
    assert "DAMAGED: Model spoilt: README.md has been altered" in spoilt
    code, out, _ = run("verify")
    assert code == 1
    assert out.startswith("tiny: whole and unaltered\nspoilt: Model spoilt: README.md has been")


def test_the_list_as_json(run, tiny_bundle):
    code, out, _ = run("list", "--json")
    (one,) = json.loads(out)
    assert code == 0
    assert (one["name"], one["digest"], one["in_service"]) == ("tiny", tiny_bundle.digest, True)
    assert one["fault"] is None
    assert one["against"] == []
    assert one["card"]["figures"]["AUC"]["value"] == 0.9941


def test_without_a_model_the_list_says_how_to_get_one(run, models):
    shutil.rmtree(models)
    assert run("list")[:2] == (0, "")
    assert "There is no model yet. Make one with: python -m pneumo_core train" in run("list")[2]


@pytest.fixture
def poor(models):
    """A model of no worth beside the one in service."""
    folder = shutil.copytree(models / "tiny", models / "poor")
    card = json.loads((folder / "card.json").read_text())
    card["figures"] = {"auc": {"value": 0.63, "low": 0.45, "high": 0.8}, "films": 67}
    card["data"] = {"films": 340, "drawn_films": 340, "source": "Drawn by Pneumo."}
    (folder / "card.json").write_text(json.dumps(card))
    write_sums(folder)
    return folder


def test_a_model_of_no_worth_is_put_in_service_with_a_warning(run, models, poor):
    code, out, err = run("activate", "poor")
    assert (code, out) == (0, "poor is in service.\n")
    assert (models / "active").read_text() == "poor\n"
    assert err.splitlines() == [
        "Do not rely on the model poor, which is in service:",
        ("  - It was trained on synthetic films only: its answer on a child's film means nothing."),
        (
            "  - It was validated on 67 films: with fewer than 100 films of each class or 100 "
            "patients, its figures are uncertain."
        ),
        ("  - It may be no better than chance: AUC 0.630 [0.450–0.800], where 0.5 is chance."),
    ]
    assert run("activate", "tiny") == (0, "tiny is in service.\n", "")


def test_the_list_names_a_model_of_no_worth(run, poor):
    line = run("list")[1].splitlines()[1]
    assert line.split("\t")[-1] == (
        "DO NOT RELY ON IT: trained on synthetic films, small validation sample, "
        "may be no better than chance"
    )
    found = {one["name"]: one["against"] for one in json.loads(run("list", "--json")[1])}
    assert found["tiny"] == []
    assert len(found["poor"]) == 3


def test_the_model_card_is_printed_and_cannot_steer_the_terminal(run, models):
    code, out, _ = run("card", "tiny")
    assert (code, out.splitlines()[0]) == (0, "# Tiny, a network for tests")
    assert "| AUC | 0.994 [0.990–0.998] |" in out
    (models / "tiny" / "README.md").write_text("# Title\x1b[2J\n\tText\x07\n")
    write_sums(models / "tiny")
    assert run("card", "tiny")[:2] == (0, "# Title[2J\n\tText\n")


def test_there_and_back(run, models, tmp_path, tiny_bundle):
    target = tmp_path / "out.zip"
    code, out, _ = run("export", "tiny", "--out", target)
    assert (code, out.startswith(f"tiny is in {target}, ")) == (0, True)
    assert run("export", "tiny", "--out", target)[0] == 2  # it is not overwritten
    code, _, err = run("import", target)
    assert (code, "there is a model 'tiny' already" in err) == (1, True)
    code, out, err = run("import", target, "--name", "other")
    assert code == 0
    assert out.splitlines()[0] == f"other 1.0 is imported and intact: SHA-256 {tiny_bundle.digest}."
    assert err.splitlines() == [
        "Unpacking…",
        "Checking every file…",
        "Predicting a synthetic film with it…",
    ]
    use = out.splitlines()[1].removeprefix("Put it in service with: ")
    assert shlex.split(use)[0] == f"PNEUMO_MODELS={models}"
    assert run("import", target, "--replace")[0] == 0
    assert run("import", tmp_path / "none.zip")[0] == 2
    assert run("activate", "other")[0] == 0
    assert (models / "active").read_text() == "other\n"


def test_an_export_into_a_folder_has_the_models_name(run, tmp_path):
    assert run("export", "tiny", "--out", tmp_path)[0] == 0
    assert (tmp_path / "tiny.zip").is_file()
    assert run("export", "tiny", "--out", tmp_path / "none" / "x.zip")[0] == 2


def test_a_model_is_removed_once_that_is_confirmed(run, models, monkeypatch):
    shutil.copytree(models / "tiny", models / "other")
    monkeypatch.setattr("typer.confirm", _decline)
    assert run("remove", "other")[0] == 1
    assert (models / "other").is_dir()
    assert run("remove", "other", "--yes")[:2] == (0, "other is deleted.\n")
    assert not (models / "other").exists()
    code, _, err = run("remove", "tiny", "--yes")
    assert (code, "Expected a model that is not in service" in err) == (1, True)


def _decline(question, **_):
    import typer

    assert question == "Delete the model other? This cannot be undone."
    raise typer.Abort
