"""Upload: dropped files, zips of films and sample films become films of the session."""

from __future__ import annotations

import hashlib
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from html import escape
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.ui import cache, state
from pages.ui.diagnose.blinded import hide, without_name
from pages.ui.diagnose.reading_log import keep_in_log
from pages.ui.diagnose.zip_films import NO_ROOM, REFUSED, ZippedFilms, is_zip, open_films
from pages.ui.outcomes import outcome_of
from pages.ui.page import plain
from pages.ui.session_film import Entry, Record, content_of, full_picture, make_entry
from pneumo_core.config import load_settings
from pneumo_core.errors import BundleError, UnreadableImage
from pneumo_core.formatting import count, per_cent, were

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from pages.ui.cache import Sample
    from pneumo_core.bundle import Bundle
    from pneumo_core.imaging.film import Film
    from pneumo_core.inference.predict import Reading


def drop_zone() -> list[UploadedFile]:
    """The drop zone; returns the files that wait to be read.

    It asks for no file type: what a file is, its bytes say, and a DICOM file may have no suffix.
    """
    files = st.file_uploader(
        f"Drop frontal chest films here: JPEG, PNG, DICOM, or a ZIP of them (up to "
        f"{state.MAX_FILMS} films in the list)",
        accept_multiple_files=True,
        key=state.drop_zone_key(),
    )
    return [file for file in files if file.file_id not in state.taken()]


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


def read_files(files: list[UploadedFile], bundle: Bundle) -> None:
    """Read the files, and those in zips, one after the other, each shown small when it is read.

    A run that is cut short, by a click or by more files, is taken up by the next one: a file
    waits in the drop zone until it is in the session.
    """
    if not files:
        return
    if state.upload_cancelled.take():
        for file in files:
            _release(file)
        left = count(len(files), "files")
        state.upload_notices.set(
            (f"Cancelled: {left} {were(len(files))} not read. What was read stays.",)
        )
        return
    state.upload_notices.clear()
    batch = _Batch(bundle, [_opened(file) for file in files])
    place = st.empty()
    with place.container(key="intake"):
        batch.bar = st.progress(0.0)
        if batch.total > 1:  # a click cuts this run short and calls back before the next one
            st.button(
                "Cancel", key="diagnose.cancel", on_click=state.upload_cancelled.set, args=(True,)
            )
        batch.strip = st.container(horizontal=True)
        for file, zipped in zip(files, batch.zips, strict=True):
            if zipped is None:
                batch.read(file.name, file.getvalue())
            else:
                _read_zip(file, zipped, batch)
            _release(file)
    place.empty()
    _tell(batch)


@dataclass
class _Batch:
    """The files of one drop while they are read."""

    bundle: Bundle
    zips: list[ZippedFilms | None]
    entries: list[Entry] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    start: float = field(default_factory=time.monotonic)
    bar: DeltaGenerator | None = None
    strip: DeltaGenerator | None = None

    @property
    def total(self) -> int:
        """Files to read."""
        return sum(1 if one is None else len(one.members) for one in self.zips)

    def read(self, name: str, data: bytes) -> None:
        """Read a film into the session, with the progress so far."""
        done, total = len(self.entries), max(self.total, len(self.entries) + 1)
        if self.bar is not None:
            words = _progress(name, done, total, time.monotonic() - self.start)
            self.bar.progress(done / total, words)
        entry, known = _read(name, data, self.bundle)
        self.entries.append(entry)
        if known:
            self.duplicates.append(name)
        if self.strip is not None and total > 1:
            _show_small(self.strip, entry)


def _opened(file: UploadedFile) -> ZippedFilms | None:
    """The films of a zip; None for any other file, and for a zip that cannot be opened."""
    data = file.getvalue()
    if not is_zip(data):
        return None
    try:
        return open_films(data, load_settings().limits.max_bytes)
    except BundleError:
        return ZippedFilms(None)


def _read_zip(file: UploadedFile, zipped: ZippedFilms, batch: _Batch) -> None:
    """Read the films of a zip, as many as the session has room for."""
    if zipped.archive is None:
        batch.notices.append(f"{file.name}: {REFUSED}")
        return
    before = len(batch.entries)
    for info in zipped.members:
        token = f"{file.file_id}/{info.header_offset}"
        if token in state.taken():  # read before the run was cut short
            continue
        if state.is_full():
            zipped.left_out[NO_ROOM] += 1
            continue
        if data := zipped.read(info):
            batch.read(zipped.name(info), data)
        state.taken().add(token)
    batch.notices.append(zipped.summary(file.name, len(batch.entries) - before))


def _tell(batch: _Batch) -> None:
    """Open the most suspicious film of a drop; say what was not read, and what was known."""
    if batch.entries:
        state.open_film(state.by_suspicion(batch.entries)[0].key)
    state.upload_notices.set(tuple(notice for notice in batch.notices if notice))
    names = batch.duplicates
    if len(names) == 1:
        st.toast(f"{plain(names[0])} is already in the list and was not read again.")
    elif names:
        st.toast(f"{count(len(names), 'films')} are already in the list and were not read again.")


def read_sample(sample: Sample, bundle: Bundle) -> None:
    """Read a sample film and show it large."""
    entry, _ = _read(sample.name, sample.data, bundle, origin=sample.origin)
    state.open_film(entry.key)


def _read(name: str, data: bytes, bundle: Bundle, *, origin: str = "") -> tuple[Entry, bool]:
    """Read a film into the session; True where the session has read this very content already."""
    content = content_of(data, bundle.digest)
    known = state.known(content)
    if known is not None:
        entry = known.renamed(name)
        if entry.record.hidden is not None:
            entry = without_name(entry)
        if not state.full_picture(content):
            _keep_full(content, data)
    else:
        full = state.is_full()
        reading, film = (_full(bundle), None) if full else _answer(data, bundle)
        record = Record(log_id="") if full else _record(data)
        entry = make_entry(name, content, reading, bundle, origin=origin, record=record)
        if film is not None and entry.picture:
            state.keep_full(content, full_picture(film.pixels))
        if state.blinded.get():
            entry = hide(entry)
    state.keep(entry)
    keep_in_log([entry])
    return entry, known is not None


def _keep_full(content: str, data: bytes) -> None:
    """Keep the picture at full size of a film that is dropped again."""
    from pneumo_core.imaging.decode import decode

    with suppress(UnreadableImage):
        state.keep_full(content, full_picture(decode(data).pixels))


def _answer(data: bytes, bundle: Bundle) -> tuple[Reading, Film | None]:
    """The reading of a file, and the film in it, None where there is none."""
    from pneumo_core.imaging.decode import decode

    reader, start = cache.reader_of(bundle), time.perf_counter()
    try:
        film = decode(data)
    except UnreadableImage:  # the reader says why
        return reader.read_bytes(data), None
    reading = reader.read_bytes(data, film)
    return replace(reading, ms=1000 * (time.perf_counter() - start)), film


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
    # Outside the model's range no number: it would be believed.
    p = entry.reading.p_pneumonia if entry.reading.gate_ok else None
    sense = outcome_of(entry.reading)
    text = sense.label if p is None else f"{sense.sign} {per_cent(p)}"
    if entry.record.hidden is not None:
        text = "answer hidden"
    if entry.thumb:
        strip.image(entry.thumb, caption=text, width=72, alt=f"{entry.name}: {text}")
    else:
        strip.caption(f"{plain(entry.name)}: {text}")


def _shows(sample: Sample) -> str:
    """What a sample was made to show: "class bacterial"."""
    return sample.origin.partition(";")[0].removeprefix("synthetic, ")


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
                st.html(f'<p class="pn-hint">{escape(_shows(sample))}</p>')
    return chosen
