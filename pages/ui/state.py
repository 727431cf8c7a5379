"""What a session remembers between runs of its pages, page by page, under keys of its own.

Widgets forget their value when another page is opened; these do not. A `Value` is one thing to
remember; what takes more than to get and set it has functions.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import streamlit as st

from pages.ui.outcomes import OUTCOMES, outcome_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from pages.ui.session_film import Entry
    from pneumo_core.inference.explain_worker import Request

T = TypeVar("T")


@dataclass(frozen=True)
class Value(Generic[T]):
    """One value of the session: its key, and what it is until it is set."""

    key: str
    first: T

    def get(self) -> T:
        """The value."""
        value: T = st.session_state.get(self.key, self.first)
        return value

    def set(self, value: T) -> None:
        """Remember another value."""
        st.session_state[self.key] = value

    def clear(self) -> None:
        """Forget what was set."""
        st.session_state.pop(self.key, None)

    def take(self) -> T:
        """The value, forgotten as it is read."""
        value: T = st.session_state.pop(self.key, self.first)
        return value


# Buttons that start a job or a run, on any page.

_starts = Value("starts", 0)


def start_key(button: str) -> str:
    """Key of a button that starts a job or a run; another one as soon as one has started.

    The second click of a double click may wait behind the first for as long as a slow machine
    needs: it was made on a widget that is gone by then, and Streamlit drops it.
    """
    count = _starts.get()
    return f"{button}.{count}" if count else button


@contextmanager
def starting() -> Iterator[None]:
    """Start a job or a run in this block, then rerun the page: the click is used up, unless the
    block raises.
    """
    before = _starts.get()
    # Before the start: a rerun that waits may cut in here, and has to find nothing started.
    _starts.set(before + 1)
    try:
        yield
    except Exception:
        _starts.set(before)
        raise


# Diagnose: the films of the session.

MAX_FILMS = 500  # some 120 MB of pictures
FULL_BYTES = 32 * 2**20  # of pictures at full size: the latest films, as many as fit


def full_words() -> str:
    """Why a film was not read into a list that is full."""
    return (
        f"Not read: the list holds {MAX_FILMS} films and is full. Download the table, clear the "
        "list, then drop this file again."
    )


_FILMS, _TAKEN, _FULL = "diagnose.films", "diagnose.taken", "diagnose.full"
_open_film: Value[str | None] = Value("diagnose.open", None)
_drop_round = Value("diagnose.round", 0)
intake: Value[Any] = Value("diagnose.intake", None)
"""What reads the files of a drop (`diagnose.intake.Intake`), until all are in the list."""
automatic_film = Value("diagnose.automatic", "")
"""Key of the film that the page opened by itself during a drop."""
upload_notices: Value[tuple[str, ...]] = Value("diagnose.notices", ())
"""What the last drop left out, in words."""
picture: Value[tuple[str, int]] = Value("diagnose.picture", ("Blend", 45))
"""The view last chosen, and the opacity of the map in per cent."""
outline: Value[bool] = Value("diagnose.outlined", first=False)


def films() -> dict[str, Entry]:
    """The films of this session by key, in the order in which they came."""
    entries: dict[str, Entry] = st.session_state.setdefault(_FILMS, {})
    return entries


def worklist() -> list[Entry]:
    """The films of this session by suspicion."""
    return by_suspicion(films().values())


def by_suspicion(entries: Iterable[Entry]) -> list[Entry]:
    """By outcome in the order of `OUTCOMES`, each from most to least probable: films with signs of
    pneumonia first, pictures that are no chest film last.
    """
    return sorted(entries, key=_suspicion)


def _suspicion(entry: Entry) -> tuple[int, float]:
    p = entry.reading.p_pneumonia if entry.reading.gate_ok else None
    return OUTCOMES.index(outcome_of(entry.reading)), -(p or 0.0)


def keep(entry: Entry) -> None:
    """Add a film to the session."""
    films()[entry.key] = entry


def keep_full(content: str, picture: bytes) -> None:
    """Keep the JPEG of a film at full size; the oldest go where all are more than `FULL_BYTES`."""
    kept: dict[str, bytes] = st.session_state.setdefault(_FULL, {})
    if not picture:
        return
    kept.pop(content, None)
    kept[content] = picture
    while len(kept) > 1 and sum(map(len, kept.values())) > FULL_BYTES:
        del kept[next(iter(kept))]


def sized() -> set[str]:
    """The contents whose film is kept at full size."""
    return set(st.session_state.get(_FULL, {}))


def full_picture(content: str) -> bytes:
    """The JPEG of a film at full size; b"" where there is none, or none any more."""
    kept: dict[str, bytes] = st.session_state.get(_FULL, {})
    return kept.get(content, b"")


def put_in_place(old: Entry, new: Entry) -> None:
    """Let `new` take the place of `old`, shown large if that was."""
    was_open = _open_film.get() == old.key
    entries = [new if one is old else one for one in films().values()]
    st.session_state[_FILMS] = {one.key: one for one in entries}
    if was_open:
        open_film(new.key)


def known(content: str) -> Entry | None:
    """A film of the same content, under whatever name."""
    return next((entry for entry in films().values() if entry.content == content), None)


def taken() -> set[str]:
    """Ids of the uploads that were read; the drop zone may still name them."""
    ids: set[str] = st.session_state.setdefault(_TAKEN, set())
    return ids


def pictures() -> int:
    """How many pictures the session holds."""
    return sum(bool(entry.picture) for entry in films().values())


def is_full() -> bool:
    """Whether the session holds as many pictures as it may."""
    return pictures() >= MAX_FILMS


def opened() -> Entry | None:
    """The film shown large: the one last chosen, else the first of the worklist."""
    order = worklist()
    return films().get(_open_film.get() or "") or (order[0] if order else None)


def open_film(key: str) -> None:
    """Show this film large."""
    _open_film.set(key)


def opened_key() -> str:
    """Key of the film last opened, "" where none was."""
    return _open_film.get() or ""


def opened_by_person() -> bool:
    """Whether a person has opened a film since a drop began."""
    return opened_key() not in {"", automatic_film.get()}


def clear() -> None:
    """Forget every film and the messages of the drop zone; what waits is not read."""
    if (reading := intake.take()) is not None:
        reading.cancel()
    st.session_state[_FILMS] = {}
    st.session_state[_FULL] = {}
    upload_notices.clear()
    _open_film.clear()
    _drop_round.set(_drop_round.get() + 1)


def drop_zone_key() -> str:
    """Key of the drop zone; it changes when the session is cleared, and so empties the zone."""
    return f"diagnose.drop.{_drop_round.get()}"


# Diagnose: blinded mode, the reader, the log, what was built to take away, the history.

presenting = Value("diagnose.presents", first=False)
"""Whether the page is shown to an audience: large type, no drop zone."""
blinded = Value("diagnose.is-blinded", first=False)
"""Whether the reader answers before the model's answer is shown."""
reader_name = Value("diagnose.reader", "")
study = Value("study.shown", "")
"""Id of the reader study that is open."""
study_job = Value("study.job", "")
"""Key of the job that sets a study up, until its study was opened."""
log_failure: Value[tuple[str, float] | None] = Value("diagnose.log-failure", None)
"""What the log said when it failed last, and when (monotonic seconds)."""
built_worklist: Value[tuple[object, str, bytes] | None] = Value("diagnose.built", None)
"""Of the PDF or ZIP built last: what it was built from, its file name, its bytes."""
history_round = Value("history.round", 0)
"""Part of the key of the history's table: a deletion empties the selection."""


explained: Value[Mapping[str, Request]] = Value("diagnose.explained", {})
"""The explanations asked for last of each film, by its content; the latest films."""
explaining = Value("diagnose.explaining", first=False)
"""Whether maps are being computed, until the page has said that they are done."""
MAX_EXPLAINED = 12


def keep_explained(content: str, request: Request) -> None:
    """Keep the explanations of a film, and forget those of the oldest."""
    kept = {
        **{key: one for key, one in explained.get().items() if key != content},
        content: request,
    }
    explained.set(dict(list(kept.items())[-MAX_EXPLAINED:]))


def amend(content: str, change: Callable[[Entry], Entry]) -> None:
    """Change the films of this content, under whatever names."""
    for entry in list(films().values()):
        if entry.content == content:
            keep(change(entry))


# Dataset: the source, the conditions on its films, the film that is open.

source_job: Value[tuple[str, Path] | None] = Value("dataset.making", None)
"""Kind and folder of the download or the synthesis that is waited for."""
candidate: Value[tuple[Any, Path] | None] = Value("dataset.candidate", None)
"""Kind and folder of the data set whose labels are looked at before it is opened."""
candidate_images: Value[tuple[Path, list[str]] | None] = Value("dataset.images", None)
"""The images below that folder, posix paths."""
labels_return = Value("dataset.labels-return", "")
"""The page that asked for these labels and goes on when they are chosen, "" for Dataset itself."""
filtered_dataset = Value("dataset.of", "")
conditions: Value[tuple[Any, ...]] = Value("dataset.conditions", ())
condition_changes = Value("dataset.round", 0)
"""Part of each chart's key, so that no chart keeps an old selection."""
gallery_request = Value("dataset.look", 0)
"""The change of conditions after which the page last went to the films; 0 if none."""
cleared_rectangles: Value[Mapping[frozenset[str], int]] = Value("dataset.blank", {})
"""How often the rectangle over two columns was cleared."""
dataset_film = Value("dataset.open", "")
shown_split: Value[tuple[str, int, int] | None] = Value("dataset.split-made", None)
"""Key of the data set, folds and seed."""


# Training.

hardware_asked = Value("training.asked", first=False)
further_sources: Value[tuple[str, ...]] = Value("training.further", ())
"""Folders that are trained on beside the one that is open."""


# Metrics: model, predictions, threshold, cell of the confusion matrix, what is open.

MISSED = "missed"

measured_model = Value("measured.model", "")
"""Name of the model that the screen shows, "" for the one in service; any screen may set it."""
prediction_source = Value("metrics.chosen", "")
"""Key of the evaluation chosen last, "" for the predictions that the model brings."""
prevalence = Value("metrics.percent", 20)
"""Patients with pneumonia among 100, where the model would be used."""
confusion_cell = Value("metrics.of", MISSED)
"""The cell whose films are shown: found, missed, false alarms, cleared or referred."""
cell_requests = Value("metrics.look", 0)
"""Grows with each click that goes to the films."""
metrics_film = Value("metrics.film", "")
disagreement: Value[list[int]] = Value("metrics.disagreement", [])
"""The row that is ticked, opened once."""
roc_clicks = Value("metrics.clicks", 0)
"""Part of the chart's key: a chart would keep the click as a selection, and pale the rest."""
measurements = Value("metrics.measured", 0)
"""Part of the popover's key: the one that was used closes."""
scanned_folder = Value("metrics.look-through", "")
"""The folder whose pictures were asked for."""
report: Value[Any] = Value("metrics.report", None)
_threshold: Value[tuple[str, float] | None] = Value("metrics.at", None)


def threshold(subject: str, locked: float) -> float:
    """The threshold in use; another model or other films begin at their locked point."""
    chosen = _threshold.get()
    return chosen[1] if chosen is not None and chosen[0] == subject else locked


def set_threshold(subject: str, at: float) -> None:
    """Use another threshold, 0..1."""
    _threshold.set((subject, min(max(at, 0.0), 1.0)))


def go_to_cell(cell_name: str) -> None:
    """Show the films of this cell, and go there."""
    confusion_cell.set(cell_name)
    cell_requests.set(cell_requests.get() + 1)


# Models: messages, import, and what waits for a confirmation.

models_message = Value("models.said", "")
"""What the next run of the page says, once."""
import_refusal = Value("models.refused", "")
"""Why the last zip was refused, until another one is dropped."""
delete_request = Value("models.delete-request", "")
"""The model whose deletion waits for an answer."""
activation_request = Value("models.wanted", "")
"""The model that waits for an answer before it is put in service."""
fit_request = Value("models.fit-request", "")
"""The model that is to be fitted to a hospital; any screen may set it."""
fit_folder = Value("models.fit-folder", "")
"""The folder of films that another screen suggests for it."""
fit_started: Value[tuple[str, str] | None] = Value("models.fit-started", None)
"""Name of the parent and of the model that is being fitted."""
_import_round = Value("models.round", 0)


def empty_import_zone() -> None:
    """Forget the zip that was dropped."""
    _import_round.set(_import_round.get() + 1)


def import_zone_key() -> str:
    """Key of the drop zone; another key is another, empty zone."""
    return f"models.drop.{_import_round.get()}"
