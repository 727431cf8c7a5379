"""The ledger: each look is written once, by several at once, and nothing stops an evaluation."""

import json
import math
import os
import subprocess
import sys

import pytest

from pneumo_core.bundle.registry import ledger_path
from pneumo_core.evaluation.test_log import FIGURES, data_hash, logged_evaluations, record

FOUND = {"n": 12, **dict.fromkeys(FIGURES, 0.5), "auc": math.nan}


@pytest.fixture
def bundle(paper_bundle, tmp_path, tiny_card, tiny_predictions):
    return paper_bundle(tmp_path / "models", tiny_card, tiny_predictions)


def test_a_look_is_written_beside_the_bundle_and_read_again(bundle):
    assert logged_evaluations(bundle) == []
    assert record(bundle, data="abc", split="test", figures=FOUND) == ""
    assert record(bundle, data="xyz", split="test", figures=FOUND) == ""
    assert ledger_path(bundle.path) == bundle.path.parent / "paper.ledger.jsonl"
    first, second = logged_evaluations(bundle)
    assert (first.data, first.n, first.version, first.split) == ("abc", 12, "1.0", "test")
    assert first.digest == "d1" * 8
    assert first.figures["auc"] is None
    assert first.figures["sensitivity"] == 0.5
    assert first.at.endswith("+00:00")
    assert logged_evaluations(bundle, "xyz") == [second]


def test_films_have_one_hash_whatever_their_order_and_names():
    assert data_hash(["b", "a"]) == data_hash(["a", "b"])
    assert data_hash(["a"]) != data_hash(["b"])
    assert len(data_hash([])) == 16


def test_a_line_that_was_cut_short_is_passed_over_and_left_behind(bundle):
    record(bundle, data="one", split="test", figures=FOUND)
    with ledger_path(bundle.path).open("a", encoding="utf-8") as file:
        file.write('{"at": "2026-')
    record(bundle, data="two", split="test", figures=FOUND)
    assert [look.data for look in logged_evaluations(bundle)] == ["one", "two"]
    assert len(ledger_path(bundle.path).read_text("utf-8").splitlines()) == 3


def test_strange_lines_are_no_looks(bundle):
    record(bundle, data="one", split="test", figures=FOUND)
    whole = json.loads(ledger_path(bundle.path).read_text("utf-8"))
    strange = [{**whole, key: value} for key, value in (("n", "7"), ("at", 5), ("figures", "x"))]
    strange.append({**whole, "figures": {"auc": "high"}})
    lines = ["[]", "null", '{"at": 1}', "", "5", *map(json.dumps, strange)]
    ledger_path(bundle.path).write_text("\n".join(lines), "utf-8")
    assert logged_evaluations(bundle) == []


def test_two_at_once_lose_nothing(bundle, tmp_path):
    code = """
import json, sys
from pathlib import Path
from pneumo_core.bundle import Bundle
from pneumo_core.bundle.card import Card
from pneumo_core.bundle.registry import ledger_path
from pneumo_core.evaluation.test_log import record
path, figures = Path(sys.argv[1]), json.loads(sys.argv[2])
bundle = Bundle("paper", path, Card.from_document({"version": "1.0"}), "d" * 64)
for i in range(20):
    assert record(bundle, data=f"{sys.argv[3]}{i}", split="test", figures=figures) == ""
"""
    figures = json.dumps({**FOUND, "auc": 0.5})
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(bundle.path), figures, name])
        for name in ("a", "b")
    ]
    assert [process.wait(600) for process in running] == [0, 0]
    assert sorted(look.data for look in logged_evaluations(bundle)) == sorted(
        f"{name}{i}" for name in "ab" for i in range(20)
    )


@pytest.mark.skipif(os.name == "nt", reason="a folder's rights are kept otherwise on Windows")
def test_a_folder_that_cannot_be_written_is_told_and_no_failure(bundle, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    # The tests may run as root, whom no folder refuses.
    monkeypatch.setattr("pneumo_core.evaluation.test_log._append", refuse)
    note = record(bundle, data="abc", split="test", figures=FOUND)
    assert note == (
        "This evaluation could not be written to the test log of paper (Permission denied): "
        "keep your own record of it."
    )
    assert logged_evaluations(bundle) == []
