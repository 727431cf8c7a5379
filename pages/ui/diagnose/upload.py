"""Upload: dropped files and sample films become films of the session."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.ui import cache, state
from pages.ui.diagnose.blinded import hide, without_name
from pages.ui.diagnose.reading_log import keep_in_log
from pages.ui.outcomes import outcome_of
from pages.ui.page import plain
from pages.ui.session_film import Entry, Record, content_of, make_entry
from pneumo_core.formatting import per_cent

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from pages.ui.cache import Sample
    from pneumo_core.bundle import Bundle
    from pneumo_core.inference.predict import Reading


def drop_zone() -> list[UploadedFile]:
    """The drop zone; returns the files that wait to be read.

    It asks for no file type: what a file is, its bytes say, and a DICOM file may have no suffix.
    """
    files = st.file_uploader(
        "Drop frontal chest films here: JPEG, PNG or DICOM",
        accept_multiple_files=True,
        key=state.drop_zone_key(),
    )
    return [file for file in files if file.file_id not in state.taken()]


def chosen_sample(*, thumbnails: bool) -> Sample | None:
    """The sample film that was clicked: shown with their pictures, or folded into a menu."""
    if thumbnails:
        return _gallery()
    samples = {sample.name: sample for sample in cache.samples()}
    name = st.menu_button("Try a synthetic film", list(samples), key="diagnose.samples")
    return None if name is None else samples[name]


def read_files(files: list[UploadedFile], bundle: Bundle) -> None:
    """Read the files one after the other, each shown small as soon as it is read.

    A run that is cut short, by a click or by more files, is taken up by the next one: a file
    waits in the drop zone until it is in the session.
    """
    if not files:
        return
    read: list[Entry] = []
    start = time.monotonic()
    place = st.empty()
    with place.container(key="intake"):
        bar, strip = st.progress(0.0), st.container(horizontal=True)
        for count, file in enumerate(files):
            bar.progress(
                count / len(files),
                _progress(file.name, count, len(files), time.monotonic() - start),
            )
            read.append(_read(file.name, file.getvalue(), bundle))
            _release(file)
            if len(files) > 1:
                _show_small(strip, read[-1])
    place.empty()
    state.open_film(state.by_suspicion(read)[0].key)


def read_sample(sample: Sample, bundle: Bundle) -> None:
    """Read a sample film and show it large."""
    entry = _read(sample.name, sample.data, bundle, origin=sample.origin)
    state.open_film(entry.key)


def _read(name: str, data: bytes, bundle: Bundle, *, origin: str = "") -> Entry:
    """Read a film into the session, unless the session has read this very content already."""
    content = content_of(data, bundle.digest)
    entry = state.known(content)
    if entry is not None:
        st.toast(f"{plain(name)} is already in the list and was not read again.")
        entry = entry.renamed(name)
        if entry.record.hidden is not None:
            entry = without_name(entry)
    else:
        reader = cache.reader_of(bundle)
        reading = _full(bundle) if state.is_full() else reader.read_bytes(data)
        record = Record(log_id="") if state.is_full() else _record(data)
        entry = make_entry(name, content, reading, bundle, origin=origin, record=record)
        if state.blinded.get():
            entry = hide(entry)
    state.keep(entry)
    keep_in_log([entry])
    return entry


def _record(data: bytes) -> Record:
    """What a file says beside its picture; of a DICOM file, its study and its UIDs."""
    from pneumo_core.imaging.formats import format_of
    from pneumo_core.readings.dicom_source import source_of
    from pneumo_core.readings.study_key import study_facts

    sha256 = hashlib.sha256(data).hexdigest()
    if format_of(data) != "DICOM":
        return Record(sha256=sha256)
    sources = (source_of(data), source_of(data, with_patient=True))
    return Record(sha256=sha256, study=study_facts(data), sources=sources)


def _full(bundle: Bundle) -> Reading:
    """The reading of a film that the session has no room for."""
    from pneumo_core.inference.predict import Reading

    points = bundle.points
    model = f"{bundle.name} {bundle.version}"
    return Reading("error", state.FULL, model, points.screening, points.ruling_in)


def _release(file: UploadedFile) -> None:
    """Free the bytes of an upload that has been read."""
    context = get_script_run_ctx()
    manager = context.uploaded_file_mgr if context else None
    if context and isinstance(manager, MemoryUploadedFileManager):
        manager.remove_file(context.session_id, file.file_id)
    state.taken().add(file.file_id)


def _progress(name: str, done: int, total: int, seconds: float) -> str:
    which = "" if total == 1 else f"{done + 1} of {total}: "
    where = f"Reading {which}{'' if state.blinded.get() else plain(name)}"
    left = seconds / done * (total - done) if done else 0.0
    return where if left < 1 else f"{where} · about {left:.0f} s left"


def _show_small(strip: DeltaGenerator, entry: Entry) -> None:
    p = entry.reading.p_pneumonia
    sense = outcome_of(entry.reading)
    text = f"{sense.sign} {sense.words if p is None else per_cent(p)}"
    if entry.record.hidden is not None:
        text = "answer hidden"
    if entry.thumb:
        strip.image(entry.thumb, caption=text, width=72, alt=f"{entry.name}: {text}")
    else:
        strip.caption(f"{plain(entry.name)}: {text}")


def _gallery() -> Sample | None:
    chosen = None
    st.html('<p class="pn-label">No film at hand? Try a synthetic one:</p>')
    with st.container(horizontal=True, gap="small", key="samples"):
        for sample in cache.samples():
            with st.container(width="content", gap="xxsmall"):
                st.html(
                    f'<img src="{sample.thumb}" width="104" alt="{sample.name}: not a real film">'
                )
                if st.button(sample.name, key=f"diagnose.{sample.name}"):
                    chosen = sample
    return chosen
