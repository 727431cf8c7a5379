"""The ledger that comes along with a bundle: each line looked through, each look counted once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pneumo_core.bundle import load_bundle
from pneumo_core.bundle.transfer import export_bundle, import_bundle
from pneumo_core.bundle.untrusted_files import checked_ledger
from pneumo_core.errors import BundleError

if TYPE_CHECKING:
    from pathlib import Path


def look(**changes: Any) -> str:
    """A line as `pneumo_core.evaluation.test_log` writes it."""
    line = {"at": "2026-11-20T18:00:00+00:00", "version": "1.0", "digest": "0" * 16, "n": 624}
    line |= {"data": "1" * 16, "split": "test", "figures": {"auc": 0.9, "ece": None}, "pneumo": "1"}
    return json.dumps(line | changes)


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "",
        look(n="624"),
        look(split="x" * 65),
        look(figures={"auc": "<b>"}),
        look(more=1),
    ],
)
def test_a_line_that_is_no_look_is_named(line: str) -> None:
    with pytest.raises(BundleError, match="a ledger of looks at test films, but its line 2 is no"):
        checked_ledger(f"{look()}\n{line}\n".encode())


def test_a_look_that_our_own_ledger_writes_is_one(models: Path) -> None:
    from pneumo_core.evaluation import test_log

    bundle = load_bundle("tiny", models_dir=models)
    figures = dict.fromkeys(test_log.FIGURES, 0.5) | {"n": 624, "auc": float("nan")}
    assert test_log.record(bundle, data="1" * 16, split="test", figures=figures) == ""
    content = (models / "tiny.ledger.jsonl").read_bytes()
    assert checked_ledger(content) == content.decode().splitlines()


@pytest.mark.usefixtures("no_trial")
def test_the_ledger_goes_along_and_counts_each_look_once(models: Path, tmp_path: Path) -> None:
    first, second, third = (look(n=n) for n in (1, 2, 3))
    (models / "tiny.ledger.jsonl").write_text(f"{first}\n{second}\n")
    sent = export_bundle("tiny", models_dir=models)
    import_bundle(sent, models_dir=tmp_path / "new", name="renamed")
    assert (tmp_path / "new" / "renamed.ledger.jsonl").read_text() == f"{first}\n{second}\n"
    (models / "tiny.ledger.jsonl").write_text(f"{second}\n{third}\n")
    import_bundle(sent, models_dir=models, replace=True)
    kept = (models / "tiny.ledger.jsonl").read_text()
    assert kept == f"{second}\n{third}\n{first}\n"
    assert load_bundle("tiny", models_dir=models).name == "tiny"  # the ledger is no part of it
