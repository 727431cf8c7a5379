"""Fit to this hospital: choose labelled films and aims, watch the fit, see what it changed."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.ui import state
from pages.ui.charts.theme import SUBTYPES
from pages.ui.folder_field import show_picker, unpacked_upload
from pages.ui.html import figure_html
from pages.ui.job_progress import show_job
from pages.ui.models.actions import put_in_service
from pages.ui.page import plain
from pages.ui.state import start_key, starting
from pneumo_core.bundle.card.parts import NO_GAIN
from pneumo_core.bundle.registry import check_name
from pneumo_core.config import load_settings
from pneumo_core.dataset.labels import kept_labels
from pneumo_core.dataset.layout import list_films
from pneumo_core.dataset.sources import check_folder, given_name, remembered_source
from pneumo_core.errors import BundleError, DataSetError, PneumoError
from pneumo_core.formatting import count, figure
from pneumo_core.jobs.job import latest_job, start_job
from pneumo_core.metrics import Estimate
from pneumo_core.metrics.intervals import SMALL_SAMPLE
from pneumo_core.metrics.operating_points import Aims

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from pages.ui.models.inventory import Checked
    from pneumo_core.bundle import Bundle
    from pneumo_core.bundle.card.parts import FittedTo
    from pneumo_core.config import Settings

KIND = "calibrate"
_FOLDER = "models.fit.folder"
PHASES = {
    "index": "reading the files",
    "copies": "looking for copies",
    "decode": "decoding",
    "read": "predicting",
    "fit": "fitting and measuring",
}
_WHAT = (
    "The network stays as it is; its probabilities and thresholds are fitted to labelled films of "
    f"your hospital, at least {SMALL_SAMPLE} normal and {SMALL_SAMPLE} with pneumonia. The result "
    "is a new model beside this one. It stores no film, file name or patient data."
)
_HELP = {
    "sensitivity": "Of films with pneumonia, at least this share is not cleared.",
    "specificity": "Of normal films, at least this share is not called pneumonia.",
    "miss": "How many false alarms weigh as much as one missed pneumonia, for the balanced point.",
    "prevalence": "Share of pneumonia among your patients, for the balanced point.",
    "promise": "Conformal prediction: on new films like these, wrong answers stay within the limit "
    "shown, on average over repeated fits, however few films are used. A stricter limit "
    "needs more patients.",
}
_SECONDS = 60  # for which a folder is not walked again while the form is filled in


def show_fit(listed: Sequence[Checked]) -> None:
    """The form, the running job, or the result, for the model that was asked for."""
    settings = load_settings()
    by_name = {one.found.name: one for one in listed}
    started = state.fit_started.get()
    if started is not None:
        parent, new = started
        job = latest_job(KIND, settings=settings, key=new)
        if job is not None:
            with st.container(border=True, key="models-fit"):
                made = job.status().state == "done"
                doing = "fitted" if made else "being fitted"
                st.subheader(f"{parent} is {doing} to this hospital", anchor=False)
                status = show_job(job, doing=f"Making {new}", phases=PHASES)
                if status.state == "running":
                    return
                if status.state == "done" and new in by_name:
                    _show_result(by_name[new].found.bundle)
                    return
                if st.button("Back to the form", key="models.fit.back"):
                    state.fit_started.set(None)
                    st.rerun()
            return
    bundle = (
        by_name[wanted].found.bundle if (wanted := state.fit_request.get()) in by_name else None
    )
    if bundle is not None:
        with st.container(border=True, key="models-fit"):
            _show_form(bundle, list(by_name), settings)


def ask_for_fit(name: str) -> None:
    """Show the form for this model."""
    state.fit_request.set(name)
    state.fit_started.set(None)


def _show_form(bundle: Bundle, names: Collection[str], settings: Settings) -> None:
    st.subheader(f"Fit {bundle.name} to this hospital", anchor=False)
    st.write(_WHAT)
    source = remembered_source(settings=settings)
    st.session_state.setdefault(
        _FOLDER, state.fit_folder.get() or (str(source.path) if source else "")
    )
    typed = st.text_input(
        "Folder of labelled films: NORMAL and PNEUMONIA, or images with a table of labels",
        placeholder="/home/me/films",
        key=_FOLDER,
    )
    with st.expander("Pick a folder, or upload a ZIP file of the films", expanded=not typed):
        show_picker(settings, _FOLDER)
        unpacked = unpacked_upload(settings, "models.fit")
    if unpacked is not None:
        state.fit_folder.set(str(unpacked))
        del st.session_state[_FOLDER]
        st.rerun()
    path = show_films(typed, settings)
    left, right = st.columns(2)
    site = left.text_input(
        "Name of the hospital",
        placeholder=path.name if path else "",
        key="models.fit.site",
        max_chars=60,
    )
    name = right.text_input(
        "Name of the new model", value=_free_name(bundle.name, names), key="models.fit.name"
    )
    aims = _aims()
    with st.container(horizontal=True):
        go = st.button("Fit", type="primary", key=start_key("models.fit.begin"))
        if st.button("Cancel", key="models.fit.cancel"):
            state.fit_request.set("")
            st.rerun()
    if not go:
        return
    if path is None:
        if not typed.strip():
            st.error("Name the folder of labelled films first.", icon=":material/error:")
        return
    try:
        _check_free(name, names)
        asked = Aims(**aims)
        with starting():
            _begin(bundle, path, name=name, site=site or path.name, aims=asked, settings=settings)
    except (DataSetError, BundleError, ValueError) as error:
        st.error(plain(str(error)), icon=":material/error:")
    else:
        state.fit_started.set((bundle.name, name))
        st.rerun()


def _check_free(name: str, names: Collection[str]) -> None:
    if check_name(name) in names:
        raise BundleError(f"Expected a new model name, but {name} exists. Choose another.")


def _aims() -> dict[str, Any]:
    """What a person asks for, as `Aims` takes it."""
    left, right = st.columns(2)
    rates = {
        "sensitivity": left.number_input(
            "Cleared only if sensitivity is at least (%)",
            50.0, 99.9, 95.0, 0.5, key="models.fit.sensitivity", help=_HELP["sensitivity"],
        ),
        "specificity": right.number_input(
            "Called pneumonia only if specificity is at least (%)",
            50.0, 99.9, 95.0, 0.5, key="models.fit.specificity", help=_HELP["specificity"],
        ),
    }  # fmt: skip
    found: dict[str, Any] = {name: value / 100 for name, value in rates.items()}
    with st.expander("Cost of a miss, prevalence, coverage guarantee"):
        one, two = st.columns(2)
        found["miss_cost"] = one.number_input(
            "A missed pneumonia weighs as much as … false alarms", 0.1, 1000.0, None,
            key="models.fit.miss", help=_HELP["miss"],
        )  # fmt: skip
        share = two.number_input(
            "Prevalence of pneumonia at this hospital (%)", 0.1, 99.0, None,
            key="models.fit.prevalence", help=_HELP["prevalence"],
        )  # fmt: skip
        found["prevalence"] = None if share is None else share / 100
        if st.checkbox(
            "Guarantee this on new films", key="models.fit.promise", help=_HELP["promise"]
        ):
            found["coverage"] = max(found["sensitivity"], found["specificity"])
            wrong = f"{100 * (1 - found['coverage']):.3g} %"
            st.caption(f"Wrong answers of each kind: at most {wrong}.")
    return found


def _begin(  # noqa: PLR0913 - what the command takes
    bundle: Bundle, data: Path, *, name: str, site: str, aims: Aims, settings: Settings
) -> None:
    words = [KIND, str(data), "--model", bundle.name, "--name", name, f"--site={site}"]
    for option, value in aims.to_dict().items():
        words += [f"--{option.replace('_', '-')}", f"{value:.6g}"]
    start_job(KIND, words, settings=settings, key=name)


def _free_name(parent: str, names: Collection[str]) -> str:
    stem = re.sub(r"-here(-\d+)?$", "", parent)[:55]
    candidates = [f"{stem}-here", *(f"{stem}-here-{i}" for i in range(2, len(names) + 3))]
    return next(name for name in candidates if name not in names)


def _show_result(bundle: Bundle | None) -> None:
    fitted = None if bundle is None else bundle.card.fitted_to
    if bundle is None or fitted is None:
        return
    patients = "" if fitted.patients is None else f" of {fitted.patients:,} patients"
    st.html(
        f'<p class="pn-meaning"><strong>{escape(bundle.name)}</strong> is fitted to '
        f"{fitted.films:,} films{patients} of {escape(fitted.site)} ({fitted.normal:,} normal, "
        f"{fitted.pneumonia:,} pneumonia). It is not in service yet.</p>" + before_after(fitted)
    )
    if not fitted.gains:
        st.warning(NO_GAIN, icon=":material/trending_flat:")
    if fitted.trained_on:
        words = f"{count(fitted.trained_on, 'films')} had already been used to train the network"
        st.warning(f"{words}: these figures are too favourable.", icon=":material/history_edu:")
    for line in needed_words(bundle):
        st.caption(line)
    with st.container(horizontal=True):
        weight = "primary" if fitted.gains else "secondary"
        if st.button("Put in service", type=weight, key="models.fit.activate"):
            state.fit_started.set(None)
            state.fit_request.set("")
            put_in_service(bundle)
        if st.button("Close", key="models.fit.close"):
            state.fit_started.set(None)
            state.fit_request.set("")
            st.rerun()


def before_after(fitted: FittedTo) -> str:
    """The table of figures before and after, as HTML."""
    rows: list[tuple[str, Any, Any]] = []
    names = {
        "normal cleared": "Normal films cleared",
        "normal called": "Normal films called pneumonia",
        "pneumonia called": "Pneumonia films called pneumonia",
        "pneumonia cleared": "Pneumonia films cleared",
        "all referred": "All films referred",
    }
    for key, name in names.items():
        rows.append((name, *(found.get("answers", {}).get(key) for found in _both(fitted))))
    for key, name in (("sensitivity", "Sensitivity"), ("specificity", "Specificity")):
        shown = (Estimate.from_dict(found, key).to_dict() for found in _both(fitted))
        rows.append((f"{name}, balanced point", *shown))
    rows.append(
        ("AUC (ranking, unchanged)", *(Estimate.from_dict(one, "auc") for one in _both(fitted)))
    )
    rows.append(("Calibration error (ECE)", *(f"{one['ece']:.3f}" for one in _both(fitted))))
    body = "".join(
        f"<tr><th>{name}</th>"
        + "".join(f"<td>{figure_html(_shown(name, one))}</td>" for one in values)
        + "</tr>"
        for name, *values in rows
    )
    return (
        '<div class="pn-wide"><table class="pn-table"><thead><tr><th></th><th>before</th>'
        f"<th>after</th></tr></thead><tbody>{body}</tbody></table></div>"
        '<p class="pn-hint">Each film was answered by a fit that had not seen its patient. 95\xa0% '
        "intervals by patient.</p>"
    )


def needed_words(bundle: Bundle) -> list[str]:
    """How many further films narrow the intervals, a line for each."""
    from pneumo_core.evaluation.local_fit import NeededFilms

    found = bundle.card.document.get("fitted_to", {}).get("needed", ())
    try:
        return [NeededFilms(**one).words for one in found]
    except (TypeError, ValueError):  # a card from elsewhere
        return []


def _both(fitted: FittedTo) -> tuple[Any, Any]:
    return fitted.before, fitted.after


def _shown(name: str, value: Any) -> str:
    return value if isinstance(value, str) else "–" if value is None else figure(name, value)


def show_films(typed: str, settings: Settings) -> Path | None:
    """What is recognised in the folder that was typed; its path, None where it cannot be used.

    Leads to the labels on the Dataset screen, where they can be corrected.
    """
    if not typed.strip():
        return None
    try:
        path = check_folder(typed, settings=settings)
    except DataSetError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return None
    try:
        found = _films_of(path, str(kept_labels(path, settings)), path.stat().st_mtime_ns)
    except PneumoError as error:
        st.warning(plain(str(error)), icon=":material/rule:")
        _offer_labels(path, "Choose the columns and classes", weight="primary")
        return None
    with st.container(border=True, key="models-fit-films"):
        if (given := given_name(path)) != str(path):
            st.caption(plain(f"Films of the archive {given}"))
        _show_counts(found)
        _offer_labels(path, "Check or correct the labels")
    return path


@st.cache_data(show_spinner="Looking for films and labels…", ttl=_SECONDS, max_entries=8)
def _films_of(path: Path, labels: str, changed: int) -> dict[str, Any]:  # noqa: ARG001 - keys
    """The form of the labels, films by class, patients, and what is left out."""
    listing = list_films(path)
    facts = listing.facts.values()
    kinds = [one.subtype for one in facts]
    return {
        "source": listing.source,
        "films": len(kinds),
        "patients": len({one.group for one in facts}) if all(o.patient_known for o in facts) else 0,
        "kinds": {kind: kinds.count(kind) for kind in SUBTYPES if kind in kinds},
        "normal": sum(one.label == "normal" for one in facts),
        "left_out": sum(o.count for o in listing.left_out if not o.what.startswith("rows of")),
        "notes": listing.notes,
    }


def _show_counts(found: dict[str, Any]) -> None:
    whose = count(found["patients"], "patients") if found["patients"] else "patients not known"
    kinds = " · ".join(f"{n:,} {SUBTYPES[kind].title}" for kind, n in found["kinds"].items())
    left = f" · left out: {found['left_out']:,}" if found["left_out"] else ""
    st.html(
        f'<p class="pn-label">Labels: {escape(found["source"])}</p>'
        f"<p><strong>{count(found['films'], 'films')}</strong> ({whose}): {kinds}"
        f'<span class="pn-hint">{left}</span></p>'
    )
    for note in found["notes"]:
        st.caption(plain(note))
    fewest = min(found["normal"], found["films"] - found["normal"])
    if fewest < SMALL_SAMPLE:
        st.warning(
            f"Too few films to fit to: at least {SMALL_SAMPLE} of each class are needed, here are "
            f"{found['normal']:,} normal and {found['films'] - found['normal']:,} with pneumonia.",
            icon=":material/rule:",
        )


def _offer_labels(path: Path, words: str, *, weight: Any = "tertiary") -> None:
    """The way to the labels of the folder on Dataset, and from there back to this form."""
    if st.button(words, icon=":material/label:", key="models.fit.labels", type=weight):
        state.fit_folder.set(str(path))
        state.candidate_images.clear()
        state.candidate.set(("folder", path))
        state.labels_return.set("pages/models.py")
        st.switch_page("pages/dataset.py")
