"""The README names every module of the tree, and nothing that is not there."""

from __future__ import annotations

import re

import pytest

from pneumo_core.config import ROOT

README = (ROOT / "README.md").read_text("utf-8")
PACKAGE = ROOT / "pneumo_core"
ROOMS = ("metrics", "films", "bundle", "learning", "reading", "review")
SETTING = re.compile(r"PNEUMO_[A-Z_]+")


def named() -> dict[str, list[str]]:
    """The names in the tree of the architecture section, by room: "" for the package itself."""
    tree = README.split("## Architecture", 1)[1].split("```")[1]
    lines = tree.split("\npneumo_core/", 1)[1].split("\nmodels/", 1)[0].splitlines()[1:]
    found: dict[str, list[str]] = {"": []}
    room = ""
    for line in lines:
        indent = len(line) - len(line.lstrip())
        names = [
            name.strip() for name in re.split(r"\s{2,}", line.strip(), maxsplit=1)[0].split(",")
        ]
        if indent == 2:
            room = names[0].rstrip("/") if names[0].rstrip("/") in ROOMS else ""
        if indent == 4 or not room:
            found.setdefault(room, []).extend(names)
    return found


def there(room: str) -> set[str]:
    """Modules and folders of a room: a folder ends in /."""
    folder = PACKAGE / room
    modules = {path.stem for path in folder.glob("*.py") if not path.name.startswith("__")}
    return modules | {f"{path.parent.name}/" for path in folder.glob("*/__init__.py")}


@pytest.mark.parametrize("room", ROOMS)
def test_every_module_of_a_room_is_named_once(room: str) -> None:
    names = named()[room]
    unnamed, gone = there(room) - set(names), set(names) - there(room)
    assert (unnamed, gone) == (set(), set()), "Mend the tree in README.md, section Architecture."
    assert len(names) == len(set(names))


def test_every_module_beside_the_rooms_is_named() -> None:
    names = {name.removesuffix(".py") for name in named()[""]}
    assert names == there("") - {f"{room}/" for room in ROOMS}


def test_every_setting_is_named() -> None:
    sources = [*PACKAGE.rglob("*.py"), *(ROOT / "pages").rglob("*.py")]
    used = {name for path in sources for name in SETTING.findall(path.read_text("utf-8"))}
    inner = {"PNEUMO_", "PNEUMO_JOB"}  # the prefix; what a job's own process is told
    assert used - inner <= set(SETTING.findall(README))


def test_every_command_is_named() -> None:
    from pneumo_core.cli import app

    commands = [command.name for command in app.registered_commands]
    commands += [group.name for group in app.registered_groups]
    table = README.split("## The command line", 1)[1].split("For instance", 1)[0]
    assert [name for name in commands if f"`{name}" not in table] == []
