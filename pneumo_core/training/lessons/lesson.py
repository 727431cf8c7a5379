"""The three lessons by name: what each tries, and how it is run."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pneumo_core.errors import TrainingError
from pneumo_core.training.lessons import borders, leak, transfer
from pneumo_core.training.lessons.films import Wanted, films_of
from pneumo_core.training.lessons.outcome import Outcome, keep_outcome, outcome_file

if TYPE_CHECKING:
    from pathlib import Path

    from pneumo_core.config import Settings
    from pneumo_core.progress import Progress


@dataclass(frozen=True)
class Lesson:
    """A guided experiment. story: what is tried and what to expect; on_synthetic: what is added
    where films are synthetic; wanted: the films that it takes.
    """

    name: str
    title: str
    story: str
    wanted: Wanted
    on_synthetic: str = ""


LESSONS = {
    one.NAME: Lesson(one.NAME, one.TITLE, one.STORY, one.WANTED)
    for one in (transfer, leak, borders)
}
LESSONS[borders.NAME] = replace(LESSONS[borders.NAME], on_synthetic=borders.ON_SYNTHETIC)


def find_lesson(name: str) -> Lesson:
    """The lesson called `name`. Raises TrainingError."""
    if name not in LESSONS:
        raise TrainingError(f"Expected a lesson out of {', '.join(LESSONS)}; got {name!r}.")
    return LESSONS[name]


def teach(
    name: str,
    data: Path | None,
    settings: Settings,
    report: Progress,
    *,
    weights: str | None = None,
) -> Outcome:
    """Run a lesson on the films below `data`, None for synthetic ones, and keep its outcome.

    weights: a weights file or a model that `transfer` starts from. Raises DataSetError where there
    are too few films, TrainingError where there is nothing to transfer from.
    """
    lesson, began = find_lesson(name), time.monotonic()
    films = films_of(data, lesson.wanted, settings, report)
    if name == transfer.NAME:
        found = transfer.teach_transfer(films, settings, report, weights=weights)
    elif name == leak.NAME:
        found = leak.teach_leak(films, report)
    else:
        found = borders.teach_borders(films, report)
    found = replace(found, seconds=round(time.monotonic() - began, 1))
    return keep_outcome(found, outcome_file(name, data, settings))
