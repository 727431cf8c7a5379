"""The linked views of a data set, in one fragment, so that nothing else reruns on a click."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.ui import state
from pages.ui.charts.dataset import axes, bars, ends_of
from pages.ui.charts.theme import SUBTYPES, figure_config
from pages.ui.dataset import facets, filters
from pages.ui.dataset.facets import facets_of, overlay_of
from pages.ui.dataset.filters import (
    NAMES,
    OneOf,
    chosen,
    in_order,
    put,
    show_chips,
    show_facts,
    toggled,
    without,
)
from pages.ui.dataset.findings import Shortcuts, prepared, show_findings, show_shortcuts
from pages.ui.dataset.gallery_view import open_film, show_films
from pages.ui.page import plain_words
from pneumo_core.audit import audit_ready, check_integrity, measure_shortcuts, overall

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from pages.ui.charts.dataset import Bar
    from pages.ui.dataset.facets import ScatterPlot
    from pages.ui.dataset.filters import Condition
    from pneumo_core.audit import Finding
    from pneumo_core.dataset.catalogue import Catalogue


_ROWS = (
    '<span class="pn-mouse">Click</span><span class="pn-touch">Tap</span> a row to filter by it, '
    "again to show all."
)
# Plotly takes a tap as a selection only after a hover: this makes one.
_TAPS = """<script>
window.pneumoTaps ??= document.addEventListener("touchstart", (event) => {
  const chart = event.target.closest?.(".st-key-bars .nsewdrag");
  const { clientX, clientY } = event.touches[0];
  chart?.dispatchEvent(new MouseEvent("mousemove", { bubbles: true, clientX, clientY }));
}, { capture: true, passive: true }) ?? true;
</script>"""
# A finger that drags over a chart scrolls the page: on a touch screen only the rows answer.
_HINT = (
    'All films are shown. <span class="pn-mouse">Click a row or draw a rectangle</span>'
    '<span class="pn-touch">Tap a row</span> to select some of them.'
)


@dataclass(frozen=True)
class Audit:
    """The results of both audits: findings in order of harm, and the shortcuts."""

    findings: tuple[Finding, ...]
    shortcuts: Shortcuts


@st.fragment
def show_explorer(catalogue: Catalogue, audit: Audit | None, origin: str) -> None:
    """Facts, linked charts, findings and films of a data set; `origin` describes
    films that are no patient's.
    """
    with plain_words():
        films = facets_of(catalogue)
        conditions = filters.current_conditions()
        shown = in_order(films[chosen(films, conditions)], conditions)
        findings = () if audit is None else audit.findings
        show_facts(films, shown)
        show_chips("top", otherwise=_HINT)  # a row that came and went would move the page
        show_charts(catalogue, films)
        if audit is not None:
            show_findings(findings)
            show_shortcuts(audit.shortcuts)
        show_films(
            catalogue,
            shown,
            findings,
            partial(open_film, catalogue, findings=findings, origin=origin),
        )


def show_charts(catalogue: Catalogue, films: pd.DataFrame) -> None:
    """All linked charts of `films`, the catalogue's index with facets."""
    conditions = filters.current_conditions()
    with st.container(key="bars"):
        left, right = st.columns([3, 2])
        st.html(_TAPS, unsafe_allow_javascript=True)
    with left, _card("Films by split and kind", _ROWS):
        rows = facets.by_kind(films, conditions)
        _show_bars(rows, "kind", _click_kind, unit="films", row=min(60, max(30, 351 // len(rows))))
    with right, _card("Patients", "All films of a patient belong in the same split."):
        rows = facets.patients_by_split(films, conditions)
        _show_bars(rows, "split", partial(_click, "split"), unit="patients")
        rows = facets.patients_by_films(films, conditions)
        st.html('<p class="pn-label">By films per patient</p>')
        _show_bars(rows, "per_patient", partial(_click, "per_patient"), unit="patients")
    _show_facts(films, conditions)
    st.html(legend_html(films))
    with st.container(key="scatters"):
        for column, one in zip(
            st.columns(len(facets.SCATTER_PLOTS)), facets.SCATTER_PLOTS, strict=True
        ):
            with column, _card(one.name, one.hint):
                _show_scatter(catalogue, films, one)


def _show_facts(films: pd.DataFrame, conditions: tuple[Condition, ...]) -> None:
    """Age, sex, view, site and manufacturer, where the data set says them."""
    known = facets.known_facts(films)
    if not known:
        return
    with st.container(key="facts"):
        for column, name in zip(st.columns(len(known)), known, strict=True):
            with column, _card(NAMES[name].capitalize(), _ROWS):
                rows = facets.by_fact(films, conditions, name)
                _show_bars(rows, name, partial(_click, name), unit="films")


def audit_of(catalogue: Catalogue) -> Audit | None:
    """Both audits, read from the disk; None where they were not made yet."""
    if not audit_ready(catalogue):
        return None
    table = measure_shortcuts(catalogue)
    return Audit(tuple(check_integrity(catalogue)), prepared(table, overall(table)))


def legend_html(films: pd.DataFrame) -> str:
    """The classes present with their signs, once for all scatter plots."""
    there = set(films["subtype"].unique())
    parts = "".join(
        f'<span class="pn-{style.css}">{style.title}</span>'
        for kind, style in SUBTYPES.items()
        if kind in there
    )
    return f'<p class="pn-summary pn-key">{parts}</p>'


def _card(title: str, hint: str) -> Any:
    card = st.container(border=True, gap="xxsmall", height="stretch")
    card.html(f'<div class="pn-card"><h3>{title}</h3><p>{hint}</p></div>')
    return card


def _show_bars(
    rows: Sequence[Bar], name: str, click: Callable[[Any], None], *, unit: str, row: int = 25
) -> None:
    key = f"dataset.bars.{name}.{state.condition_changes.get()}"
    st.plotly_chart(
        bars(rows, unit=unit, row=row),
        key=key,
        on_select=partial(_clicked_bar, key, [row.value for row in rows], click),
        selection_mode="points",
        config=figure_config(),
        alt=f"{unit} by {name}: "
        + ", ".join(f"{' '.join(row.names)} {row.shown:,}" for row in rows),
    )


def _clicked_bar(key: str, values: Sequence[Any], click: Callable[[Any], None]) -> None:
    points = st.session_state[key]["selection"]["points"]
    if points and (row := points[0].get("customdata")) is not None:
        click(values[row if isinstance(row, int) else row[0]])


def _click(column: str, value: str) -> None:
    filters.choose(toggled(filters.current_conditions(), OneOf(column, (value,), NAMES[column])))


def _click_kind(value: tuple[str, str]) -> None:
    """Select one split and one kind at once; a second click removes both."""
    split, kind = (OneOf(column, (one,), NAMES[column])
                   for column, one in zip(("split", "subtype"), value, strict=True))  # fmt: skip
    before = without(filters.current_conditions(), frozenset({"label"}))
    if split in before and kind in before:
        filters.choose(without(without(before, split.columns), kind.columns))
    else:
        filters.choose(put(put(before, split), kind))


def _show_scatter(catalogue: Catalogue, films: pd.DataFrame, one: ScatterPlot) -> None:
    if why_not := facets.constant(films, one):
        st.html(f'<p class="pn-empty">{why_not}</p>')
        return
    key = f"dataset.scatter.{one.across.column}.{filters.cleared(one.columns)}"
    ends = ends_of(*facets.numbers(films, one))
    with st.container(key=f"scatter-{one.across.column}", gap=None):
        st.plotly_chart(
            axes(ends, across=one.titles[0], up=one.titles[1]),
            key=key,
            on_select=partial(_selected_area, key, one),
            selection_mode="box",
            config=figure_config(),
            alt=f"Axes: {one.titles[1]} over {one.titles[0]}",
        )
        st.html(overlay_of(catalogue, one, filters.current_conditions()))


def _selected_area(key: str, one: ScatterPlot) -> None:
    """A rectangle selects its films; clearing it removes the condition."""
    boxes = st.session_state[key]["selection"]["box"]
    if boxes:
        new = facets.rectangle(one, tuple(boxes[0]["x"]), tuple(boxes[0]["y"]))
        filters.choose(put(filters.current_conditions(), new))
    else:
        filters.drop(one.columns)
