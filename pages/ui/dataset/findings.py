"""What the audit found: findings in order of harm, shortcuts, the split by patient, downloads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import cache, state
from pages.ui.charts.forest import Estimate, intervals
from pages.ui.charts.theme import SUBTYPES, figure_config
from pages.ui.dataset import filters
from pages.ui.dataset.filters import Among, put
from pages.ui.page import plain_words
from pneumo_core.audit import as_document, as_html, harm_words, strength
from pneumo_core.dataset.folds import straddling_groups
from pneumo_core.formatting import breakable, capital, count, percent
from pneumo_core.training.dataset import HOLDOUT_FOLDS
from pneumo_core.training.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    import plotly.graph_objects as go

    from pneumo_core.audit import Finding
    from pneumo_core.dataset.catalogue import Catalogue


_SPLIT = (
    "Training pools train and val and splits them by patient, so that no child is on both sides; "
    "test is not used. The same number of folds and seed always give the same split; the manifest "
    "records it, with the hash of every file."
)
_COLUMNS = 3
_FOLDERS = "classes"  # the unit of findings whose `films` are folders
_ACROSS = "fitted on train, evaluated on test"
_ORDER = ("train", "all", "val", "test")


@dataclass(frozen=True)
class Shortcuts:
    """What is shown of the table of `audit.shortcuts`: made once, shown after every click.

    meaning: for any accuracy on this data; chart: None where nothing could be measured; alt: the
    chart in sentences; silent: features that carry no information or cannot be judged, in
    sentences.
    """

    meaning: str
    chart: go.Figure | None
    alt: str
    silent: tuple[str, ...]


def show_findings(findings: Sequence[Finding]) -> None:
    """A card for each finding; checks that passed in one line."""
    met = [one for one in findings if one.count]
    st.html(
        '<h2 class="pn-section">Audit findings</h2>'
        + ("" if met else '<p class="pn-hint">No problems were found.</p>')
    )
    for start in range(0, len(met), _COLUMNS):
        row = met[start : start + _COLUMNS]
        for column, one in zip(st.columns(_COLUMNS), row, strict=False):
            with column, st.container(border=True, height="stretch", gap="xsmall"):
                _card(one)
    if clean := [one.title for one in findings if not one.count]:
        with st.expander(f"Passed: {count(len(clean), 'checks')}"):
            st.html("<br>".join(f"✓ {escape(title)}" for title in clean))


def show_shortcuts(found: Shortcuts) -> None:
    """Features that predict the label, and what that means for any accuracy on this data."""
    st.html(
        '<h2 class="pn-section">Shortcuts: the label predicted without the lungs</h2>'
        f'<p class="pn-meaning">{escape(found.meaning)}</p>'
    )
    if found.chart is not None:
        st.html(
            '<p class="pn-hint">How well each feature alone separates pneumonia from normal: AUC '
            "(0.5 is chance), cross-validated by patient, with its 95\xa0% interval.</p>"
        )
        st.plotly_chart(found.chart, key="dataset.shortcuts", config=figure_config(), alt=found.alt)
    if found.silent:
        more = "" if found.chart is None else " more"
        with st.expander(
            f"{len(found.silent)}{more} features without information, or not testable"
        ):
            st.html("<br>".join(map(escape, found.silent)))


@st.fragment
def show_folds(catalogue: Catalogue) -> None:
    """The split by patient of these films, with its manifest."""
    with plain_words():
        st.html(f'<h2 class="pn-section">Split by patient</h2><p class="pn-hint">{_SPLIT}</p>')
        with st.container(horizontal=True, vertical_alignment="bottom"):
            folds = st.number_input("Folds", 2, 20, HOLDOUT_FOLDS, key="dataset.folds", width=130)
            seed = st.number_input("Seed", 0, 10**6, Recipe.seed, key="dataset.seed", width=130)
            if st.button("Make the split", key="dataset.split"):
                state.shown_split.set((catalogue.key, folds, seed))
        if state.shown_split.get() == (catalogue.key, folds, seed):
            _show_split(catalogue, folds, seed)


def _show_split(catalogue: Catalogue, folds: int, seed: int) -> None:
    with st.spinner("Splitting by patient: a few seconds the first time"):
        films = cache.folds_of(catalogue, folds, seed)
    st.html(folds_html(films))
    st.download_button(
        "Manifest (JSON)",
        lambda: cache.manifest_of(catalogue, folds, seed),
        f"{catalogue.root.name}-folds-{folds}-seed-{seed}.json",
        "application/json",
        icon=":material/download:",
        on_click="ignore",
        key="dataset.manifest",
    )


def folds_html(films: pd.DataFrame) -> str:
    """Films with a `fold`, counted by fold and kind, and whether a patient is in two.

    Folds are numbered from 0, as the manifest and `folds` have them.
    """
    kinds = [kind for kind in SUBTYPES if kind in set(films["subtype"])]
    head = "".join(f"<th>{SUBTYPES[kind].title}</th>" for kind in kinds)
    rows = ""
    for fold, part in films.groupby("fold"):
        counts = part["subtype"].value_counts()
        cells = [len(part), part["group"].nunique(), *(counts.get(kind, 0) for kind in kinds)]
        share = percent((part["label"] == "pneumonia").mean())
        numbers = "".join(f"<td>{int(cell):,}</td>" for cell in cells)
        rows += f"<tr><th>{int(fold)}</th>{numbers}<td>{share}</td></tr>"
    torn = len(straddling_groups(films, films["fold"].to_numpy()))
    check = f"Patients in two folds: {torn:,}." if torn else "✓ No patient is in two folds."
    return (
        '<div class="pn-wide"><table class="pn-table"><thead><tr><th>Fold</th><th>Films</th>'
        f"<th>Patients</th>{head}<th>Pneumonia</th></tr></thead><tbody>{rows}</tbody></table></div>"
        f'<p class="pn-label">{check}</p>'
    )


def show_downloads(catalogue: Catalogue) -> None:
    """Both audits as JSON and as a page, made on demand."""
    st.html('<h2 class="pn-section">Download the audit</h2>')
    name = f"{catalogue.root.name}-audit"
    with st.container(horizontal=True):
        st.download_button(
            "Audit (HTML)",
            lambda: as_html(as_document(catalogue)),
            f"{name}.html",
            "text/html",
            icon=":material/download:",
            on_click="ignore",
            key="dataset.audit.html",
        )
        st.download_button(
            "Audit (JSON)",
            lambda: breakable(json.dumps(as_document(catalogue), indent=1, ensure_ascii=False)),
            f"{name}.json",
            "application/json",
            icon=":material/download:",
            on_click="ignore",
            key="dataset.audit.json",
        )


def prepared(table: pd.DataFrame, meaning: str) -> Shortcuts:
    """The table made ready to be shown."""
    rows = estimates(table)
    return Shortcuts(
        meaning, _chart(rows) if rows else None, "; ".join(table["words"]), tuple(silences(table))
    )


def card_html(finding: Finding) -> str:
    """A finding: harm, count, title, why it matters, what is done."""
    return (
        f'<div class="pn-finding"><p class="pn-harm pn-harm-{finding.harm}">'
        f"{harm_words(finding.harm)}: {escape(count(finding.count, finding.unit))}</p>"
        f"<h3>{escape(finding.title)}{_which(finding)}</h3>"
        f"<p>{escape(finding.why)}</p>"
        f"<p><strong>What Pneumo does:</strong> {escape(finding.done)}</p></div>"
    )


def estimates(table: pd.DataFrame) -> list[Estimate]:
    """Rows of the chart, the strongest feature first, in either direction."""
    measured = table[table["state"] == "measured"]
    strengths = measured["auc"].map(strength)
    best = strengths.groupby(measured["feature"]).max().sort_values(ascending=False)
    found = []
    for split in measured["split"].unique():
        own = measured[measured["split"] == split].set_index("feature")
        found += [
            Estimate(_short(row.title), row.auc, row.low, row.high, _in(split), row.words)
            for row in own.reindex(best.index).dropna(subset="auc").itertuples()
        ]
    across = measured.drop_duplicates("feature").dropna(subset="across").set_index("feature")
    found += [
        Estimate(_short(row.title), row.across, row.across_low, row.across_high, _ACROSS)
        for row in across.itertuples()
    ]
    titles = measured.set_index("feature")["title"].to_dict()
    names = [_short(titles[feature]) for feature in best.index]
    return sorted(found, key=lambda row: names.index(row.name))


def silences(table: pd.DataFrame) -> list[str]:
    """What is the same for all films, or cannot be tested, each in a sentence, once."""
    return list(dict.fromkeys(table.loc[table["state"] != "measured", "words"]))


def _which(finding: Finding) -> str:
    """The names of folders, which have no gallery."""
    named = finding.films if finding.unit == _FOLDERS else ()
    return f": {escape(', '.join(named))}" if named else ""


def _card(finding: Finding) -> None:
    st.html(card_html(finding))
    if finding.films and finding.unit != _FOLDERS:
        films = len(finding.films)
        st.button(
            f"Show the {films:,} films" if films > 1 else "Show the film",
            key=f"dataset.finding.{finding.code}",
            on_click=_show,
            args=(finding,),
        )


def _show(finding: Finding) -> None:
    condition = Among(finding.films, finding.title)
    filters.choose(put((), condition), go_to_films=True)


def _chart(rows: list[Estimate]) -> go.Figure:
    lowest = min(row.low for row in rows)
    return intervals(
        rows,
        x="AUC (0.5 chance, 1 perfect)",
        reference=0.5,
        span=(min(0.4, lowest - 0.02), 1.0),
        order=[*map(_in, _ORDER), _ACROSS],
    )


def _in(split: str) -> str:
    return "all films" if split == "all" else f"within {split}"


def _short(title: str) -> str:
    """A title as a label: "The width in pixels" is "Width in pixels"."""
    words = title.removeprefix("The ").removeprefix("A ")
    return capital(words)
