"""Upload: dropped files, zips of films and sample films become films of the session."""

from __future__ import annotations

import math
import time
from contextlib import nullcontext
from html import escape
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.ui import cache, state
from pages.ui.diagnose.intake import Intake, no_room, read_entry
from pages.ui.diagnose.reading_log import keep_in_log, with_log
from pages.ui.diagnose.verdict import hide, without_name
from pages.ui.outcomes import outcome_of
from pages.ui.page import plain
from pages.ui.session_film import Record, content_of, make_entry
from pneumo_core.config import load_settings
from pneumo_core.formatting import count, duration, per_cent

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from streamlit.delta_generator import DeltaGenerator
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from pages.ui.cache import Sample
    from pages.ui.diagnose.intake import Arrived
    from pages.ui.session_film import Entry
    from pneumo_core.bundle import Bundle

PATIENCE = 1.0  # seconds that a page waits for a drop: one film is read before they are over
_SECONDS = 1.0  # between two drawings of a longer one: each costs the browser
_CLICK_SECONDS = 0.1  # that a click waits at most for the page to look up
_PAGE_SECONDS = 6.0  # between two runs of the page by which its list grows
_PRESENTING = "diagnose.presenting"
_LATEST = 8  # films read last that are shown small
_arrivals: state.Value[tuple[str, ...]] = state.Value("diagnose.arrivals", ())
"""Keys of the films of the drop that is being read."""


def drop_zone() -> list[UploadedFile]:
    """The drop zone; returns the files that wait to be read.

    It asks for no file type: what a file is, its bytes say, and a DICOM file may have no suffix.
    """
    files = st.file_uploader(
        f"Drop frontal chest films here: JPEG, PNG, DICOM, a folder or a ZIP of them (up to "
        f"{state.MAX_FILMS} films in the list)",
        accept_multiple_files=True,
        key=state.drop_zone_key(),
        # The browser counts in millions of bytes; just above the limit the reader says why not.
        max_upload_size=math.ceil(load_settings().limits.max_bytes / 1e6),
    )
    return [file for file in files if file.file_id not in state.taken()]


def show_presentation_switch() -> None:
    """The switch of the presentation mode: large type, and nothing but the films and answers."""
    st.toggle(
        "Presentation",
        state.presenting.get(),
        key=_PRESENTING,
        help="Large type for an audience; the drop zone, the history and the studies are hidden.",
        on_change=_present,
    )
    if state.presenting.get():
        st.html('<span class="pn-presenting"></span>')


def _present() -> None:
    """Remember the switch before the page is drawn: what stands above it is hidden at once."""
    state.presenting.set(bool(st.session_state[_PRESENTING]))


def show_notices() -> None:
    """What the last drop left out."""
    for notice in state.upload_notices.get():
        st.warning(plain(notice), icon=":material/info:")


def chosen_sample(*, thumbnails: bool) -> Sample | None:
    """The sample film that was clicked: shown with their pictures, or folded into a menu."""
    if thumbnails:
        return _gallery()
    samples = {sample.name: sample for sample in cache.samples()}
    name = st.menu_button("Try a synthetic film", list(samples), key="diagnose.samples")
    return None if name is None else samples[name]


def take_in(files: list[UploadedFile], bundle: Bundle) -> None:
    """Have the files read, and those in zips; those of a small drop are in the list on return.

    The bytes leave Streamlit's memory at once, and that of the intake as they are read. Raises
    BundleError on a model that cannot be used: then the files still wait in the drop zone.
    """
    reader = cache.reader_of(bundle)
    found = [(file.name, file.getvalue()) for file in files]
    intake = state.intake.get()
    if intake is None or not intake.submit(found):
        state.upload_notices.clear()
        merge_arrived()
        intake = Intake(
            bundle,
            reader,
            with_log(lambda log: log),
            known={entry.content for entry in state.films().values()},
            pictures=state.pictures(),
            sized=state.sized(),
        )
        intake.submit(found)
        state.intake.set(intake)
        _arrivals.clear()
        state.automatic_film.set(state.opened_key())
        intake.start()
    for file in files:
        _release(file)
    intake.ended.wait(PATIENCE)
    merge_arrived()


def reading_paused() -> AbstractContextManager[None]:
    """Begins no film of an earlier drop while the page runs: clicks are answered first."""
    intake: Intake | None = state.intake.get()
    return nullcontext() if intake is None else intake.paused()


def merge_arrived() -> list[Entry]:
    """Put what was read since the last run into the list; at the end say what was left out."""
    intake: Intake | None = state.intake.get()
    if intake is None:
        return []
    ended = intake.ended.is_set()  # asked first: what was read before is in the queue by now
    merged = [_merge(one) for one in intake.arrived()]
    before = _arrivals.get()
    _arrivals.set((*before, *(one.key for one in merged)))
    if merged and not before and not state.opened_by_person():
        state.automatic_film.set(merged[0].key)
        state.open_film(merged[0].key)
    if ended:
        state.intake.clear()
        _tell(intake)
    return merged


def _merge(one: Arrived) -> Entry:
    """The entry of a file that was read, or of one whose content is in the list."""
    known = state.known(one.content)
    if known is None:
        assert one.entry is not None  # noqa: S101 - else its content was known
        entry = hide(one.entry) if state.blinded.get() else one.entry
    else:
        entry = known.renamed(one.name)
        if entry.record.hidden is not None:
            entry = without_name(entry)
    state.keep_full(one.content, one.full)
    state.keep(entry)
    return entry


def _tell(intake: Intake) -> None:
    """Open the most suspicious film of a drop; say what was not read, and what was known."""
    films = state.films()
    batch = [films[key] for key in _arrivals.take() if key in films]
    if batch and not state.opened_by_person():
        state.open_film(state.by_suspicion(batch)[0].key)
    state.upload_notices.set(tuple(intake.notices))
    names = intake.duplicates
    if len(names) == 1:
        st.toast(f"{plain(names[0])} is already in the list and was not read again.")
    elif names:
        st.toast(f"{count(len(names), 'films')} are already in the list and were not read again.")


def show_intake() -> DeltaGenerator | None:
    """A place for the progress of a drop, with a Cancel button; None where nothing is read."""
    intake: Intake | None = state.intake.get()
    if intake is None:
        return None
    with st.container(key="intake"):
        place = st.empty()
        st.button("Cancel", key="diagnose.cancel", on_click=intake.cancel)
        films = state.films()
        latest = [films[key] for key in _arrivals.get()[-_LATEST:] if key in films]
        with st.container(horizontal=True):
            for entry in reversed(latest):
                _show_small(entry)
    _draw(place, intake)
    return place


def follow_intake(place: DeltaGenerator | None) -> None:
    """Renew the progress at the end of a run, until the first answer of the drop is there, later
    until the list has grown for a while, or all is read; then the page runs anew. A click cuts this
    short.
    """
    intake: Intake | None = state.intake.get()
    if place is None or intake is None:
        return
    first = not _arrivals.get()
    end, drawn = time.monotonic() + _PAGE_SECONDS, time.monotonic()
    while not intake.ended.is_set() and (first or time.monotonic() < end):
        if first and intake.wait_for_news(_CLICK_SECONDS):
            break
        if not first:
            intake.ended.wait(_CLICK_SECONDS)
        if time.monotonic() - drawn >= _SECONDS:
            drawn = time.monotonic()
            _draw(place, intake)
        _PRESENTING in st.session_state  # noqa: B015 - here a click that waits takes over
    st.rerun()


def _draw(place: DeltaGenerator, intake: Intake) -> None:
    words = progress_words(intake.name, intake.done, intake.total, intake.seconds_left())
    place.progress(min(intake.done / max(intake.total, 1), 1.0), words)


def read_sample(sample: Sample, bundle: Bundle) -> None:
    """Read a sample film and show it large."""
    known = state.known(content_of(sample.data, bundle.digest))
    if known is not None:
        entry = known.renamed(sample.name)
    elif state.is_full():
        content = content_of(sample.data, bundle.digest)
        entry = make_entry(sample.name, content, no_room(bundle), bundle, record=Record(log_id=""))
    else:
        reader = cache.reader_of(bundle)
        entry, full = read_entry(sample.name, sample.data, bundle, reader, origin=sample.origin)
        state.keep_full(entry.content, full)
        if state.blinded.get():
            entry = hide(entry)
    state.keep(entry)
    keep_in_log([entry])
    state.open_film(entry.key)


def _release(file: UploadedFile) -> None:
    """Free the bytes of an upload that has been read."""
    context = get_script_run_ctx()
    manager = context.uploaded_file_mgr if context else None
    if context and isinstance(manager, MemoryUploadedFileManager):
        manager.remove_file(context.session_id, file.file_id)
    state.taken().add(file.file_id)


def progress_words(name: str, done: int, total: int, left: float | None) -> str:
    """What is being read: "Reading 2 of 3: a.png · about 20 s left".

    Without the name where a reader is blinded.
    """
    which = f"Reading {min(done + 1, total):,} of {total:,}"
    where = which if state.blinded.get() or not name else f"{which}: {plain(name)}"
    return where if left is None or left < 1 else f"{where} · about {duration(left)} left"


def _show_small(entry: Entry) -> None:
    # Outside the model's range no number: it would be believed.
    p = entry.reading.p_pneumonia if entry.reading.gate_ok else None
    sense = outcome_of(entry.reading)
    text = sense.label if p is None else f"{sense.sign} {per_cent(p)}"
    if entry.record.hidden is not None:
        text = "answer hidden"
    if entry.thumb:
        st.image(entry.thumb, caption=text, width=72, alt=f"{entry.name}: {text}")
    else:
        st.caption(f"{plain(entry.name)}: {text}")


def _shows(sample: Sample) -> str:
    """What a sample was made to show: "class bacterial"."""
    return sample.origin.partition(";")[0].removeprefix("synthetic, ")


def _gallery() -> Sample | None:
    chosen = None
    st.html('<p class="pn-label">No film at hand? Try a synthetic one:</p>')
    with st.container(horizontal=True, gap="small", key="samples"):
        for sample in cache.samples():
            with st.container(width="content", gap="xxsmall", key=f"sample-{sample.name}"):
                st.html(
                    f'<img src="{sample.thumb}" width="104" alt="{sample.name}: not a real film">'
                )
                if st.button(sample.name, key=f"diagnose.{sample.name}"):
                    chosen = sample
                st.html(f'<p class="pn-hint">{escape(_shows(sample))}</p>')
    return chosen
