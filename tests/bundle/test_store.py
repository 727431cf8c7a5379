"""The folder of bundles: its list, what a card must say, and the one in service."""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from pneumo_core.bundle import activate, active_name, bundle_names, list_bundles, load_bundle
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


def test_a_broken_bundle_leaves_the_list_of_the_others(
    models: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(models / "tiny", models / "broken")
    (models / "broken" / "card.json").write_text("{")
    (models / ".partial-tiny").mkdir()
    assert bundle_names(models) == ["broken", "tiny"]
    assert [bundle.name for bundle in list_bundles(models)] == ["tiny"]
    assert "Model broken: expected JSON in card.json" in caplog.text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 2}, "expected card format 1, got 2"),
        ({"classes": ["ill", "well"]}, r"expected classes \['normal', 'bacterial', 'viral'\] or"),
        ({"input": {"size": 64.5}}, "expected a whole input size of 32..2048 pixels"),
        ({"input": None}, "expected a number in input.size in its card, got 'None'"),
        ({"calibration": {"temperature": 0}}, "expected a positive temperature in its card"),
        ({"version": 1}, "expected text in 'version' in its card, got '1'"),
        (
            {"operating_points": {k: {"threshold": t} for k, t in
                                  (("screening", 0.6), ("balanced", 0.5), ("ruling_in", 0.8))}},
            "expected 0 <= screening <= balanced <= ruling_in <= 1",
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
