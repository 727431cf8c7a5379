"""The documentation names what is there: files, commands, options, variables, functions."""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import typer

from pneumo_core.cli import app
from tests import ROOT
from tests.test_imports import CORE_LAYERS, PAGE_LAYERS

if TYPE_CHECKING:
    from pathlib import Path

DOCS = ROOT / "docs"
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.glob("*.md"), *(ROOT / "bench").glob("*.md")]
)
LONGEST_README = 150  # lines
# Where a path in a page may begin: as in the pages on architecture, without the folder above.
STARTS = (ROOT, ROOT / "pneumo_core", ROOT / "pages" / "ui")
LINK = re.compile(r"\]\(([^)\s]+)\)")
FILE = re.compile(r"`([\w.-]+(?:/[\w.-]+)*/?[\w-]*\.(?:py|md|toml|css|js|png|txt))`")
FOLDER = re.compile(r"`((?:pages|pneumo_core|tests|bench|tools|docs|\.streamlit|\.ci)/[\w/]*)`")
# `inference.predict.decide`: a room, a module of it, and a name that the module defines.
NAME = re.compile(r"`((?:[a-z_]+\.)+)(?!json`|csv`|py`|md`)([A-Za-z_]\w*)`")
VARIABLE = re.compile(r"PNEUMO_[A-Z][A-Z_]*[A-Z]")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
# Written by the program or by a person: not part of the project.
WRITTEN = {"pneumo-dataset.toml", "secrets.toml", "drawn-by-pneumo.txt", "log.txt", "utils.py"}
WRITTEN |= {"trace.txt"}


@cache
def text_of(page: Path) -> str:
    return page.read_text("utf-8")


@cache
def file_names() -> set[str]:
    return {
        path.name for top in ("pneumo_core", "pages", "bench") for path in (ROOT / top).rglob("*")
    }


def is_there(name: str, page: Path) -> bool:
    """Whether a path is there, or, of a bare name, a file of that name in any room."""
    found = any((start / name).exists() for start in (page.parent, *STARTS))
    return found or ("/" not in name and name in file_names())


def paths_of(name: str) -> list[Path]:
    """The file at a path or, of a bare name, the files of that name in any folder."""
    if (ROOT / name).exists():
        return [ROOT / name]
    return [path for top in ("pneumo_core", "pages") for path in (ROOT / top).rglob(name)]


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", text_of(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


def section(page: Path, heading: str) -> str:
    """What stands under `## heading`, up to the next heading of that depth."""
    found = re.search(
        rf"^## {re.escape(heading)}$(.*?)(?=^## |\Z)", text_of(page), re.MULTILINE | re.DOTALL
    )
    return found[1] if found else ""


def commands(group: Any, above: tuple[str, ...] = ()) -> dict[tuple[str, ...], set[str]]:
    """Every visible command, ("runs", "show") for one of a group, with its long options."""
    found: dict[tuple[str, ...], set[str]] = {}
    for name, command in getattr(group, "commands", {}).items():
        if not command.hidden:
            options = {o for p in command.params for o in (*p.opts, *p.secondary_opts)}
            found[*above, name] = {o for o in options if o.startswith("--")}
            found |= commands(command, (*above, name))
    return found


@cache
def all_commands() -> dict[tuple[str, ...], set[str]]:
    return commands(typer.main.get_command(app))


@cache
def defined_in(file: Path) -> set[str]:
    """Names that a module defines or imports at its top."""
    found: set[str] = set()
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            found |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


def test_the_readme_is_short():
    assert len(text_of(ROOT / "README.md").splitlines()) <= LONGEST_README


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_and_file_exists(page):
    broken = []
    for link in LINK.findall(text_of(page)):
        if link.startswith(("http:", "https:")):
            continue
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    named = (*FILE.findall(text_of(page)), *FOLDER.findall(text_of(page)))
    broken += [name for name in named if name not in WRITTEN and not is_there(name, page)]
    assert not broken, f"{page.name} names what is not there: {broken}. Mend the page."


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_function_named_is_defined(page):
    gone = []
    for path, name in NAME.findall(text_of(page)):
        parts = path.rstrip(".").split(".")
        file = ROOT.joinpath("pneumo_core", *parts[:-1], f"{parts[-1]}.py")
        of_ours = file.exists() or (len(parts) > 1 and (ROOT / "pneumo_core" / parts[0]).is_dir())
        if of_ours and (not file.exists() or name not in defined_in(file)):
            gone.append(f"{path}{name}")
    assert not gone, f"{page.name} names what the code no longer defines: {gone}. Mend the page."


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "architecture.md"])
def test_every_other_name_of_the_code_occurs_in_it(page):
    named = set(re.findall(r"`(\w*[A-Za-z]\w*)`", text_of(DOCS / page)))
    tops = ("pneumo_core", "pages", "tests", "bench")
    sources = [p for top in tops for p in (ROOT / top).rglob("*.py") if p.name != "test_docs.py"]
    known = set(re.findall(r"\w+", "\n".join(map(text_of, sources))))
    assert named <= known, f"{page} names what no source file does: {sorted(named - known)}."


def test_a_step_of_contributing_sends_to_the_file_that_has_the_name():
    wrong = []
    for step in re.split(r"\n(?=\d\. |#|\n)", text_of(DOCS / "CONTRIBUTING.md")):
        files = [name for name in FILE.findall(step) if name.endswith(".py")]
        if not re.match(r"\d\. ", step) or not files:
            continue
        sources = [path for name in files for path in paths_of(name)]
        known = set(re.findall(r"\w+", "\n".join(map(text_of, sources))))
        wrong += [n for n in re.findall(r"`([A-Z_]\w+)`", step) if n not in known]
    assert not wrong, f"These are not in the files of their step: {wrong}. Mend CONTRIBUTING.md."


def test_settings_are_documented_and_exist():
    sources = [p for room in ("pneumo_core", "pages") for p in (ROOT / room).rglob("*.py")]
    used = {name for path in sources for name in VARIABLE.findall(text_of(path))}
    assert used == set(VARIABLE.findall(text_of(DOCS / "deployment.md")))


@pytest.mark.parametrize("command", all_commands(), ids=" ".join)
def test_the_command_and_its_options_are_documented(command):
    told = section(DOCS / "cli.md", command[0])
    assert f"`{' '.join(command)}" in told
    assert all_commands()[command] - {"--help"} <= set(OPTION.findall(told))


def test_no_option_is_documented_that_does_not_exist():
    known = {"--help"}.union(*all_commands().values())
    assert set(OPTION.findall(text_of(DOCS / "cli.md"))) <= known


def test_architecture_names_every_folder():
    rooms = [room for top in ("pneumo_core", "pages") for room in (ROOT / top).rglob("*/")]
    top = [ROOT / name for name in ("pneumo_core", "pages", "bench", "tools", "tests", "models")]
    folders = {p.relative_to(ROOT).as_posix() for p in (*rooms, *top) if p.name != "__pycache__"}
    named = set(re.findall(r"`([\w/]+)/`", text_of(DOCS / "architecture.md")))
    assert folders <= named, f"architecture.md does not name {sorted(folders - named)}."


def test_architecture_draws_the_import_order():
    orders = re.findall(
        r"^(?:errors|html)\b.*(?:\n +←.*)*", text_of(DOCS / "architecture.md"), re.MULTILINE
    )
    core, pages = (
        [tuple(room.strip() for room in line.split(",")) for line in order.split("←")]
        for order in orders
    )
    assert core == [line for line in CORE_LAYERS if line != ("__main__",)]
    assert pages == list(PAGE_LAYERS)
