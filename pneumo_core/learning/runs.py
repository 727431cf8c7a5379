"""A run is a folder: its configuration, its status, its history; what a resumed run needs."""

from __future__ import annotations

import json
import os
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pneumo_core.errors import TrainingError
from pneumo_core.learning.recipe import Recipe

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Run:
    """One training run in `folder`; its name is the run's id."""

    folder: Path

    @property
    def id(self) -> str:
        """The run's id."""
        return self.folder.name

    def config(self) -> dict[str, Any]:
        """What was asked for: recipe, data folder, name of the bundle."""
        return _read(self.folder / "config.json")

    def recipe(self) -> Recipe:
        """The run's recipe."""
        return Recipe(**self.config()["recipe"])

    def status(self) -> dict[str, Any]:
        """State ("running", "done", "failed"), phase, progress and message, as last written.

        A run whose process is gone without a word is "interrupted".
        """
        status = _read(self.folder / "status.json")
        if status.get("state") == "running" and not _alive(status.get("pid")):
            status["state"] = "interrupted"
        return status

    def update(self, **facts: Any) -> None:
        """Lay `facts` over the status; readers see the old file or the new one, never half."""
        path = self.folder / "status.json"
        status = _read(path) if path.exists() else {}
        status |= {**facts, "pid": os.getpid(), "updated": _now()}
        _write(path, status)


def create_run(runs_dir: Path, recipe: Recipe, *, data: Path, bundle: str) -> Run:
    """A new run's folder, named for the moment, the backbone and four random characters."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    folder = runs_dir / f"{stamp}-{recipe.backbone}-{secrets.token_hex(2)}"
    folder.mkdir(parents=True)
    config = {"recipe": recipe.as_dict(), "data": str(data), "bundle": bundle, "created": _now()}
    _write(folder / "config.json", config)
    run = Run(folder)
    run.update(state="running", phase="starting")
    return run


def find_run(runs_dir: Path, run_id: str) -> Run:
    """The run called `run_id`; TrainingError where there is none."""
    folder = runs_dir / run_id
    if not re.fullmatch(r"[\w-]+", run_id) or not (folder / "config.json").is_file():
        known = sorted(p.parent.name for p in runs_dir.glob("*/config.json"))[-5:]
        listed = f" The latest are: {', '.join(known)}." if known else " There is none yet."
        raise TrainingError(f"Expected the id of a run, got {run_id!r}.{listed}")
    return Run(folder)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"Expected a readable {path.name} in the run {path.parent.name}; it is missing or "
            "damaged. Start a new run."
        ) from error
    return found


def _write(path: Path, content: dict[str, Any]) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    partial.replace(path)


def _alive(pid: Any) -> bool:
    if not isinstance(pid, int):
        return False
    import psutil

    return bool(psutil.pid_exists(pid))
