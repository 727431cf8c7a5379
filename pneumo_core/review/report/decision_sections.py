"""The sections on what is done with the figures: decisions by prevalence, referrals, errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumo_core.evaluation.summary import films_by_cell
from pneumo_core.formatting import children, per_cent, plain, rate, ratio
from pneumo_core.metrics import per_thousand, predictive_values
from pneumo_core.review.report.document import Section, Table, Words

if TYPE_CHECKING:
    import pandas as pd

    from pneumo_core.evaluation.summary import Summary
    from pneumo_core.review.report.document import Cell

PREVALENCES = (0.05, 0.1, 0.2, 0.4)
MOST_ERRORS = 15


def decisions(summary: Summary) -> Section:
    """Three-way rates, and what the balanced point means at several prevalences."""
    return Section(
        "Decisions",
        (
            Words(
                "A film below the screening point is answered “no sign of pneumonia”, one from the "
                "ruling-in point on “signs of pneumonia”, and one between them is referred to a "
                "radiologist. Measured on the films as they are; a reading on the screen refers a "
                "few more, where small re-framings change its answer."
            ),
            Words(_sums(summary)),
            _three_way(summary),
            _prevalences(summary),
        ),
    )


def _sums(summary: Summary) -> str:
    """How the films of each class are answered, as counts that add up."""
    three = summary.three_way
    a = three.answered
    return (
        f"▲ {summary.n_pneumonia:,} with pneumonia = {a.tp:,} found + {three.referred_sick:,} "
        f"referred + {a.fn:,} missed. ● {summary.n_normal:,} normal = {a.tn:,} cleared + "
        f"{three.referred_well:,} referred + {a.fp:,} false alarms. The counts of two answers, "
        "above, know no refer: there a film that would be referred is called or not."
    )


def errors(table: pd.DataFrame, threshold: float) -> Section:
    """The films called wrongly, the surest first."""
    import pandas as pd

    cells = films_by_cell(table, threshold)
    wrong = pd.concat([cells["missed"], cells["false alarms"]])
    surest = (wrong["p_pneumonia"] - threshold).abs().sort_values(ascending=False, kind="stable")
    shown = wrong.loc[surest.index]
    records: list[dict[str, Cell]] = [
        {"film": film, "label": label, "subtype": subtype, "p_pneumonia": p}
        for film, label, subtype, p in shown[
            ["film", "label", "subtype", "p_pneumonia"]
        ].itertuples(index=False)
    ]
    rows = tuple(
        (
            str(one["film"]),
            str(one["subtype"] if one["subtype"] != "unknown" else one["label"]),
            per_cent(float(one["p_pneumonia"] or 0.0)),
            "missed" if one["label"] == "pneumonia" else "false alarm",
        )
        for one in records[:MOST_ERRORS]
    )
    if not rows:
        return Section("Errors", (Words("No film is called wrongly at the balanced point."),))
    left = len(records) - len(rows)
    note = f"{left:,} more in the CSV file." if left else ""
    worst = Table(
        "errors",
        "Films called wrongly at the balanced point, the surest first",
        ("film", "label", "P(pneumonia)", "error"),
        rows,
        tuple(records),
        note,
        wide=(0,),
    )
    return Section("Errors", (worst,))


def _three_way(summary: Summary) -> Table:
    three = summary.three_way
    answers = (
        ("answered", "coverage", three.coverage, "of all films"),
        ("wrong among the answered", "error", three.error, "of the answered films"),
        ("sensitivity among the answered", "sensitivity", three.sensitivity, "of pneumonia films"),
        ("specificity among the answered", "specificity", three.specificity, "of normal films"),
        ("missed", "missed", three.missed, "of all pneumonia films"),
        ("false alarms", "false_alarms", three.false_alarms, "of all normal films"),
        ("referred", "referred_of_sick", three.referred_of_sick, "of all pneumonia films"),
        ("referred", "referred_of_well", three.referred_of_well, "of all normal films"),
    )
    return Table(
        "three_way",
        "Answered or referred",
        ("rate", "value [95 % interval]", "of what"),
        tuple((name, rate(value), of) for name, _, value, of in answers),
        tuple({"rate": key, **plain(value, "value")} for _, key, value, _ in answers),
    )


def _prevalences(summary: Summary) -> Table:
    at = summary.points["balanced"]
    shares = sorted({*PREVALENCES, round(summary.prevalence, 4)})
    rows, records = [], []
    for share in shares:
        values = predictive_values(at.confusion, share)
        thousand = per_thousand(at.confusion, share)
        rows.append(
            (
                f"{100 * share:.0f} %",
                rate(values.ppv),
                rate(values.npv),
                children(thousand.missed),
                children(thousand.false_alarms),
            )
        )
        records.append(
            {
                "prevalence": share,
                **plain(values.ppv, "ppv"),
                **plain(values.npv, "npv"),
                **plain(thousand.missed, "missed_of_1000"),
                **plain(thousand.false_alarms, "false_alarms_of_1000"),
            }
        )
    own = summary.n_pneumonia / summary.n
    positive, negative = at.ratios.positive, at.ratios.negative
    return Table(
        "prevalence",
        "What a call means, by how common pneumonia is",
        ("prevalence", "PPV", "NPV", "missed of 1,000 children", "false alarms of 1,000"),
        tuple(rows),
        tuple(records),
        f"At the balanced point. {100 * own:.0f} % of these films show pneumonia, which is no "
        f"clinic's share. Likelihood ratio of a positive call {ratio(positive)}, of a negative "
        f"call {ratio(negative)}.",
    )
