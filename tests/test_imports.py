"""The rooms' one direction, read from the imports; and what must not load at start-up."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# What each room may import besides itself. The README's architecture section says the same.
BASE = {"errors", "config", "words", "storage"}
FILMS = BASE | {"metrics"}
BUNDLE = FILMS | {"films"}
ROOMS = {
    "errors": set(),
    "words": set(),
    "storage": set(),
    "config": {"errors"},
    "processes": set(),
    "job_status": {"storage"},
    "jobs": BASE | {"job_status", "processes"},
    "metrics": BASE,
    "films": FILMS,
    "bundle": BUNDLE,
    "learning": BUNDLE | {"bundle", "processes"},
    "reading": BUNDLE | {"bundle"},
    "review": BUNDLE | {"bundle", "learning", "reading"},
    "cli": BUNDLE | {"bundle", "learning", "reading", "review", "job_status", "jobs", "processes"},
}
ROOMS["__main__"] = ROOMS["cli"] | {"cli"}
# The screens see the whole core, except its command line and entry point.
CORE = {f"pneumo_core.{room}" for room in ROOMS if room not in {"cli", "__main__"}}
SCREENS = {
    "pages.ui": CORE,
    "pages": CORE | {"pages.ui"},
    "app": CORE | {"pages.ui", "pages"},
}
FILES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("app.py", "pages/**/*.py", "pneumo_core/**/*.py")
    for path in ROOT.glob(pattern)
)
DRAWING = {"matplotlib", "plotly", "PIL", "cv2", "streamlit"}
LIGHT = (
    *("cli", "jobs", "metrics", "bundle", "reading.predict", "learning.runs"),
    *("learning.launch", "learning.turn", "learning.overview", "learning.estimate"),
    *("films.decode", "films.index", "films.folds", "films.pixels"),
)
HEAVY = ("tensorflow", "keras", "openvino", "pandas", "sklearn", "streamlit")


def module_of(file: str) -> str:
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imports_of(file: str, source: str) -> list[str]:
    """Every module a file names in an import, wherever in it: "a.b" for both ways to say it."""
    package = module_of(file).split(".")
    if not file.endswith("/__init__.py"):
        package = package[:-1]
    found = []
    for node in ast.walk(ast.parse(source, file)):
        if isinstance(node, ast.Import):
            found += [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            found += [f"{origin}.{name.name}" for name in node.names]
    return found


def room_of(module: str) -> str | None:
    """The room a dotted name lies in; None for a library and for pneumo_core's own names."""
    parts = module.split(".")
    if parts[0] == "pneumo_core":
        return f"pneumo_core.{parts[1]}" if len(parts) > 1 and parts[1] in ROOMS else None
    if parts[0] == "pages":
        return "pages.ui" if parts[1:2] == ["ui"] else "pages"
    return "app" if parts[0] == "app" else None


def wrong_arrows(file: str, source: str) -> list[str]:
    room = room_of(module_of(file))
    if room is None:
        allowed = set()
    elif room in SCREENS:
        allowed = SCREENS[room] | {room}
    else:
        own = room.removeprefix("pneumo_core.")
        allowed = {f"pneumo_core.{other}" for other in ROOMS[own]} | {room}
    names = sorted(set(imports_of(file, source)))
    return [name for name in names if room_of(name) not in allowed | {None}]


@pytest.mark.parametrize("file", FILES)
def test_imports_run_one_way(file):
    assert wrong_arrows(file, (ROOT / file).read_text("utf-8")) == []


@pytest.mark.parametrize("file", [f for f in FILES if f.startswith("pneumo_core/")])
def test_every_file_of_the_core_lies_in_a_known_room(file):
    assert file == "pneumo_core/__init__.py" or room_of(module_of(file)) is not None


@pytest.mark.parametrize("file", [f for f in FILES if f.startswith("pneumo_core/")])
def test_the_core_never_imports_streamlit(file):
    names = imports_of(file, (ROOT / file).read_text("utf-8"))
    assert [name for name in names if name.split(".")[0] == "streamlit"] == []


@pytest.mark.parametrize("file", [f for f in FILES if f.startswith("pneumo_core/metrics")])
def test_metrics_import_no_drawing_and_no_tables(file):
    names = imports_of(file, (ROOT / file).read_text("utf-8"))
    assert [name for name in names if name.split(".")[0] in DRAWING | {"pandas"}] == []


def test_starting_a_run_does_not_import_training():
    file = "pneumo_core/learning/runs.py"
    names = imports_of(file, (ROOT / file).read_text("utf-8"))
    assert not [name for name in names if name.startswith("pneumo_core.training.train")]


def test_start_up_loads_nothing_heavy():
    code = (
        "import sys, importlib\n"
        f"for module in {LIGHT}:\n"
        "    importlib.import_module(f'pneumo_core.{module}')\n"
        f"    heavy = set({HEAVY}) & set(sys.modules)\n"
        "    if heavy: sys.exit(f'{module} loads {heavy}')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("file", "source", "wrong"),
    [
        ("pneumo_core/films/a.py", "import pneumo_core.bundle", ["pneumo_core.bundle"]),
        ("pneumo_core/films/a.py", "from pneumo_core import reading", ["pneumo_core.inference"]),
        ("pneumo_core/films/a.py", "from ..review import b", ["pneumo_core.evaluation.b"]),
        ("pneumo_core/films/a.py", "from .b import c\nimport numpy", []),
        ("pneumo_core/films/a.py", "from pneumo_core import metrics, DISCLAIMER", []),
        ("pneumo_core/metrics/a.py", "from pneumo_core.dataset import b", ["pneumo_core.dataset.b"]),
        ("pneumo_core/learning/a.py", "def f():\n import pneumo_core.inference.b as b",
         ["pneumo_core.inference.b"]),
        ("pneumo_core/reading/a.py", "import pneumo_core.training", ["pneumo_core.training"]),
        ("pneumo_core/review/a.py", "import pneumo_core.training, pneumo_core.inference", []),
        ("pneumo_core/cli.py", "import pages.ui", ["pages.ui"]),
        ("pages/ui/a.py", "import pages.diagnose, pneumo_core.dataset", ["pages.diagnose"]),
        ("pages/a.py", "import pages.ui.page, app", ["app"]),
        ("pages/a.py", "import pneumo_core.cli", ["pneumo_core.cli"]),
        ("app.py", "import pages.a, pneumo_core.bundle, streamlit", []),
    ],
)  # fmt: skip
def test_a_wrong_arrow_is_seen(file, source, wrong):
    assert wrong_arrows(file, source) == wrong
