"""Output of the commands: results on standard output, everything else on standard error."""

from __future__ import annotations

import io
import json
import math
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

import typer

from pneumo_core.errors import DataSetError
from pneumo_core.formatting import breakable
from pneumo_core.jobs import status
from pneumo_core.storage import write_atomic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pneumo_core.progress import Progress


SECONDS_BETWEEN_COUNTS = 5.0
SECONDS_BETWEEN_STEPS = 30.0
# Control characters but tab and line feed, and the overrides of the direction of writing.
_COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def prepare() -> None:
    """Let standard output and error take any text: a file name need not be valid Unicode, and a
    terminal may lack a character. What cannot be written is escaped.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def emit(text: str) -> None:
    """One line of result."""
    sys.stdout.write(_harmless(breakable(text)) + "\n")
    sys.stdout.flush()


def emit_json(value: Any, *, indent: int | None = 1) -> None:
    """A JSON document on standard output; NaN and infinity become null."""
    emit(json.dumps(_finite(value), indent=indent, ensure_ascii=False, allow_nan=False))


def tell(text: str) -> None:
    """One line for the person, on standard error."""
    sys.stderr.write(_harmless(breakable(text)) + "\n")
    sys.stderr.flush()
    status.note(text)


def tell_unread(unread: Iterable[tuple[str, str]]) -> None:
    """A line for each film and what prevented its reading; with any, the command ends with 1."""
    films = list(unread)
    for film, problem in films:
        tell(f"Not read: {film}: {problem}")
    if films:
        raise typer.Exit(1)


@contextmanager
def progress() -> Iterator[Progress]:
    """A reporter (phase, done, total, words): bars on a terminal, plain lines otherwise.

    Where the command runs as a job, it goes to the job's status too.
    """
    if not sys.stderr.isatty():
        yield status.also_to_status(_plain_reporter())
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Bars(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, Any] = {}

        def report(phase: str, done: int, total: int, words: str = "") -> None:
            if total <= 1 or phase == "epoch":
                bars.console.print(words or phase, highlight=False)
                return
            if phase not in tasks:
                tasks[phase] = bars.add_task(phase)
            bars.update(tasks[phase], completed=done, total=total, description=words or phase)

        yield report


def _plain_reporter() -> Progress:
    """Lines for a log: every message, and bare counts every five seconds."""
    last = time.monotonic()

    def report(phase: str, done: int, total: int, words: str = "") -> None:
        nonlocal last
        now = time.monotonic()
        if phase == "train" and now - last < SECONDS_BETWEEN_STEPS:
            return
        if not words and now - last < SECONDS_BETWEEN_COUNTS:
            return
        last = now
        sys.stderr.write(f"{phase}: {words or f'{done:,} of {total:,}'}\n")
        sys.stderr.flush()

    return report


def _harmless(text: str) -> str:
    """Text with control characters escaped: a file name cannot control the terminal.

    The escapes are valid inside JSON strings as well.
    """
    return _COMMANDS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def OutputFile(help: str, *names: str) -> Any:  # noqa: A002, N802 - an option, like typer.Option
    """An option for a file to write, checked while the call is read: before the work, not after.

    names: of the option, "--out"; by default that of its parameter.
    """
    return typer.Option(*names, help=help, metavar="FILE", parser=writable_file)


def OutputFolder(help: str, *names: str) -> Any:  # noqa: A002, N802
    """An option for a folder to write into, checked as that of `OutputFile` is. It may be new."""
    return typer.Option(*names, help=help, metavar="FOLDER", parser=writable_folder)


def writable_file(name: str) -> Path:
    """`name` as a path where a file can be written; an existing file stays unchanged.

    Raises BadParameter. Permissions do not reveal a name that is too long or a read-only disk: the
    file is opened, and removed again where it is new.
    """
    path = Path(name)
    try:
        if path.is_dir():
            raise typer.BadParameter(
                f"expected a file to write, {path} is a folder. Name a file in it."
            )
        if path.is_file():
            path.open("r+b").close()
        elif not path.exists():  # what else is there, as /dev/stdout, is taken as it is
            path.open("xb").close()
            path.unlink()
    except OSError as error:
        raise _refused(path, error) from error
    return path


def writable_folder(name: str) -> Path:
    """`name` as the path of a folder that can be made and written. Raises BadParameter."""
    path = Path(name)
    try:
        there = next(one for one in (path, *path.absolute().parents) if one.exists())
        with TemporaryFile(dir=there):
            return path
    except OSError as error:
        raise _refused(path, error) from error


def _refused(path: Path, error: OSError) -> typer.BadParameter:
    why = "its folder is not there" if isinstance(error, FileNotFoundError) else error.strerror
    return typer.BadParameter(
        f"expected a place that can be written, {path} cannot be: {why}. Name another place."
    )


@contextmanager
def words_for(path: Path) -> Iterator[None]:
    """Raise DataSetError for an OSError while `path` is written."""
    try:
        yield
    except OSError as error:
        raise DataSetError(
            f"Expected to write {path}, got: {error.strerror or error}. Name another place."
        ) from error


def write_whole(path: Path, text: str) -> None:
    """Write a file atomically. Raises DataSetError."""
    with words_for(path):
        write_atomic(path, text, errors="backslashreplace")


# Variables that a training depends on, beside the folder of runs. One set for a single command
# (NAME=value python …) must be repeated in the command that is printed.
TRAINING = (
    *("PNEUMO_MODELS", "PNEUMO_CACHE", "PNEUMO_RUNS_AT_ONCE"),
    *("PNEUMO_MAX_BYTES", "PNEUMO_MAX_PIXELS", "PNEUMO_MAX_SIDE", "KERAS_BACKEND", "TF_CONFIG"),
)


def pasted(
    *words: object,
    carrying: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    windows: bool = os.name == "nt",
) -> str:
    """`python -m pneumo_core words…` as one line to paste into the shell.

    Each word is quoted where it must be. The variables named in `carrying` go before it as they
    are in `environment` (by default this process's own); those not set are left out.
    """
    known = os.environ if environment is None else environment
    given = [(name, known[name]) for name in carrying if known.get(name, "").strip()]
    command = [_python(), "-m", "pneumo_core", *map(str, words)]
    if windows:  # the quotes also keep the space before && out of the value
        settings = "".join(f'set "{name}={value}" && ' for name, value in given)
        return settings + subprocess.list2cmdline(command)
    settings = "".join(f"{name}={shlex.quote(value)} " for name, value in given)
    return settings + shlex.join(command)


def _python() -> str:
    """The current interpreter: "python" where that is on the PATH, else its path."""
    own, found = Path(sys.executable), shutil.which("python")
    if found is not None and Path(found).parent == own.parent:
        return "python"
    inside = own.is_relative_to(Path.cwd())
    return str(own.relative_to(Path.cwd()) if inside else own)


def start_keras() -> None:
    """Load Keras and its devices, with standard error closed meanwhile.

    TensorFlow's libraries write there, past Python's logging, about absent GPUs and their own
    start: noise to the person.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        import keras

        from pneumo_core.training.distributed import join_devices

        join_devices()  # first: TensorFlow finds other machines only before it has done anything
        keras.ops.zeros(1)
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)
