"""The queue of runs: one at a time trains on a machine, the others wait; start, resume, delete.

The queue consists of the runs' folders. Each waiting process checks for itself, under a lock that
the system releases when its holder dies, so neither a page nor a server nor the run before it is
needed for the next one to begin.
"""

from __future__ import annotations

import os
import shutil
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pneumo_core.access import Right, recorded
from pneumo_core.bundle import active_name, bundle_names, load_bundle
from pneumo_core.bundle.registry import check_name
from pneumo_core.errors import BundleError, PneumoError, TrainingError
from pneumo_core.jobs.job import PNEUMO, start
from pneumo_core.storage import utc_now, write_json
from pneumo_core.training.runs.progress import also_to_status
from pneumo_core.training.runs.run import Run, create_run, list_runs
from pneumo_core.training.runs.status import CANCEL, LIVE, RESTARTED, explain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from filelock import BaseFileLock

    from pneumo_core.bundle import Bundle
    from pneumo_core.config import Settings
    from pneumo_core.progress import Progress
    from pneumo_core.training.recipe import Recipe
    from pneumo_core.training.sources import FilmSource


SECONDS_BETWEEN_CHECKS = 0.5
_RESERVE = "reserve"  # room on a full disk for the run's final status
_RESERVED_BYTES = 64 * 2**10


def queue_lock(runs_dir: Path) -> BaseFileLock:
    """Held while a run is queued, started or resumed, for a moment only."""
    from filelock import FileLock

    runs_dir.mkdir(parents=True, exist_ok=True)
    return FileLock(runs_dir / ".queue.lock")


def runs_ahead(run: Run, runs_dir: Path) -> list[Run]:
    """Runs that train, and those that have waited for longer than `run`, on this machine."""
    own = run.status()
    ahead = []
    for other in list_runs(runs_dir):
        if other.id == run.id:
            continue
        try:
            status = other.status()
        except TrainingError:  # damaged: it holds nobody up
            continue
        if status.host != own.host:
            continue
        trains = status.state in {"running", "stopping"}
        before = (status.queued, other.id) < (own.queued, run.id)
        if trains or (status.state == "queued" and before):
            ahead.append(other)
    return ahead


def run_queued(
    run: Run, work: Callable[[Progress], Bundle], *, settings: Settings, report: Progress
) -> Bundle:
    """Wait until the queue reaches `run`, do its `work` in this process, write how it ended.

    `work` is given a `report` that also goes to the run's status, and returns the bundle it wrote.
    Here alone the final state is written: done, failed or interrupted. Raises PneumoError, with a
    message for the person, for whatever ended the work and where another process works on the run;
    KeyboardInterrupt passes.
    """
    _claim(run, settings)
    reserve = run.folder / _RESERVE
    try:
        _wait(run, settings, report)
        reserve.write_bytes(b"\0" * _RESERVED_BYTES)
        made = work(also_to_status(run, report))
    except KeyboardInterrupt:
        run.update(state="interrupted", message="Stopped by hand; it can be resumed.")
        raise
    except Exception as error:
        reserve.unlink(missing_ok=True)
        raise _failed(run, error) from error
    else:
        reserve.unlink()
        written, said = f"Model {made.name} is written.", run.status().message
        message = said if said.startswith(written) else written  # it may say more of the model
        run.update(state="done", phase="done", message=message)
        return made
    finally:
        reserve.unlink(missing_ok=True)


def _claim(run: Run, settings: Settings) -> None:
    """Make this process the run's own. Raises TrainingError where another one is."""
    with queue_lock(settings.runs_dir):
        status = run.status()
        if status.state in LIVE and status.pid != os.getpid():
            raise TrainingError(
                f"Expected a run that has ended; {run.id} is {status.state}. "
                "Wait for it, or stop it first."
            )
        worked = status.seconds_worked
        facts = {"worked_before": worked, "message": "", "failure": "", **RESTARTED}
        run.update(state="queued", phase="waiting", **facts)


def _wait(run: Run, settings: Settings, report: Progress) -> None:
    """Return when the queue has reached this run, its state then "running"."""
    known: list[str] = []
    while True:
        with queue_lock(settings.runs_dir):
            if run.requested(CANCEL):
                raise KeyboardInterrupt
            ahead = [other.id for other in runs_ahead(run, settings.runs_dir)]
            if len(ahead) < settings.runs_at_once:
                run.update(state="running", phase="starting", began=utc_now(), ahead=[])
                return
            if ahead != known:
                run.update(ahead=ahead)
        if ahead != known:
            report("waiting", 0, 1, f"waiting for {', '.join(ahead)} to end")
            known = ahead
        time.sleep(SECONDS_BETWEEN_CHECKS)


def _failed(run: Run, error: Exception) -> PneumoError:
    """Write why the run failed; the error that says it."""
    failure = explain(error, Path(run.config()["data"]))
    with suppress(OSError):  # a disk too full even for this: that the process ended is seen
        run.update(state="failed", failure=failure.kind, message=failure.message)
        if failure.kind == "unforeseen":
            trace = "".join(traceback.format_exception(error))
            (run.folder / "trace.txt").write_text(trace, "utf-8")
    if isinstance(error, PneumoError) and failure.message == str(error):
        return error
    return TrainingError(failure.message)


COMMAND = (*PNEUMO, "runs", "carry")  # and the run's id
# The log is for a person: no paths of libraries, no messages of devices that are absent.
_QUIET = {"PYTHONWARNINGS": "ignore", "TF_CPP_MIN_LOG_LEVEL": "3"}


def start_run(
    recipe: Recipe,
    *,
    data: Path,
    settings: Settings,
    bundle: str | None = None,
    sources: Sequence[FilmSource] = (),
) -> Run:
    """Start a run of `recipe` on the films below `data`, or queue it where one trains already.

    sources: where there are several, `data` then being the folder of the first.

    Its process writes the bundle called `bundle`, by default one of a free name. Raises
    TrainingError where it cannot start, BundleError where the name is taken.
    """
    try:
        with queue_lock(settings.runs_dir):
            run = create_named_run(
                recipe,
                data=data,
                settings=settings,
                bundle=bundle,
                sources=sources,
                state="queued",
            )
            _line_up(run, settings)
            _start_process(run, settings)
    except OSError as error:
        raise TrainingError(
            "Expected to start a run in the folder of runs, got: "
            f"{error.strerror or error}. Free some space, or set PNEUMO_RUNS to another folder."
        ) from error
    return run


def resume_run(run: Run, *, settings: Settings) -> None:
    """Let a run that was stopped, cancelled, interrupted or failed go on after its last finished
    epoch.

    Raises TrainingError where it is at work, or where going on would end the same way.
    """
    run.recipe()
    with recorded(Right.TRAIN, "run.resume", run.id), queue_lock(settings.runs_dir):
        summary = run.summary()
        if not summary.resumable:
            raise TrainingError(
                f"Expected a run that can go on; {run.id} is {summary.state.words}. "
                f"{summary.message or summary.remedy}"
            )
        run.clear_requests()
        worked = run.status().seconds_worked
        run.update(
            state="queued",
            phase="waiting",
            queued=utc_now(),
            worked_before=worked,
            message="",
            pid=None,
            **RESTARTED,
        )
        _line_up(run, settings)
        _start_process(run, settings)


def delete_run(run: Run) -> None:
    """Remove a run's folder; the model it made stays. Raises TrainingError while it is at work."""
    with recorded(Right.TRAIN, "run.delete", run.id):
        _delete(run)


def _delete(run: Run) -> None:
    if run.summary().state.live:
        raise TrainingError(
            f"Expected a run that has ended; {run.id} is at work. Cancel it, then delete it."
        )
    # Out of the list at once and whole; what a delete cut short leaves, the next one takes along.
    try:
        run.folder.rename(run.folder.with_name(f".deleted-{run.id}"))
        for gone in run.folder.parent.glob(".deleted-*"):
            shutil.rmtree(gone)
    except OSError as error:
        raise TrainingError(
            f"Expected to delete the run {run.id}, got: {error.strerror or error}. "
            "Close what uses its files, and allow writing in the folder of runs."
        ) from error


def create_named_run(  # noqa: PLR0913 - the settings of a run, by keyword
    recipe: Recipe,
    *,
    data: Path,
    settings: Settings,
    bundle: str | None = None,
    sources: Sequence[FilmSource] = (),
    replace: bool = False,
    state: str = "running",
) -> Run:
    """A new run whose configuration reserves the name of its bundle, see `free_bundle_name`.

    The caller holds the queue's lock, so that two runs created at once get different names.
    """
    name = free_bundle_name(recipe, settings, asked=bundle, replace=replace)
    with recorded(Right.TRAIN, "run.start", name):
        return create_run(
            settings.runs_dir,
            recipe,
            data=data,
            bundle=name,
            sources=sources,
            replace=replace,
            state=state,
        )


def free_bundle_name(
    recipe: Recipe, settings: Settings, *, asked: str | None = None, replace: bool = False
) -> str:
    """The name for the recipe's bundle: `asked` where it is free, by default the usual one with a
    number. Free is a name that no bundle has and no run that is live or resumable will write;
    `replace` allows `asked` even so. Raises BundleError.
    """
    bundles = bundle_names(settings.models_dir)
    reserved = _reserved_names(settings)
    if asked is None:
        taken = {*bundles, *reserved}
        usual = f"{recipe.backbone}-{recipe.preset}"
        numbered = (f"{usual}-{number}" for number in range(2, len(taken) + 3))
        return next(name for name in (usual, *numbered) if name not in taken)
    if check_name(asked) in bundles and not replace:
        raise BundleError(
            f"Expected a new name for the bundle; there is a model {asked!r} already. "
            "Choose another name, or pass --replace to overwrite that model."
        )
    if asked in reserved and not replace:
        raise BundleError(
            f"Expected a new name for the bundle; run {reserved[asked]} will write {asked!r}. "
            "Choose another name, delete that run, or pass --replace: the run that ends last then "
            "overwrites the model of the other."
        )
    return asked


def bundle_name_of(run: Run, settings: Settings) -> tuple[str, str]:
    """The name under which `run` delivers, and a sentence about a model that had it, or "".

    It is the reserved name, also where the run itself wrote the bundle of that name, when it was
    stopped: a resume replaces it, unless that is in service or was changed. Otherwise a free name,
    which the run's configuration then says; a bundle may have taken the reserved one by import, for
    example. A run that may replace keeps its name.
    """
    with queue_lock(settings.runs_dir):
        config, wrote = run.config(), run.status().wrote
        name = str(config["bundle"])
        if config.get("replace", True) or name not in bundle_names(settings.models_dir):
            return name, ""
        own = wrote.get("name") == name
        reason = _why_kept(name, wrote["digest"], settings) if own else ""
        if own and not reason:
            return name, "It replaces the model that this run had written before."
        free = free_bundle_name(run.recipe(), settings)
        write_json(run.folder / "config.json", config | {"bundle": free})
        return free, f"{name}, which this run had written before, stays: {reason}." if own else ""


def _why_kept(name: str, digest: str, settings: Settings) -> str:
    """Why the bundle `name`, which a run wrote with `digest`, is not replaced; "" where it is."""
    try:
        if load_bundle(name, models_dir=settings.models_dir).digest != digest:
            return "it was changed since"
    except BundleError:
        return "its files were changed since"
    try:
        return "it is in service" if active_name(settings.models_dir) == name else ""
    except BundleError:  # no model is in service
        return ""


def _reserved_names(settings: Settings) -> dict[str, str]:
    """Names of bundles that live and resumable runs will write, each with the run's id."""
    reserved = {}
    for run in list_runs(settings.runs_dir):
        summary = run.summary()
        if summary.state.live or summary.resumable:
            with suppress(TrainingError):  # a damaged configuration reserves nothing
                reserved[str(run.config().get("bundle"))] = run.id
    return reserved


def _line_up(run: Run, settings: Settings) -> None:
    """Say at once whom the run will wait for; its process, which does so too, has yet to start."""
    ahead = [other.id for other in runs_ahead(run, settings.runs_dir)]
    run.update(ahead=ahead if len(ahead) >= settings.runs_at_once else [], pid=None)


def _start_process(run: Run, settings: Settings) -> None:
    """Start the run's process; the caller holds the queue's lock."""
    process = start([*COMMAND, run.id], settings=settings, log=run.log, environment=_QUIET)
    run.update(**process, phase="waiting")
