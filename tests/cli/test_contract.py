"""What scripts rely on: commands, options, JSON keys and exit codes of version 0.1 stay."""

import json
from pathlib import Path

import pytest
from typer.main import get_command

from pneumo_core.cli import app

OPTIONS = json.loads((Path(__file__).parent / "contract" / "options.json").read_text("utf-8"))
INTERVAL = ("auc", "accuracy", "sensitivity", "specificity")


def commands(group, prefix=""):
    """Every command with the names of its options and arguments."""
    found = {}
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            found |= commands(command, f"{prefix}{name} ")
        else:
            long = {opt for part in command.params for opt in part.opts if opt.startswith("--")}
            words = {p.name.upper() for p in command.params if not p.opts[0].startswith("-")}
            found[f"{prefix}{name}"] = long | words
    return found


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_no_command_and_no_option_is_lost(name):
    assert set(OPTIONS[name]) - commands(get_command(app))[name] == set()


def test_predict_prints_these_keys(run, films):
    code, out, _ = run("predict", films, "--json")
    first = json.loads(out.splitlines()[0])
    assert code == 0
    assert list(first)[:12] == [
        *("file", "status", "decision", "p_pneumonia", "p_bacterial", "p_viral"),
        *("threshold_low", "threshold_high", "gate", "message", "ms", "p_low"),
    ]
    assert {"p_high", "model", "disclaimer"} <= set(first)
    assert set(first["gate"]) == {"ok", "reasons"}


def test_evaluate_prints_these_keys(run, labelled):
    code, out, _ = run("evaluate", labelled, "--split", "test", "--json")
    found = json.loads(out)
    assert code == 0
    expected = {"n", "n_normal", "n_pneumonia", "threshold", "brier", "ece", "confusion"}
    expected |= {f"{name}{end}" for name in INTERVAL for end in ("", "_low", "_high")}
    assert expected | {"subtype_auc", "standing", "here"} == set(found)
    assert set(found["confusion"]) == {"tp", "fp", "tn", "fn"}
    standing = {"kind", "badge", "words", "warning", "looks", "sure", "drawn"}
    assert standing <= set(found["standing"])


def test_index_and_audit_print_these_keys(run, labelled):
    _, out, _ = run("index", labelled, "--json")
    assert {"films", "groups", "exact_duplicates", "splits", "unreadable"} <= set(json.loads(out))
    _, out, _ = run("audit", labelled, "--json")
    document = json.loads(out)
    expected = {"disclaimer", "pneumo", "data", "counts", "facts", "findings", "overall"}
    assert expected | {"shortcuts"} <= set(document)
    row = {"feature", "title", "words", "split", "films", "n_groups", "state", "auc", "low", "high"}
    assert row <= set(document["shortcuts"][0])
    finding = {"code", "title", "count", "films", "harm", "why", "done", "unit"}
    assert all(finding <= set(one) for one in document["findings"])


def test_models_prints_these_keys(run):
    _, out, _ = run("models", "list", "--json")
    keys = {"name", "version", "digest", "bytes", "in_service", "fault", "against", "card"}
    assert keys <= set(json.loads(out)[0])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("predict", "FILMS/a.png"), 0),
        (("predict", "FILMS/a.png", "FILMS/absent.png"), 1),
        (("predict",), 2),
        (("evaluate", "FILMS", "--split", "val"), 1),
        (("train",), 2),
        (("no-such-command",), 2),
    ],
)
def test_exit_codes(run, films, words, expected):
    code, _, _ = run(*(word.replace("FILMS", str(films)) for word in words))
    assert code == expected
