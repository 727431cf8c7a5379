"""`calibrate`: what it prints and refuses; the fit itself is tested in `evaluation`."""

import json

import pytest

from pneumo_core.bundle import load_bundle
from tests.cli.conftest import write_film


@pytest.fixture
def hospital(tmp_path):
    """31 normal films and 31 of pneumonia, and a table of whose they are."""
    rows = ["image,label,patient,age"]
    for i in range(31):
        for label, kind in (("normal", "normal"), ("pneumonia", "bacterial")):
            name = f"{label}{i}.png"
            write_film(tmp_path / "films" / name, kind, i + 100 * (label == "normal"))
            rows.append(f"{name},{label},{label[0]}{i},{30 + i % 20}")
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n", "utf-8")
    return tmp_path


def test_a_model_is_fitted_and_its_figures_are_given_before_and_after(
    run, hospital, tmp_path, tiny_models_dir, monkeypatch
):
    import shutil

    models = shutil.copytree(tiny_models_dir, tmp_path / "models")
    monkeypatch.setenv("PNEUMO_MODELS", str(models))
    monkeypatch.setattr("pneumo_core.evaluation.local_fit._check_ranking", lambda *_: None)
    before = load_bundle("tiny", models_dir=models).digest
    code, out, err = run(
        *("calibrate", hospital / "films", "--labels", hospital / "labels.csv"),
        *("--model", "tiny", "--name", "here", "--site", "St Mary", "--json"),
    )
    assert code == 0, err
    found = json.loads(out)
    fields = {"n", "n_normal", "n_pneumonia", "auc", "auc_low", "ece", "confusion", "threshold"}
    for part in ("before", "after"):
        assert fields <= set(found[part])
    assert (found["site"], found["films"], found["normal"]) == ("St Mary", 62, 31)
    assert (found["patients"], found["ages"]) == (62, [16, 65])
    assert found["lineage"][0]["digest"] == before
    assert load_bundle("tiny", models_dir=models).digest == before
    assert load_bundle("here", models_dir=models).card.fitted_to.site == "St Mary"


def test_what_is_wrong_is_said_before_any_film_is_read(run, hospital):
    code, _, err = run("calibrate", hospital / "films", "--model", "tiny")
    assert code == 2
    assert "a name for the new model" in err
    code, _, err = run(
        "calibrate", hospital / "films", "--model", "tiny", "--name", "x", "--sensitivity", "95"
    )
    assert code == 2
    assert "sensitivity of 0.5 to 0.999" in err
    code, _, err = run("calibrate", hospital / "films", "--model", "tiny", "--name", "tiny")
    assert code == 1
    assert "Expected a new model name, but tiny exists" in err


def test_without_labels_the_prevalence_is_estimated_and_nothing_changed(run, hospital):
    code, out, err = run(
        "calibrate", hospital / "films", "--model", "tiny", "--unlabelled", "--json"
    )
    assert code == 0, err
    found = json.loads(out)
    assert found["films"] == 62
    assert found["changed"] is False
    assert 0 <= found["prevalence_low"] <= found["prevalence"] <= found["prevalence_high"] <= 1
    assert "only the share of pneumonia differs" in found["assumption"]


def test_a_zip_is_taken_as_a_folder_is(run, hospital):
    import shutil

    for film in sorted((hospital / "films").glob("*.png"))[4:]:
        film.unlink()
    archive = shutil.make_archive(str(hospital / "St Mary"), "zip", hospital / "films")
    code, _, err = run("calibrate", archive, "--labels", hospital / "labels.csv", "--name", "x",
                       "--model", "tiny")  # fmt: skip
    assert code == 1
    assert (
        "Expected at least 30 films of each class to fit a model to; got 4 normal and 0 pneumonia"
        in err
    )
