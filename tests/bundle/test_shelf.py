"""What lies in the folder of models, and how a bundle leaves it."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from pneumo_core.bundle import activate, active_name, remove_bundle, survey
from pneumo_core.bundle.card import check_card
from pneumo_core.errors import BundleError

if TYPE_CHECKING:
    from pathlib import Path


def test_whole_and_broken_bundles_are_found_the_one_in_service_first(models: Path) -> None:
    for name in ("altered", "no-card"):
        shutil.copytree(models / "tiny", models / name)
    (models / "altered" / "README.md").write_text("Other.")
    (models / "no-card" / "card.json").unlink()
    tiny, altered, no_card = survey(models)
    assert [one.name for one in (tiny, altered, no_card)] == ["tiny", "altered", "no-card"]
    assert (tiny.in_service, tiny.fault) == (True, "")
    assert tiny.bundle is not None
    files = [path for path in (models / "tiny").rglob("*") if path.is_file()]
    assert tiny.n_bytes == sum(path.stat().st_size for path in files)
    assert altered.bundle is not None
    assert "README.md has been altered: expected SHA-256" in altered.fault
    assert no_card.bundle is None
    assert "expected the file card.json" in no_card.fault


def test_an_empty_or_missing_folder_holds_nothing(tmp_path: Path) -> None:
    assert survey(tmp_path) == survey(tmp_path / "none") == []


def test_none_is_in_service_where_none_was_chosen(models: Path) -> None:
    (models / "active").unlink()
    assert [one.in_service for one in survey(models)] == [False]


def test_a_model_is_deleted_whole_or_broken_and_its_ledger_stays(models: Path) -> None:
    for name in ("whole", "broken"):
        shutil.copytree(models / "tiny", models / name)
    (models / "broken" / "card.json").unlink()
    (models / "whole.ledger.jsonl").write_text("{}\n")
    remove_bundle("whole", models_dir=models)
    remove_bundle("broken", models_dir=models)
    left = sorted(path.name for path in models.iterdir())
    assert left == ["active", "tiny", "whole.ledger.jsonl"]


def test_the_one_in_service_is_not_deleted(models: Path) -> None:
    with pytest.raises(BundleError, match="Expected a model that is not in service, but tiny is"):
        remove_bundle("tiny", models_dir=models)
    assert active_name(models) == "tiny"


def test_one_that_comes_into_service_meanwhile_is_put_back(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(models / "tiny", models / "other")
    activate("other", models)
    answers = iter(["tiny", "other"])
    monkeypatch.setattr("pneumo_core.bundle.registry.active_name", lambda _: next(answers))
    with pytest.raises(BundleError, match="but other is"):
        remove_bundle("other", models_dir=models)
    assert sorted(path.name for path in models.iterdir()) == ["active", "other", "tiny"]


@pytest.mark.parametrize(
    ("name", "message"),
    [("none", "Expected a model named 'none', found tiny"), ("../tiny", "Expected a model name")],
)
def test_what_is_no_model_is_not_deleted(models: Path, name: str, message: str) -> None:
    with pytest.raises(BundleError, match=message):
        remove_bundle(name, models_dir=models)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"title": 1}, "expected text in 'title' in its card, got '1'"),
        ({"training": []}, "expected an object in 'training'"),
        ({"data": {"source": ["x"]}}, "expected text in 'limitations' and 'data.source'"),
        ({"limitations": "none"}, "expected a list in 'limitations'"),
        ({"limitations": [1]}, "expected text in 'limitations' and 'data.source'"),
        ({"figures": {"auc": "0.99"}}, "expected a number, or value, low and high, in figures.auc"),
        (
            {"figures": {"auc": {"value": None, "low": 0, "high": 1}}},
            "low and high, in figures.auc",
        ),
        ({"figures": {"n": 10**400}}, "low and high, in figures.n"),
        ({"agreement": {"films": 64}}, "a number in agreement.keras_openvino"),
        ({"version": "1\x1b[2J"}, "at most 64 printable characters in 'version'"),
        ({"version": "1" * 65}, "at most 64 printable characters in 'version'"),
        ({"calibration": {"temperature": 10**400}}, "a number in calibration.temperature"),
    ],
)
def test_a_card_whose_optional_parts_cannot_be_shown_is_refused(
    tiny_card: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    whole = {"format": 1, "name": "t", "version": "1", **tiny_card}
    check_card(json.loads(json.dumps(whole)), "t")
    with pytest.raises(BundleError, match=f"Model t: .*{message}"):
        check_card({**whole, **changes}, "t")
