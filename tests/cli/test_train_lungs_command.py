"""`train-lungs` on the command line: what is missing is said at once."""

import pytest

from tests.bundle.tiny_finder import write_tiny_finder
from tests.training.lungs.masked_films import write_masked_films


@pytest.fixture
def run(call, tmp_path, monkeypatch):
    for name in ("models", "cache"):
        monkeypatch.setenv(f"PNEUMO_{name.upper()}", str(tmp_path / name))
    (tmp_path / "models").mkdir()
    return call


def test_missing_folders_are_said(run, tmp_path):
    images, masks = write_masked_films(tmp_path, n=2)
    code, _, err = run("train-lungs", tmp_path / "none", masks)
    assert code == 2
    assert "there is no folder" in err
    code, _, err = run("train-lungs", images, tmp_path / "none")
    assert code == 1
    assert "Expected a folder of lung masks, there is no folder" in err
    code, _, err = run("train-lungs", images, images)
    assert code == 1
    assert "found no PNG there" in err
    code, _, err = run("train-lungs", images, masks, "--adults", tmp_path / "none")
    assert code == 2


def test_a_name_that_cannot_be_is_said(run, tmp_path):
    images, masks = write_masked_films(tmp_path, n=2)
    write_tiny_finder(tmp_path / "models")
    code, _, err = run("train-lungs", images, masks)
    assert code == 1
    assert "there is a lung finder 'lungs' already" in err
    code, _, err = run("train-lungs", images, masks, "--bundle", "kermany")
    assert code == 1
    assert "a name that begins with 'lungs-'" in err
    code, _, err = run("train-lungs", images, masks, "--replace", "--measured-folds", "9")
    assert code == 2
    assert "at most 3 measured folds" in err


def test_models_verify_checks_the_finder(run, tmp_path):
    path = write_tiny_finder(tmp_path / "models")
    assert run("models", "verify")[:2] == (0, "lungs: whole and unaltered\n")
    assert run("models", "list")[1] == ""
    (path / "model.keras").write_bytes(b"other")
    code, out, _ = run("models", "verify")
    assert code == 1
    assert out.startswith("lungs: Model lungs: model.keras has been altered")
    code, _, err = run("models", "remove", "lungs", "--yes")
    assert code == 1
    assert "kept for the lung finder" in err
