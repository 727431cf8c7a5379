"""The films that a model will be fitted to: how their labels are read, and how many there are."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.ui import state
from pages.ui.charts.theme import SUBTYPES
from pages.ui.page import plain
from pneumo_core.dataset.archive import given_name
from pneumo_core.dataset.labels import kept_labels
from pneumo_core.dataset.layout import list_films
from pneumo_core.dataset.sources import check_folder
from pneumo_core.errors import DataSetError, PneumoError
from pneumo_core.formatting import count
from pneumo_core.metrics.intervals import SMALL_SAMPLE

if TYPE_CHECKING:
    from pathlib import Path

    from pneumo_core.config import Settings

_SECONDS = 60  # for which a folder is not walked again while the form is filled in


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
