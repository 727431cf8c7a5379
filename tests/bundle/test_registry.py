"""The folder of bundles: its list, what a card must say, and the one in service."""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from pneumo_core.bundle import (
    activate,
    active_name,
    bundle_names,
    load_bundle,
    remove_bundle,
    survey,
)
from pneumo_core.bundle.card import check_card
from pneumo_core.errors import BundleError

if TYPE_CHECKING:
    from pathlib import Path


def _sign(path: Path) -> None:
    """Write the sums anew, as someone would who alters a file on purpose."""
    files = [p for p in sorted(path.rglob("*")) if p.is_file() and p.name != "SHA256SUMS"]
    lines = [
        f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(path).as_posix()}\n"
        for p in files
    ]
    (path / "SHA256SUMS").write_text("".join(lines))


def _edit_card(path: Path, **changes: Any) -> None:
    card = json.loads((path / "card.json").read_text())
    (path / "card.json").write_text(json.dumps({**card, **changes}))
    _sign(path)


def test_a_broken_bundle_is_listed_and_an_unfinished_one_is_not(models: Path) -> None:
    shutil.copytree(models / "tiny", models / "broken")
    (models / "broken" / "card.json").write_text("{")
    (models / ".partial-tiny").mkdir()
    assert bundle_names(models) == ["broken", "tiny"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 2}, "expected card format 1, got 2"),
        ({"classes": ["ill", "well"]}, r"expected the classes normal, bacterial, viral or"),
        ({"input": {"size": 64.5}}, r"expected a whole number of 32\.\.2048 pixels in input\.size"),
        ({"input": None}, "expected an object in input in its card, got 'None'"),
        ({"calibration": {"temperature": 0}}, "expected a positive number in calibration"),
        ({"version": 1}, r"expected text .* in version in its card, got '1'"),
        (
            {"operating_points": {k: {"threshold": t} for k, t in
                                  (("screening", 0.6), ("balanced", 0.5), ("ruling_in", 0.8))}},
            "expected screening <= balanced <= ruling_in in operating_points in its card",
        ),
    ],
)  # fmt: skip
def test_a_card_that_cannot_be_used_is_refused(
    models: Path, changes: dict[str, Any], message: str
) -> None:
    _edit_card(models / "tiny", **changes)
    with pytest.raises(BundleError, match=f"Model tiny: {message}"):
        load_bundle("tiny", models_dir=models)


@pytest.mark.parametrize("card", [None, [], "text", {"format": 1}])
def test_a_card_is_an_object_with_a_format(card: Any) -> None:
    with pytest.raises(BundleError, match="expected"):
        check_card(card, "x")


def test_the_one_in_service_is_loaded_without_a_name(
    tiny_models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PNEUMO_MODELS", str(tiny_models_dir))
    assert active_name() == "tiny"
    assert load_bundle().name == "tiny"


def test_activate_puts_another_in_service(models: Path) -> None:
    (models / "tiny").rename(models / "other")
    activate("other", models)
    assert (models / "active").read_text() == "other\n"
    assert sorted(p.name for p in models.iterdir()) == ["active", "other"]


def test_a_broken_bundle_is_not_put_in_service(models: Path) -> None:
    shutil.copytree(models / "tiny", models / "broken")
    (models / "broken" / "card.json").write_text("{}")
    with pytest.raises(BundleError, match=r"card\.json has been altered"):
        activate("broken", models)
    assert active_name(models) == "tiny"


def test_none_in_service(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="but none is chosen"):
        active_name(tmp_path / "nowhere")


def test_an_unknown_name_lists_the_known(tiny_models_dir: Path) -> None:
    with pytest.raises(BundleError, match="Expected a model named 'big', found tiny"):
        load_bundle("big", models_dir=tiny_models_dir)


@pytest.mark.parametrize("name", ["", ".", "..", "../tiny", "a/b", "Tiny", ".hidden", "a" * 65])
def test_a_name_cannot_be_a_path(tiny_models_dir: Path, name: str) -> None:
    with pytest.raises(BundleError, match="Expected a model name of small letters"):
        load_bundle(name, models_dir=tiny_models_dir)


def test_put_in_service_twice_leaves_nothing_behind(models: Path) -> None:
    activate("tiny", models)
    activate("tiny", models)
    assert sorted(path.name for path in models.iterdir()) == ["active", "tiny"]


def test_a_folder_of_models_that_cannot_be_written_is_said(models: Path) -> None:
    (models / "active").unlink()
    (models / "active").mkdir()  # nothing can take its place
    with pytest.raises(BundleError, match="put tiny in service, but the folder of models cannot"):
        activate("tiny", models)
    assert sorted(path.name for path in models.iterdir()) == ["active", "tiny"]


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
        ({"title": 1}, "expected text in title in its card, got '1'"),
        ({"training": []}, "expected an object in training"),
        ({"data": {"source": ["x"]}}, r"expected text in data\.source"),
        ({"limitations": "none"}, "expected a list in limitations"),
        ({"limitations": [1]}, r"expected text in limitations\[0\]"),
        ({"figures": {"auc": "0.99"}}, "expected a number, or value, low and high, in figures.auc"),
        (
            {"figures": {"auc": {"value": None, "low": 0, "high": 1}}},
            "low and high, in figures.auc",
        ),
        ({"figures": {"n": 10**400}}, "low and high, in figures.n"),
        ({"agreement": {"films": 64}}, "a value in agreement.keras_openvino"),
        ({"version": "1\x1b[2J"}, "at most 64 printable characters in version"),
        ({"version": "1" * 65}, "at most 64 printable characters in version"),
        ({"calibration": {"temperature": 10**400}}, "a positive number in calibration.temperature"),
    ],
)
def test_a_card_whose_optional_parts_cannot_be_shown_is_refused(
    tiny_card: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    whole = {"format": 1, "name": "t", "version": "1", **tiny_card}
    check_card(json.loads(json.dumps(whole)), "t")
    with pytest.raises(BundleError, match=f"Model t: .*{message}"):
        check_card({**whole, **changes}, "t")


def test_a_folder_that_cannot_be_written_keeps_the_model_in_service(
    tiny_models_dir, tmp_path, monkeypatch
):
    models = shutil.copytree(tiny_models_dir, tmp_path / "models")

    def read_only(self, *_words, **_options):
        raise PermissionError(30, "Read-only file system")

    for name in ("write_bytes", "unlink"):
        monkeypatch.setattr(type(tmp_path), name, read_only)
    with pytest.raises(BundleError, match="cannot be written: Read-only file system"):
        activate("tiny", models)
    assert active_name(models) == "tiny"
