"""A run is a folder: its configuration, its status, its history; what a resumed run needs."""

from __future__ import annotations

import json
import os
import platform
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from pneumo_core import __version__
from pneumo_core.errors import TrainingError
from pneumo_core.jobs.process import process_alive, process_created
from pneumo_core.learning.states import settled
from pneumo_core.storage import utc_now, write_json
from pneumo_core.training.recipe import Recipe

STOP, CANCEL = WISHES = ("stop", "cancel")  # files by which a person asks something of a run


@dataclass(frozen=True)
class Run:
    """One training run in `folder`; its name is the run's id."""

    folder: Path

    @property
    def id(self) -> str:
        """The run's id."""
        return self.folder.name

    @property
    def log(self) -> Path:
        """What its process prints."""
        return self.folder / "log.txt"

    def config(self) -> dict[str, Any]:
        """What was asked for: recipe, data folder, name of the bundle, version of Pneumo."""
        return _read(self.folder / "config.json")

    def recipe(self) -> Recipe:
        """The run's recipe. Raises TrainingError for one of another version of Pneumo."""
        try:
            return Recipe(**self.config()["recipe"])
        except (TypeError, KeyError) as error:
            raise TrainingError(
                f"Expected a recipe of this version of Pneumo in the run {self.id}; it is of "
                "another one. Start a new run."
            ) from error

    def status(self) -> dict[str, Any]:
        """State (see `states`), phase, progress and message, as last written.

        A run whose process is gone without a word is "interrupted", or "cancelled" where a
        person asked for it.
        """
        path = self.folder / "status.json"
        # Alive is asked first: a process that ends between the two has had its last word by then.
        alive = _is_at_work(_read(path))
        status = _read(path)
        asked = frozenset(wish for wish in WISHES if self.asked(wish))
        status["state"] = settled(
            status.get("state"),
            alive=alive,
            asked=asked,
            stopped=bool(status.get("stopped_after")),
            delivered=bool(status.get("delivered")),
        )
        return status

    def update(self, **facts: Any) -> None:
        """Lay `facts` over the status; readers see the old file or the new one, never half.

        Only the process that carries the run calls this, or one that starts it under the lock of
        the queue. Unless `facts` say otherwise, the calling process becomes the run's own.
        """
        path = self.folder / "status.json"
        status = _read(path) if path.exists() else {}
        write_json(path, status | {**_this_process(), "updated": utc_now(), **facts})

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of its log, "" where it printed nothing."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - 400 * lines))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def asked(self, wish: str) -> bool:
        """Whether a person asked for "stop" or "cancel"."""
        return (self.folder / wish).exists()

    def ask(self, wish: str) -> None:
        """Leave a wish where the run's process finds it."""
        (self.folder / wish).touch()

    def forget_wishes(self) -> None:
        """Take back what was asked, since the run begins anew."""
        for wish in WISHES:
            (self.folder / wish).unlink(missing_ok=True)


def create_run(  # noqa: PLR0913 - the settings of a run, by keyword
    runs_dir: Path,
    recipe: Recipe,
    *,
    data: Path,
    bundle: str,
    replace: bool = False,
    state: str = "running",
) -> Run:
    """A new run's folder, named for the moment, the backbone and four random characters.

    `bundle` is the name of the bundle it will write, over another one only with `replace`;
    `learning.launch.create_named_run` chooses it.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    folder = runs_dir / f"{stamp}-{recipe.backbone}-{secrets.token_hex(2)}"
    folder.mkdir(parents=True)
    run, created = Run(folder), utc_now()
    run.update(state=state, phase="starting", began=created, queued=created)
    if state != "running":  # whoever starts its process says which one that is
        run.update(pid=None, phase="waiting")
    config: dict[str, Any] = {
        "recipe": recipe.as_dict(),
        "data": str(data.absolute()),
        "bundle": bundle,
    }
    config |= {"replace": replace, "version": __version__, "created": created}
    write_json(folder / "config.json", config)  # last: a folder without it is no run yet
    return run


def find_run(runs_dir: Path, run_id: str) -> Run:
    """The run called `run_id`; TrainingError where there is none."""
    folder = runs_dir / run_id
    if not re.fullmatch(r"[\w-]+", run_id) or not (folder / "config.json").is_file():
        known = [run.id for run in list_runs(runs_dir)][:5]
        listed = f" The latest are: {', '.join(known)}." if known else " There is none yet."
        raise TrainingError(f"Expected the id of a run, got {run_id!r}.{listed}")
    return Run(folder)


def list_runs(runs_dir: Path) -> list[Run]:
    """Every run, the latest first; what is being deleted is none."""
    found = (path.parent for path in runs_dir.glob("*/config.json"))
    return [Run(folder) for folder in sorted(found, reverse=True) if folder.name[0] != "."]


def data_of_model(runs_dir: Path, bundle: str) -> Path | None:
    """The folder that the latest run that wrote `bundle` learnt from; None without such a run."""
    for run in list_runs(runs_dir):
        try:
            config, state = run.config(), run.status()["state"]
        except TrainingError:
            continue
        if config.get("bundle") == bundle and state in {"done", "stopped"}:
            return Path(config["data"])
    return None


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"Expected a readable {path.name} in the run {path.parent.name}; it is missing or "
            "damaged. Start a new run."
        ) from error
    return found


@cache
def _process(pid: int) -> dict[str, Any]:
    return {"pid": pid, "created": process_created(pid), "host": platform.node()}


def _this_process() -> dict[str, Any]:
    return _process(os.getpid())


def _is_at_work(status: dict[str, Any]) -> bool:
    """Another machine's process is at work as long as it has spoken in the last two minutes."""
    if status.get("host") == platform.node():
        return process_alive(status.get("pid"), status.get("created"))
    spoke = datetime.fromisoformat(status.get("updated") or "2000-01-01T00:00:00+00:00")
    return "host" in status and (datetime.now(UTC) - spoke).total_seconds() < 120
