"""A run is a folder: its configuration, its status, its history; what a resumed run needs."""

from __future__ import annotations

import errno
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
from pneumo_core.errors import DataSetError, PneumoError, TrainingError
from pneumo_core.jobs.process import process_alive, process_created
from pneumo_core.storage import utc_now, write_json
from pneumo_core.training.hardware import ended_for_memory, ran_out
from pneumo_core.training.recipe import Recipe


@dataclass(frozen=True)
class RunState:
    """One state: `live` while a process waits or works, `resumable` where one may go on."""

    name: str
    sign: str
    words: str
    remedy: str
    live: bool = False
    resumable: bool = False


_LISTED = (
    RunState(
        "queued",
        "◷",
        "waiting for its turn",
        "It starts by itself when the run before it has ended.",
        live=True,
    ),
    RunState("running", "▶", "running", "", live=True),
    RunState(
        "stopping",
        "◼",
        "stopping",
        "It ends after this step, with the best model so far.",
        live=True,
    ),
    RunState(
        "done", "✓", "done", "Look at its figures, then compare it or put its model in service."
    ),
    RunState(
        "stopped",
        "◼",
        "stopped by hand",
        "The best epoch so far is its model. To learn more, start a new run with more epochs.",
    ),
    RunState(
        "cancelled",
        "✕",
        "cancelled",
        "Resume it to go on after its last finished epoch, or delete it.",
        resumable=True,
    ),
    RunState(
        "failed",
        "!",
        "failed",
        "Mend the cause, then resume it: it goes on after its last finished epoch.",
        resumable=True,
    ),
    RunState(
        "interrupted",
        "…",
        "interrupted",
        "Resume it to go on after its last finished epoch, or delete it.",
        resumable=True,
    ),
)
# A run that waits for nobody: queued, its process on the way.
STARTING = RunState("queued", "◷", "starting", "", live=True)
STATES = {state.name: state for state in _LISTED}
LIVE = frozenset(state.name for state in _LISTED if state.live)


def settled(
    claimed: Any,
    *,
    alive: bool,
    asked: frozenset[str],
    stopped: bool,
    delivered: bool = False,
) -> str:
    """The state of a run, from what its process last claimed and what is seen from outside.

    `alive`: its process is there; `asked`: which of "stop" and "cancel" a person asked for;
    `stopped`: the training ended because of it; `delivered`: the model is written, and what may
    follow, the robustness suite, can be had later. A process that died in mid-word claims "running"
    or "queued" for ever: that is told apart here, so no process need be there to correct it.
    """
    if claimed == "done" or (delivered and not alive):
        return "stopped" if stopped else "done"
    if claimed == "failed":
        return "failed"
    if alive and claimed in LIVE:
        return "stopping" if claimed == "running" and "stop" in asked else str(claimed)
    return "cancelled" if "cancel" in asked else "interrupted"


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


_KEPT = "What its finished epochs learnt is kept."


@dataclass(frozen=True)
class Failure:
    """`kind`: "memory", "disk", "data", "nan", "told" (by our own code) or "unforeseen"."""

    kind: str
    words: str

    @property
    def resumable(self) -> bool:
        """Whether going on may end otherwise: a loss that became NaN becomes NaN again."""
        return self.kind != "nan"


# JAX's XlaRuntimeError, CUDA's own, and a library that finds no room to be loaded into.
_OUT_OF_MEMORY = ("RESOURCE_EXHAUSTED", "CUDA_ERROR_OUT_OF_MEMORY", "failed to map segment")
_MEMORY = Failure(
    "memory",
    "Expected the training to fit into memory; there was not enough. Close other programs and "
    f"resume, or start a new run with a smaller batch or a smaller image size. {_KEPT}",
)
_DISK = Failure(
    "disk",
    "Expected room on the disk for the run; the disk is full. Free some space, then resume. "
    f"{_KEPT}",
)
_SILENT_MEMORY = (
    "The system ended its process, most likely because memory ran out. Close other programs and "
    f"resume, or start a new run with a smaller batch or a smaller image size. {_KEPT}"
)
_SILENT = (
    "Its process ended without a word: it was killed, or the computer was switched off. Resume "
    f"it: it goes on after its last finished epoch. {_KEPT}"
)


def explain(error: BaseException, data: Path | None = None) -> Failure:
    """What an exception that ended a training means to the person; `data` is the run's folder of
    films.
    """
    if shortage := next(filter(None, map(_shortage, _chain(error))), None):
        return shortage
    if data is not None and not data.is_dir():
        return Failure("data", gone(data))
    if isinstance(error, PneumoError):
        return Failure(_kind_of(error), str(error))
    if isinstance(error, FileNotFoundError):
        return Failure(
            "data",
            "Expected the folder of films and the folder of runs to stay where they are; a file "
            f"of them is gone. Bring it back, then resume. {_KEPT}",
        )
    return Failure(
        "unforeseen",
        f"This is an unforeseen fault ({type(error).__name__}); the file trace.txt in the run's "
        f"folder has its trace. {_KEPT}",
    )


def gone(data: Path) -> str:
    """Words for a folder of films that is not there any more; for pages, without its path."""
    return (
        f"Expected the folder of films {data.name!r} where the run found it; it is gone. Bring it "
        f"back and resume, or start a new run. {_KEPT}"
    )


def in_silence(status: dict[str, Any], ended_for_memory: int) -> str:
    """Words for a run whose process died without any; `status` is the last that it wrote."""
    if ran_out(status.get("memory") or {}, ended_for_memory):
        return _SILENT_MEMORY
    return _SILENT


def _shortage(error: BaseException) -> Failure | None:
    """What the system lacked, if that is what the error says."""
    number, words = getattr(error, "errno", None), str(error)
    # First: TensorFlow says of a full disk, too, that a resource is exhausted.
    if number in {errno.ENOSPC, errno.EDQUOT} or os.strerror(errno.ENOSPC) in words:
        return _DISK
    exhausted = isinstance(error, MemoryError) or number == errno.ENOMEM
    if exhausted or type(error).__name__ == "ResourceExhaustedError":
        return _MEMORY
    return _MEMORY if any(sign in words for sign in _OUT_OF_MEMORY) else None


def _kind_of(error: PneumoError) -> str:
    if isinstance(error, DataSetError):
        return "data"
    return "nan" if "NaN" in str(error) or "not numbers" in str(error) else "told"


def _chain(error: BaseException | None) -> list[BaseException]:
    """The error and what it was raised from."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


@dataclass(frozen=True)
class Standing:
    """How a run stands: its state, what happened in one or two sentences, what to do now."""

    state: RunState
    message: str
    remedy: str
    resumable: bool


def standing(run: Run) -> Standing:
    """How `run` stands now; a run whose files are damaged has failed, and says so."""
    try:
        status = run.status()
    except TrainingError as error:
        return Standing(STATES["failed"], str(error), "Delete it.", resumable=False)
    return standing_of(status)


def standing_of(status: dict[str, Any]) -> Standing:
    """The same, from a status of `Run.status`."""
    state = STATES[status["state"]]
    message, remedy = str(status.get("message") or ""), state.remedy
    failure = Failure(status.get("failure") or "unforeseen", message)
    resumable = state.resumable and (state.name != "failed" or failure.resumable)
    if state.name == "interrupted" and not message:
        message, remedy = in_silence(status, ended_for_memory()), ""
    if state.name in {"failed", "interrupted"} and message:
        remedy = ""  # the message says what to do
    if state.name == "queued" and not status.get("ahead"):
        return Standing(STARTING, "Its process is starting.", "", resumable=False)
    if state.name == "queued":
        ahead = status["ahead"]
        message = f"{'1 run is' if len(ahead) == 1 else f'{len(ahead)} runs are'} before it."
    if state.name == "cancelled":
        message = "Cancelled by hand. What its finished epochs learnt is kept."
    return Standing(state, message, remedy, resumable)


def seconds_worked(status: dict[str, Any]) -> float:
    """Seconds that processes have worked on the run, waiting not counted."""
    before = float(status.get("worked_before") or 0.0)
    began, updated = status.get("began"), status.get("updated")
    if not began or not updated or status.get("phase") == "waiting":
        return before
    spent = datetime.fromisoformat(updated) - datetime.fromisoformat(began)
    return before + max(0.0, spent.total_seconds())
