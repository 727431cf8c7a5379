"""All models, each checked once, and again as soon as any of its files changes."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pages.ui import cache
from pneumo_core.bundle import active_name, bundle_names
from pneumo_core.config import load_settings
from pneumo_core.errors import BundleError

if TYPE_CHECKING:
    from pathlib import Path

    from pneumo_core.bundle import BundleStatus


@dataclass(frozen=True)
class Checked:
    """A model, intact or damaged, and when its hashes were compared ("14:02:31")."""

    found: BundleStatus
    at: str


def name_in_service() -> str:
    """Name of the model in service, present or missing; "" where none was chosen."""
    try:
        return active_name()
    except BundleError:
        return ""


def all_models() -> list[Checked]:
    """Every model, the one in service first."""
    active = name_in_service()
    checked = [_check(name, active) for name in bundle_names()]
    return sorted(checked, key=lambda one: (not one.found.in_service, one.found.name))


def check_again(name: str) -> Checked:
    """The model with all its files verified again."""
    cache.checked_bundle.clear(_folder(name))
    return _check(name, name_in_service())


def _check(name: str, active: str) -> Checked:
    found, at = cache.checked_bundle(_folder(name))
    return Checked(replace(found, in_service=name == active), at)


def _folder(name: str) -> cache.Keyed[Path]:
    """A model's folder; the key changes with every write, also where times are set back."""
    path = load_settings().models_dir / name
    marks: list[object] = [path]
    for file in sorted(path.rglob("*")):
        with suppress(OSError):
            stat = file.lstat()
            marks.append((file.name, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns))
    return cache.Keyed(repr(marks), path)
