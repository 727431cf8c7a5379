"""The last epoch from close by: recall of each class, confusion, the surest errors with maps."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.ui.images import jpeg
from pneumo_core.training.runs.history import read_closeup

if TYPE_CHECKING:
    from pneumo_core.training.runs.run import Run

_NAMES = {"tp": "called rightly", "fn": "missed", "fp": "called wrongly", "tn": "cleared rightly"}


def show_closeup(run: Run) -> None:
    """What the network of the last finished epoch says of some held-out films."""
    found = read_closeup(run)
    if found is None:
        return
    facts, arrays = found
    with st.expander(f"After epoch {facts['epoch'] + 1}: recall, confusion, surest errors"):
        st.html(f'<dl class="pn-facts">{_listed(facts)}</dl>')
        _errors(facts, arrays)


def _listed(facts: dict[str, Any]) -> str:
    lines = [
        (f"Recall, {name}", "–" if value is None else f"{100 * value:.0f} %")
        for name, value in facts["recall"].items()
    ]
    confusion = facts["confusion"]
    ill = f"{confusion['tp']} {_NAMES['tp']}, {confusion['fn']} {_NAMES['fn']}"
    normal = f"{confusion['tn']} {_NAMES['tn']}, {confusion['fp']} {_NAMES['fp']}"
    at = f"at P(pneumonia) {facts['threshold']:g}"
    lines += [(f"Pneumonia, {at}", ill), (f"Normal, {at}", normal)]
    return "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in lines)


def _errors(facts: dict[str, Any], arrays: dict[str, Any]) -> None:
    from pneumo_core.inference.saliency import overlay

    words = f"{facts['films']:,} held-out films, before calibration."
    if not facts["errors"]:
        st.caption(f"{words} No error among them.")
        return
    with st.container(horizontal=True, key="training.errors"):
        for error, film, cam in zip(facts["errors"], arrays["films"], arrays["maps"], strict=True):
            caption = f"{error['label']}, P {error['p']:.2f}"
            st.image(jpeg(overlay(film, cam)), caption=caption, width=130)
    st.caption(f"{words} The surest errors; the map shows what spoke for pneumonia.")
