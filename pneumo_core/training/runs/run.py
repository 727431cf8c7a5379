"""A training run: a job with a recipe, in a folder that also holds what a resume needs."""

from __future__ import annotations

import json
import os
import platform
import re
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pneumo_core import __version__
from pneumo_core.access import Right, recorded
from pneumo_core.errors import TrainingError
from pneumo_core.jobs.job import Job, process_created
from pneumo_core.storage import read_json, utc_now, write_json
from pneumo_core.training.recipe import Recipe
from pneumo_core.training.runs.status import (
    CANCEL,
    LIVE,
    REQUESTS,
    STATES,
    STOP,
    RunStatus,
    RunSummary,
    resolve_state,
    summary_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumo_core.training.sources import FilmSource


_SECONDS_TO_END = 5.0  # from a cancel to the end by force
_SECONDS_OF_SILENCE = 120  # after which a process on another machine counts as ended


@dataclass(frozen=True)
class Run(Job):
    """One training run in `folder`; its name is the run's id.

    `config.json` holds what was asked for, `status.json` how far it is (`RunStatus`).
    """

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

    def process(self) -> dict[str, Any]:
        """Its process, by "pid", "created" and "host"."""
        return read_json(self.folder / "status.json")

    def alive(self) -> bool:
        """Whether its process is at work; on another machine, whether it wrote lately."""
        process = self.process()
        if process.get("host") == platform.node():
            return super().alive()
        wrote = datetime.fromisoformat(process.get("updated") or "2000-01-01T00:00:00+00:00")
        silent = (datetime.now(UTC) - wrote).total_seconds()
        return "host" in process and silent < _SECONDS_OF_SILENCE

    def status(self) -> RunStatus:
        """Its status as last written, with the state that it has in fact (see `resolve_state`)."""
        # Alive is asked first: a process that ends between the two has written its end by then.
        alive = self.alive()
        status = RunStatus.of(_read(self.folder / "status.json"))
        state = resolve_state(
            status.state,
            alive=alive,
            requested=frozenset(one for one in REQUESTS if self.requested(one)),
            stopped=bool(status.stopped_after),
            delivered=bool(status.delivered),
        )
        return replace(status, state=state)

    def summary(self) -> RunSummary:
        """The run in brief; one whose files are damaged has failed, and says so."""
        try:
            return summary_of(self.status())
        except TrainingError as error:
            return RunSummary(STATES["failed"], str(error), "Delete it.", resumable=False)

    def update(self, **facts: Any) -> None:
        """Lay `facts` over the status; readers see the old file or the new one, never half.

        Only the process that works on the run calls this, or one that starts it under the lock of
        the queue. Unless `facts` say otherwise, the calling process becomes the run's own.
        """
        path = self.folder / "status.json"
        status = _read(path) if path.exists() else {}
        write_json(path, status | {**_process(os.getpid()), "updated": utc_now(), **facts})

    def stop(self) -> None:
        """Ask the run to end after the step it is at and to make its best epoch so far the model.

        A run that waits or reads its films has trained nothing yet: it is cancelled. Once its model
        is written, a stop ends the robustness suite.
        """
        with recorded(Right.TRAIN, "run.stop", self.id):
            status = self.status()
            if status.state in LIVE and not status.has_trained:
                self.cancel()
            elif status.state in LIVE:
                self.request(STOP)

    def cancel(self) -> None:
        """End the run's process at once; without a model, unless it is written, it can be resumed.

        Returns when the process is gone.
        """
        with recorded(Right.TRAIN, "run.cancel", self.id):
            status = self.status()
            if status.state not in LIVE:
                return
            self.request(CANCEL)
            if status.pid is not None and status.pid != os.getpid():
                self.end_process(patience=_SECONDS_TO_END)

    def clear_requests(self) -> None:
        """Withdraw what was requested, since the run begins again."""
        for request in REQUESTS:
            (self.folder / request).unlink(missing_ok=True)


def create_run(  # noqa: PLR0913 - the settings of a run, by keyword
    runs_dir: Path,
    recipe: Recipe,
    *,
    data: Path,
    bundle: str,
    sources: Sequence[FilmSource] = (),
    replace: bool = False,
    state: str = "running",
) -> Run:
    """A new run's folder, named for the moment, the backbone and four random characters.

    `bundle` is the name of the bundle it will write, over another one only with `replace`;
    `queue.create_named_run` chooses it. `sources`: where there are several, or a table of labels,
    `data` then being the folder of the first.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    folder = runs_dir / f"{stamp}-{recipe.backbone}-{secrets.token_hex(2)}"
    folder.mkdir(parents=True)
    run, created = Run(folder), utc_now()
    run.update(state=state, phase="starting", began=created, queued=created)
    if state != "running":  # set when its process starts
        run.update(pid=None, phase="waiting")
    config: dict[str, Any] = {
        "recipe": recipe.as_dict(),
        "data": str(data.absolute()),
        "bundle": bundle,
    }
    if len(sources) > 1 or any(source.labels is not None for source in sources):
        config["sources"] = [source.as_dict() for source in sources]
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
    """Every run, the latest first, without those being deleted."""
    found = (path.parent for path in runs_dir.glob("*/config.json"))
    return [Run(folder) for folder in sorted(found, reverse=True) if folder.name[0] != "."]


def data_of_model(runs_dir: Path, bundle: str) -> Path | None:
    """The folder that the latest run that wrote `bundle` trained on; None without such a run."""
    for run in list_runs(runs_dir):
        try:
            config, state = run.config(), run.status().state
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
