"""Imports run one way, without a circle; and start-up loads nothing heavy."""

import ast
import os
import subprocess
import sys
from functools import cache

import pytest

from tests import ROOT

# Rooms from the bottom up: a room imports those of lower lines and itself; two rooms on one line
# do not import each other. docs/architecture.md draws the same picture.
CORE_LAYERS = (
    ("errors", "palette", "progress"),
    ("access",),
    ("config", "pseudonym", "container", "storage"),
    ("metrics",),
    ("formatting", "perturbations", "synthetic"),
    ("imaging", "jobs", "untrusted_zip"),
    ("dataset", "bundle"),
    ("audit", "training", "inference"),
    ("evaluation",),
    ("readings",),
    ("server",),
    ("cli",),
    ("__main__",),
)
PAGE_LAYERS = (
    ("html", "identity"),
    ("serving", "outcomes", "charts"),
    ("cache",),
    ("session_film",),
    ("state",),
    ("page",),
    ("job_progress", "components", "folder_field"),
    ("diagnose", "models"),
    ("dataset",),
    ("metrics", "training"),
)
RANK = {f"pneumo_core.{room}": rank for rank, line in enumerate(CORE_LAYERS) for room in line}
RANK |= {
    f"pages.ui.{room}": len(CORE_LAYERS) + rank
    for rank, line in enumerate(PAGE_LAYERS)
    for room in line
}
RANK |= {"pages": 100, "app": 101}
NOT_FOR_PAGES = {"pneumo_core.cli", "pneumo_core.__main__"}
FILES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("app.py", "pages/**/*.py", "pneumo_core/**/*.py")
    for path in ROOT.glob(pattern)
)
DRAWING = {"matplotlib", "plotly", "PIL", "cv2", "streamlit"}
LIGHT = (
    *("cli", "jobs.job", "metrics", "bundle", "inference.predict", "training.runs.run"),
    *("training.runs.queue", "training.runs.history", "training.runs.estimate"),
    *("readings.log", "readings.report", "readings.dicom_export", "readings.reader_study"),
    *("imaging.decode", "dataset.index", "dataset.folds", "dataset.pixel_cache"),
)
HEAVY = ("tensorflow", "keras", "openvino", "pandas", "sklearn", "streamlit")
MOST_FILES = 17  # of a folder


def module_of(file: str) -> str:
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@cache
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
    for room in (".".join(parts[:3]), ".".join(parts[:2]), parts[0]):
        if room in RANK:
            return room
    return None


def wrong_imports(file: str, source: str) -> list[str]:
    own = room_of(module_of(file))
    rank = -1 if own is None else RANK[own]

    def allowed(room: str | None) -> bool:
        if room is None or room == own:
            return True
        return RANK[room] < rank and not (rank > len(CORE_LAYERS) - 1 and room in NOT_FOR_PAGES)

    return [name for name in sorted(set(imports_of(file, source))) if not allowed(room_of(name))]


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Modules that import each other, directly or through others; by depth-first search."""
    found: list[list[str]] = []
    done: set[str] = set()

    def visit(module: str, way: list[str]) -> None:
        if module in way:
            found.append([*way[way.index(module) :], module])
        elif module not in done:
            for other in sorted(graph.get(module, ())):
                visit(other, [*way, module])
            done.add(module)

    for module in sorted(graph):
        visit(module, [])
    return found


@cache
def text_of(file: str) -> str:
    return (ROOT / file).read_text("utf-8")


# One test for all files: a test each, of some thousand, costs more than what it looks at.


def test_imports_run_one_way():
    wrong = {file: wrong_imports(file, text_of(file)) for file in FILES}
    assert {file: names for file, names in wrong.items() if names} == {}


def test_no_module_imports_itself_through_others():
    modules = {module_of(file) for file in FILES}
    graph = {}
    for file in FILES:
        names = imports_of(file, text_of(file))
        hits = {name if name in modules else name.rpartition(".")[0] for name in names}
        graph[module_of(file)] = hits & modules - {module_of(file)}
    assert circles(graph) == []


def test_a_circle_is_seen():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c", "a"]]
    assert circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_every_file_lies_in_a_known_room():
    homeless = [file for file in FILES if room_of(module_of(file)) is None]
    assert homeless == ["pneumo_core/__init__.py"]


def test_no_folder_has_more_files_than_a_person_can_survey():
    folders = [file.rpartition("/")[0] for file in FILES]
    assert {name: folders.count(name) for name in folders if folders.count(name) > MOST_FILES} == {}


def libraries_below(folder: str, wanted: set[str]) -> list[tuple[str, str]]:
    """Which files below `folder` import which of the `wanted` libraries."""
    files = [file for file in FILES if file.startswith(folder)]
    assert files
    found = [(file, name) for file in files for name in imports_of(file, text_of(file))]
    return [(file, name) for file, name in found if name.split(".")[0] in wanted]


def test_the_core_never_imports_streamlit():
    assert libraries_below("pneumo_core/", {"streamlit"}) == []


def test_metrics_import_no_drawing_and_no_tables():
    assert libraries_below("pneumo_core/metrics", DRAWING | {"pandas"}) == []


def test_starting_a_run_does_not_import_training():
    file = "pneumo_core/training/runs/run.py"
    names = imports_of(file, text_of(file))
    assert not [name for name in names if name.startswith("pneumo_core.training.train")]


def test_start_up_loads_nothing_heavy():
    code = (
        "import sys, importlib\n"
        f"for module in {LIGHT}:\n"
        "    importlib.import_module(f'pneumo_core.{module}')\n"
        f"    heavy = set({HEAVY}) & set(sys.modules)\n"
        "    if module == 'cli': heavy |= {'numpy'} & set(sys.modules)\n"
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


# A command on a synthetic film each, and what none of them may load: TensorFlow takes seconds and
# 500 MB, pydicom and SQLAlchemy half a second, of which a JPEG needs nothing.
QUICK = {
    "predict": ("predict", "{film}", "--model", "{model}"),
    "predict --out": ("predict", "{film}", "--model", "{model}", "--out", "{folder}/out.csv"),
}
NOT_FOR_A_JPEG = {"tensorflow", "keras", "pandas", "sklearn", "streamlit", "pydicom", "sqlalchemy"}


@pytest.mark.parametrize("command", QUICK)
def test_reading_a_jpeg_loads_only_what_it_needs(command, tmp_path):
    from PIL import Image

    from pneumo_core.bundle.registry import active_name
    from pneumo_core.synthetic.appearance import synthetic_film

    film = tmp_path / "film.jpg"
    Image.fromarray(synthetic_film("normal", 0, size=256)).save(film)
    names = {"film": film, "folder": tmp_path, "model": active_name(ROOT / "models")}
    words = [word.format(**names) for word in QUICK[command]]
    code = (
        "import sys\n"
        f"sys.argv = ['pneumo', *{words}]\n"
        "from pneumo_core import cli\n"
        "try:\n    cli.main()\nexcept SystemExit as stop:\n    assert not stop.code, stop.code\n"
        f"heavy = {NOT_FOR_A_JPEG} & set(sys.modules)\n"
        "if heavy: sys.exit(f'it loads {heavy}')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PNEUMO_MODELS": str(ROOT / "models")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_first_page_loads_only_what_it_shows():
    """Before a film is dropped: neither networks, nor DICOM, nor the log, nor tables."""
    screen = {"streamlit", "pandas"}  # the screen itself brings them
    code = (
        "import sys, importlib\n"
        "import pages.ui.page, pages.ui.cache, pages.ui.state\n"
        "import pages.ui.diagnose.upload, pages.ui.diagnose.viewer, pages.ui.diagnose.result\n"
        f"heavy = {(NOT_FOR_A_JPEG - screen) | {'openvino'}} & set(sys.modules)\n"
        "if heavy: sys.exit(f'they load {heavy}')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


CORE = "pneumo_core"


@pytest.mark.parametrize(
    ("file", "source", "wrong"),
    [
        (f"{CORE}/imaging/a.py", f"import {CORE}.bundle", [f"{CORE}.bundle"]),
        (f"{CORE}/imaging/a.py", f"from {CORE} import inference", [f"{CORE}.inference"]),
        (f"{CORE}/imaging/a.py", "from ..evaluation import b", [f"{CORE}.evaluation.b"]),
        (f"{CORE}/imaging/a.py", "from .b import c\nimport numpy", []),
        (f"{CORE}/imaging/a.py", f"from {CORE} import metrics, DISCLAIMER", []),
        (f"{CORE}/metrics/a.py", f"from {CORE}.dataset import b", [f"{CORE}.dataset.b"]),
        (f"{CORE}/dataset/a.py", f"from {CORE}.bundle import b", [f"{CORE}.bundle.b"]),
        (
            f"{CORE}/training/a.py",
            f"def f():\n import {CORE}.inference.b as b",
            [f"{CORE}.inference.b"],
        ),
        (f"{CORE}/inference/a.py", f"import {CORE}.training", [f"{CORE}.training"]),
        (f"{CORE}/evaluation/a.py", f"import {CORE}.training, {CORE}.inference", []),
        (f"{CORE}/cli/a.py", "import pages.ui", ["pages.ui"]),
        ("pages/ui/state.py", f"import pages.diagnose, {CORE}.dataset", ["pages.diagnose"]),
        ("pages/ui/charts/roc.py", "from pages.ui import state", ["pages.ui.state"]),
        ("pages/ui/models/a.py", "from pages.ui.diagnose import b", ["pages.ui.diagnose.b"]),
        ("pages/a.py", "import pages.ui.page, app", ["app"]),
        ("pages/a.py", f"import {CORE}.cli", [f"{CORE}.cli"]),
        ("app.py", f"import pages.a, {CORE}.bundle, streamlit", []),
    ],
)
def test_a_wrong_import_is_seen(file, source, wrong):
    assert wrong_imports(file, source) == wrong
