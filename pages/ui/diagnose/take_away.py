"""Take away: the page of a film, DICOM objects, two sentences; the worklist as PDF and ZIP."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import state
from pneumo_core.errors import PneumoError
from pneumo_core.formatting import count

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pages.ui.session_film import Entry
    from pneumo_core.readings.film_report import FilmReport

WITH_PATIENT = "With the patient's data"
WITHOUT = (
    "Name, number, birth date, sex, age and study, copied from the file. If not ticked, the PDF "
    "page and the DICOM objects contain no patient data. The objects keep the UIDs of the study, "
    "so that an archive can file them. Text burned into the image is not removed."
)
FILE_NAMES = "Label films with their file names (which may identify a patient)"
_KINDS = {"PDF": ("pdf", "application/pdf"), "ZIP": ("zip", "application/zip")}


def show_take_away(entry: Entry) -> None:
    """What can be taken away of one film; each file is made when it is asked for."""
    from pneumo_core.readings.film_report import sentences

    verdicts = entry.record.verdicts
    st.code(
        sentences(entry.reading, verdicts[-1] if verdicts else None),
        language=None,
        wrap_lines=True,
    )
    with_patient = False
    if entry.record.sources is not None:
        with_patient = st.checkbox(
            WITH_PATIENT, value=False, key=f"take.patient.{entry.key[:16]}", help=WITHOUT
        )
    with st.container(horizontal=True):
        _download("Report (PDF)", entry, "pdf", "application/pdf", _page, with_patient=with_patient)
        if entry.record.sources is not None and entry.reading.decision and entry.picture:
            for label, ending, kind in (
                ("DICOM image with map", "sc", "secondary_capture"),
                ("DICOM structured report", "sr", "structured_report"),
                ("DICOM PDF", "pdf", "encapsulated_pdf"),
            ):
                make = partial(_dicom, kind=kind)
                _download(
                    label,
                    entry,
                    f"{ending}.dcm",
                    "application/dicom",
                    make,
                    with_patient=with_patient,
                )


def show_worklist_take_away(entries: Sequence[Entry]) -> None:
    """PDF and ZIP of all films, built on a click with progress."""
    names = st.checkbox(FILE_NAMES, value=False, key="take.names")
    basis = (names, tuple((one.key, one.read_at, one.record.verdicts) for one in entries))
    built = state.built_worklist.get()
    if built is not None and built[0] != basis:
        state.built_worklist.clear()
        built = None
    asked = ""
    with st.container(horizontal=True):
        for kind in _KINDS:
            label = f"Build {kind} of {count(len(entries), 'films')}"
            if st.button(label, key=f"take.{kind}", icon=":material/description:"):
                asked = kind
        if built is not None:
            _, name, data = built
            st.download_button(
                f"Save {name}",
                data,
                name,
                _KINDS[name[-3:].upper()][1],
                icon=":material/download:",
                on_click="ignore",
                key="take.built",
            )
    if asked:
        _build(asked, entries, names=names, basis=basis)
        st.rerun()


def film_report(entry: Entry, *, with_patient: bool = False, label: str = "") -> FilmReport:
    """The report of a film of the session, its film at display size."""
    from pneumo_core.readings.dicom_source import patient_lines
    from pneumo_core.readings.film_report import FilmReport

    sources = entry.record.sources
    return FilmReport(
        replace(entry.reading, pixels=entry.pixels() if entry.picture else None),
        digest=entry.model,
        at=datetime.fromisoformat(entry.read_at),
        verdicts=entry.record.verdicts,
        label=label,
        sha256=entry.record.sha256,
        age=entry.record.age,
        patient=patient_lines(sources[1]) if sources and with_patient else (),
    )


def _page(entry: Entry, *, with_patient: bool) -> bytes:
    from pneumo_core.readings.report import film_pdf

    return film_pdf(film_report(entry, with_patient=with_patient))


def _dicom(entry: Entry, *, with_patient: bool, kind: str) -> bytes:
    from pneumo_core.readings import dicom_export

    assert entry.record.sources is not None  # noqa: S101 - otherwise not offered
    report = film_report(entry, with_patient=with_patient)
    make: Callable[..., bytes] = getattr(dicom_export, kind)
    return make(report, entry.record.sources[int(with_patient)])


def _download(  # noqa: PLR0913 - a button
    label: str,
    entry: Entry,
    ending: str,
    mime: str,
    make: Callable[..., bytes],
    *,
    with_patient: bool,
) -> None:
    """A button that makes its file when it is clicked; named after the film's hash alone."""
    from pneumo_core.readings.worklist import file_stem

    def made() -> bytes:
        try:
            return make(entry, with_patient=with_patient)
        except Exception as error:  # noqa: BLE001 - its words or trace may quote a patient's data
            words = str(error) if isinstance(error, PneumoError) else type(error).__name__
            raise PneumoError(f"The file could not be made: {words}") from None

    stem = file_stem(film_report(replace(entry, picture=b"")))
    st.download_button(
        label,
        made,
        f"{stem}.{ending}",
        mime,
        icon=":material/download:",
        on_click="ignore",
        key=f"take.{label}.{entry.key[:16]}",
    )


def _build(kind: str, entries: Sequence[Entry], *, names: bool, basis: object) -> None:
    from pneumo_core.readings.worklist import worklist_pdf, worklist_zip

    bar = st.progress(0.0)

    def show(_phase: str, done: int, total: int, _message: str = "") -> None:
        bar.progress(done / total, f"Page {done:,} of {total:,}")

    reports = [_small(film_report(one, label=one.name[:80] if names else "")) for one in entries]
    make = worklist_pdf if kind == "PDF" else worklist_zip
    data = make(reports, progress=show)
    bar.empty()
    state.built_worklist.set((basis, f"pneumo-worklist.{_KINDS[kind][0]}", data))


def _small(report: FilmReport) -> FilmReport:
    """The report with its film as large as it is printed: those of a worklist are held together."""
    from pneumo_core.imaging.decode import fit_to_side

    pixels = report.reading.pixels
    if pixels is None:
        return report
    return replace(report, reading=replace(report.reading, pixels=fit_to_side(pixels, 800)))
