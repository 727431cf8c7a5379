"""What the commands print, and where: results on standard output, everything else on error."""

from __future__ import annotations

import io
import json
import math
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pneumo_core.jobs import status

SECONDS_BETWEEN_COUNTS = 5.0
SECONDS_BETWEEN_STEPS = 30.0
# Control characters but tab and line feed, and the overrides of the direction of writing.
_COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def prepare() -> None:
    """Let standard output and error take any text: a file's name need not be valid Unicode, nor
    a terminal know every sign. What does not fit is written as its number.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def emit(text: str) -> None:
    """One line of result."""
    sys.stdout.write(_harmless(text) + "\n")
    sys.stdout.flush()


def emit_json(value: Any, *, indent: int | None = 1) -> None:
    """A JSON document on standard output; what is no number (NaN) becomes null."""
    emit(json.dumps(_finite(value), indent=indent, ensure_ascii=False, allow_nan=False))


def tell(text: str) -> None:
    """One line for the person, kept apart from results."""
    sys.stderr.write(_harmless(text) + "\n")
    sys.stderr.flush()
    status.heard(text)


@contextmanager
def progress() -> Iterator[Callable[[str, int, int, str], None]]:
    """A reporter (phase, done, total, words): bars on a terminal, plain lines otherwise.

    Where the command runs as a job, the job's status hears of it too.
    """
    if not sys.stderr.isatty():
        yield status.also_to_status(_plain_reporter())
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, Any] = {}

        def report(phase: str, done: int, total: int, words: str) -> None:
            if total <= 1 or phase == "epoch":
                bars.console.print(words or phase, highlight=False)
                return
            if phase not in tasks:
                tasks[phase] = bars.add_task(phase)
            bars.update(tasks[phase], completed=done, total=total, description=words or phase)

        yield report


def _plain_reporter() -> Callable[[str, int, int, str], None]:
    """Lines for a log: every word, and of mere counts one in five seconds."""
    told = time.monotonic()

    def report(phase: str, done: int, total: int, words: str) -> None:
        nonlocal told
        now = time.monotonic()
        if phase == "train" and now - told < SECONDS_BETWEEN_STEPS:
            return
        if not words and now - told < SECONDS_BETWEEN_COUNTS:
            return
        told = now
        sys.stderr.write(f"{phase}: {words or f'{done:,} of {total:,}'}\n")
        sys.stderr.flush()

    return report


def per_cent(rate: dict[str, float]) -> str:
    """A share with its interval: "95.1 % [92.4–96.9]"."""
    return f"{rate['value']:.1%} [{100 * rate['low']:.1f}–{100 * rate['high']:.1f}]".replace(
        "%", " %"
    )


def _harmless(text: str) -> str:
    """Text in which a file's name can neither command the terminal nor turn the line around.

    The numbers in their place are valid inside JSON strings as well.
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
