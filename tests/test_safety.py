"""No source file builds objects from foreign bytes, or runs what a file brings along."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from pneumo_core.config import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROOMS = ("pneumo_core", "pages", "bench")
# Modules that build objects out of bytes, and calls that do, or that run text as code.
LOADERS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
CALLS = {"eval", "exec", "compile", "read_pickle", "to_pickle", "enable_unsafe_deserialization"}
# Options and the one value that they may not have.
OPTIONS = {"allow_pickle": True, "safe_mode": False, "shell": True}


def parsed() -> Iterator[tuple[Path, ast.AST]]:
    """Every source file of the program."""
    for path in (ROOT / "app.py", *(p for room in ROOMS for p in (ROOT / room).rglob("*.py"))):
        yield path, ast.parse(path.read_text("utf-8"))


def faults(tree: ast.AST) -> Iterator[str]:
    """What in a parsed source could run what a file brings along."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.partition(".")[0] in LOADERS)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in LOADERS:
            yield str(node.module)
        elif isinstance(node, ast.Call):
            called = node.func
            name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
            plain = not (isinstance(called, ast.Attribute) and name == "compile")  # re, Keras
            if name in CALLS and plain:
                yield name
            for word in node.keywords:
                value = word.value
                if word.arg in OPTIONS and not (
                    isinstance(value, ast.Constant) and value.value is not OPTIONS[word.arg]
                ):
                    yield f"{word.arg}={ast.unparse(value)}"


def test_no_source_runs_what_a_file_brings_along() -> None:
    found = {path.relative_to(ROOT).as_posix(): list(faults(tree)) for path, tree in parsed()}
    assert len(found) > 100
    assert {path: all_ for path, all_ in found.items() if all_} == {}


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import pickle", ["pickle"]),
        ("from joblib.externals import x", ["joblib.externals"]),
        ("np.load(f, allow_pickle=True)", ["allow_pickle=True"]),
        ("np.load(f, allow_pickle=flag)", ["allow_pickle=flag"]),
        ("keras.saving.load_model(f, safe_mode=False)", ["safe_mode=False"]),
        ("pd.read_pickle(f)", ["read_pickle"]),
        ("eval(text)", ["eval"]),
        ("np.load(f, allow_pickle=False); re.compile('x'); model.compile()", []),
    ],
)
def test_the_look_itself(code: str, found: list[str]) -> None:
    assert list(faults(ast.parse(code))) == found
