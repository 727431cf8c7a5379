"""Downloads: the report as HTML and PDF, all tables as CSV and JSON."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.ui import state
from pages.ui.metrics.measures import EXPLORING
from pneumo_core.bundle.provenance import disclaimer
from pneumo_core.evaluation.test_log import logged_evaluations
from pneumo_core.formatting import percent

if TYPE_CHECKING:
    from pages.ui.metrics.measures import Measures
    from pages.ui.metrics.predictions import Predictions
    from pneumo_core.evaluation.report import Report
    from pneumo_core.metrics import AtThreshold


@dataclass(frozen=True)
class Made:
    """A report in every format; `of` is the key of its content."""

    of: tuple[str, int, int]
    html: bytes
    pdf: bytes
    tables: bytes
    json: bytes


def show_exports(subject: Predictions, measures: Measures, at: AtThreshold) -> None:
    """The report, made when asked for, and what the slider shows right now."""
    st.caption(
        "The report uses the locked thresholds, not the slider. It has all figures, the CLAIM 2024 "
        "and TRIPOD+AI checklists, and the disclaimer."
    )
    with st.expander("Hospital, author and remarks in the report"):
        head = {
            "site": st.text_input("Hospital", key="metrics.report.site", max_chars=60),
            "author": st.text_input("Author", key="metrics.report.author", max_chars=80),
            "remarks": st.text_area("Remarks", key="metrics.report.remarks", max_chars=600),
        }
    key = "\n".join([subject.key, *head.values()])
    of = (key, state.prevalence.get(), len(logged_evaluations(subject.bundle)))
    made: Made | None = state.report.get()
    if made is None or made.of != of:
        if not st.button(
            "Create the report", type="primary", key="metrics.make", icon=":material/description:"
        ):
            _show_now(subject, measures, at)
            return
        made = _make(subject, of, head)
        state.report.set(made)
    name = f"pneumo-{subject.bundle.name}"
    with st.container(horizontal=True):
        _offer("Report (HTML)", made.html, f"{name}.html", "text/html")
        _offer("Report (PDF)", made.pdf, f"{name}.pdf", "application/pdf")
        _offer("All tables (CSV)", made.tables, f"{name}-tables.zip", "application/zip")
        _offer("All tables (JSON)", made.json, f"{name}-tables.json", "application/json")
    _show_now(subject, measures, at)


def _make(subject: Predictions, of: tuple[str, int, int], head: dict[str, str]) -> Made:
    from pneumo_core.evaluation.report import as_json, build_report, to_html, to_pdf

    with st.status("Creating the report: figures and intervals…", expanded=True) as status:
        report = build_report(
            subject.bundle,
            subject.table,
            subject.evidence,
            films=subject.films,
            evaluations=logged_evaluations(subject.bundle),
            prevalence=of[1] / 100,
            **head,
        )
        status.update(label="Creating the report: HTML…")
        html = to_html(report).encode("utf-8")
        status.update(label="Creating the report: PDF…")
        pdf = to_pdf(report)
        status.update(label="The report is ready.", state="complete", expanded=False)
    tables = json.dumps(as_json(report), indent=1, ensure_ascii=False, allow_nan=False)
    return Made(of, html, pdf, tables_zip(report), tables.encode("utf-8"))


def tables_zip(report: Report) -> bytes:
    """A CSV file a table, and what they are of with the disclaimer, as a zip."""
    from pneumo_core.evaluation.report.document import to_csv

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        about = (report.title, report.subtitle, report.badge, "", report.disclaimer)
        archive.writestr("README.txt", "\n".join(about) + "\n")
        for table in report.tables:
            archive.writestr(f"{table.name}.csv", to_csv(table))
    return out.getvalue()


def figures_now(subject: Predictions, measures: Measures, at: AtThreshold) -> dict[str, Any]:
    """The figures at the current threshold, and how far they are evidence."""
    point = measures.point_at(at.threshold)
    return {
        "model": f"{subject.bundle.name} {subject.bundle.version}",
        "films": subject.films,
        "standing": subject.evidence.to_dict(),
        "threshold_is": f"locked on validation ({point})" if point else EXPLORING,
        "figures": _finite(at.to_dict()),
        "disclaimer": disclaimer(subject.bundle),
    }


def _show_now(subject: Predictions, measures: Measures, at: AtThreshold) -> None:
    _offer(
        f"Figures at the current threshold, {percent(at.threshold)} (JSON)",
        json.dumps(figures_now(subject, measures, at), indent=1, ensure_ascii=False).encode(),
        f"pneumo-{subject.bundle.name}-figures.json",
        "application/json",
    )


def _offer(label: str, data: bytes, name: str, mime: str) -> None:
    st.download_button(
        label, data, name, mime, icon=":material/download:", on_click="ignore",
        key=f"metrics.take.{name}",
    )  # fmt: skip


def _finite(value: Any) -> Any:
    """JSON has no word for NaN and infinity: None."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, float) and not abs(value) < float("inf"):
        return None
    return value
