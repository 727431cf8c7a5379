"""Does the model hold at this hospital? In words above the figures, and in detail below them."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import cache, state
from pages.ui.charts.calibration import coverage_risk_chart
from pages.ui.charts.theme import figure_config
from pages.ui.html import facts_list, hint
from pneumo_core.evaluation.local_summary import VERDICTS, LocalSummary, local_summary
from pneumo_core.formatting import estimate, percent

if TYPE_CHECKING:
    import pandas as pd

    from pages.ui.metrics.predictions import Predictions
    from pneumo_core.bundle import Bundle

_ICONS = {"holds": "✓", "fit": "⚠", "train": "✕", "unknown": "?"}
NOT_MEASURED = (
    "These films came with the model: none are from your hospital. To measure the model on "
    "labelled films of your hospital, choose “New evaluation”."
)
_AT = (1.0, 0.9, 0.8, 0.7, 0.5)


def summary_of(subject: Predictions) -> LocalSummary | None:
    """What the model does with a folder's films; None for shipped and for synthetic films."""
    if subject.root is None or subject.evidence.kind == "drawn":
        return None
    bundle = cache.Keyed(subject.bundle.digest, subject.bundle)
    return _summary(subject.keyed, bundle, subject.root.name)


@st.cache_resource(show_spinner=False, max_entries=6, hash_funcs=cache.HASH_FUNCS)
def _summary(
    table: cache.Keyed[pd.DataFrame], bundle: cache.Keyed[Bundle], site: str
) -> LocalSummary:
    return local_summary(bundle.value, table.value, site=site)


def show_lead(subject: Predictions) -> None:
    """The verdict and what happens to the films, above all figures; nothing for shipped films."""
    found = summary_of(subject)
    if found is None:
        return
    more = " ".join(escape(one) for one in found.sentences)
    with st.container(border=True, key="metrics-here"):
        st.html(
            f'<p class="pn-meaning"><strong>{_ICONS[found.verdict]} '
            f"{escape(VERDICTS[found.verdict])}</strong> {escape(found.lead)}</p>"
            f'<p class="pn-hint">{more}</p>'
        )
        if found.verdict == "fit":
            offer_fit(subject)


def offer_fit(subject: Predictions) -> None:
    """The way to Models, where the model is fitted to the folder that was measured."""
    if st.button("Fit to this hospital", key="metrics.fit", type="primary", icon=":material/tune:"):
        state.fit_request.set(subject.bundle.name)
        state.fit_started.set(None)
        state.fit_folder.set(str(subject.root or ""))
        st.switch_page("pages/models.py")


def show_here(subject: Predictions) -> None:
    """Three answers by class, what stops an answer and why, and what referral would leave."""
    found = summary_of(subject)
    if found is None:
        st.info(NOT_MEASURED, icon=":material/info:")
        return
    left, right = st.columns([5, 6], gap="medium")
    with left:
        st.html(answers_html(found) + stopped_html(found))
    with right:
        st.html(
            '<h3 class="pn-chart">If the least certain films are referred</h3><p class="pn-hint">'
            "Error rate of the films that are still answered, at the balanced point, with its "
            "95\xa0% interval.</p>"
        )
        st.plotly_chart(
            cache.chart(
                (subject.key, "coverage-risk"), lambda: coverage_risk_chart(found.coverage_risk)
            ),
            key="metrics.coverage",
            config=figure_config(),
            alt="Error rate against the share of films answered",
        )
        rows = [
            (f"{percent(one, 0)} answered", estimate(found.coverage_risk.at(one), as_percent=True))
            for one in _AT
        ]
        st.html(facts_list((name, f"{value} {hint('wrong')}") for name, value in rows))
    _show_one_page(subject, found)


def answers_html(found: LocalSummary) -> str:
    """The share of each answer, by class."""
    rows = []
    for kind, name in (("normal", "● normal"), ("pneumonia", "▲ pneumonia"), ("all", "all films")):
        shares = [found.answers[f"{kind} {one}"] for one in ("called", "referred", "cleared")]
        cells = "".join(f"<td>{estimate(share, as_percent=True)}</td>" for share in shares)
        rows.append(f"<tr><th>{name}</th>{cells}</tr>")
    return (
        '<h3 class="pn-chart">What happens to the films</h3><p class="pn-hint">At the locked '
        "points; films that an input check stops count as referred. Intervals by patient.</p>"
        '<div class="pn-wide"><table class="pn-table"><thead><tr><th>Films</th><th>▲ signs</th>'
        f"<th>◆ refer</th><th>● no sign</th></tr></thead><tbody>{''.join(rows)}</tbody></table>"
        "</div>"
    )


def stopped_html(found: LocalSummary) -> str:
    """What the input checks stop, and how far the films are from the training films."""
    whole = found.n_normal + found.n_pneumonia
    rows = [(why, f"{count:,} {hint(percent(count / whole))}") for why, count in found.stopped]
    rows = rows or [("Stopped", "no film")]
    distance = f"{percent(found.distance, 0)} {hint('of the limit, median film')}"
    if found.distance == found.distance:  # NaN where the model has no such check
        rows.append(("Distance from the training films", distance))
    return '<h3 class="pn-chart">Stopped by the input checks</h3>' + facts_list(rows)


def _show_one_page(subject: Predictions, found: LocalSummary) -> None:
    """The summary for the person who decides, on one page."""
    with st.expander("One-page summary for decision makers"):
        site = st.text_input("Hospital", value=found.site, key="metrics.page.site", max_chars=60)
        author = st.text_input("Author", key="metrics.page.author", max_chars=80)
        remarks = st.text_area("Remarks", key="metrics.page.remarks", max_chars=600)
        if not st.button("Create the page", key="metrics.page.make"):
            return
        from pneumo_core.evaluation.report import build_one_page, to_html, to_pdf

        report = build_one_page(
            subject.bundle, subject.table, subject.evidence,
            site=site, films=subject.films, author=author, remarks=remarks,
        )  # fmt: skip
        name = f"pneumo-{subject.bundle.name}-here"
        with st.container(horizontal=True):
            st.download_button(
                "Page (PDF)", to_pdf(report), f"{name}.pdf", "application/pdf", on_click="ignore",
                key="metrics.page.pdf",
            )  # fmt: skip
            st.download_button(
                "Page (HTML)", to_html(report), f"{name}.html", "text/html", on_click="ignore",
                key="metrics.page.html",
            )  # fmt: skip
