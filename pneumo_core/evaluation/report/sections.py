"""Report sections on performance: headline, discrimination, calibration, decisions, errors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pneumo_core.evaluation.report.document import Section, Table, Tile, Tiles, Words
from pneumo_core.evaluation.summary import films_by_outcome
from pneumo_core.formatting import (
    NONE,
    POINT_NAMES,
    estimate,
    interval,
    number,
    per_cent,
    percent,
    ratio,
)
from pneumo_core.metrics import per_thousand, predictive_values

if TYPE_CHECKING:
    import pandas as pd

    from pneumo_core.evaluation.evidence_level import EvidenceLevel
    from pneumo_core.evaluation.report.document import Block, Cell, Picture
    from pneumo_core.evaluation.summary import Summary
    from pneumo_core.metrics import Estimate

PREVALENCES = (0.05, 0.1, 0.2, 0.4)
MOST_ERRORS = 15


def headline(summary: Summary, evidence: EvidenceLevel, pictures: dict[str, Picture]) -> Section:
    """The films, their evidence level, and the main figures in a row."""
    at, three = summary.points["balanced"], summary.three_way
    tiles = [
        _tile("Sensitivity", at.sensitivity, "of the pneumonia films; 95\xa0% interval"),
        _tile("Specificity", at.specificity, "of the normal films; 95\xa0% interval"),
        _tile("Answered", three.coverage, "of all films; the others are referred"),
        _tile("Wrong answers", three.error, "of the answered films"),
    ]
    if summary.ranking is not None:
        value, *ends = summary.ranking.auc_patients
        tiles.insert(0, Tile("AUC", f"{value:.3f}", f"{interval(ends)}, bootstrap by patient"))
    blocks: list[Block] = [
        Words(
            f"{summary.n:,} films of {summary.n_patients:,} patients: {summary.n_normal:,} normal, "
            f"{summary.n_pneumonia:,} pneumonia. {evidence.words}"
        )
    ]
    blocks += [Words(one, "warning") for one in (evidence.warning, summary.small_sample) if one]
    blocks += [Tiles(tuple(tiles)), points_table(summary)]
    blocks += [pictures["confusion"], pictures["scores"]]
    return Section("Headline", tuple(blocks))


def discrimination(summary: Summary, pictures: dict[str, Picture]) -> Section:
    """ROC and precision-recall curves, and rates at a fixed rate; or why there are none."""
    ranking = summary.ranking
    if ranking is None:
        words = "All films are of one class: discrimination cannot be measured."
        return Section("Discrimination (AUC)", (Words(words, "warning"),))
    names: tuple[tuple[str, str, Estimate], ...] = (
        ("AUC", "DeLong, films assumed independent", ranking.auc),
        ("AUC", "bootstrap by patient", ranking.auc_patients),
        ("average precision", "bootstrap by patient", ranking.average_precision),
    )
    rows = [(name, estimate(value, digits=4), how) for name, how, value in names]
    records: list[dict[str, Cell]] = [
        {"figure": name, **value.to_dict("value"), "interval": how} for name, how, value in names
    ]
    for name, held in ranking.fixed.items():
        how = f"threshold {held.threshold:.3f}, rechosen in each bootstrap sample"
        rows.append((name, estimate(held.rate, as_percent=True), how))
        records.append({"figure": name, **held.rate.to_dict("value"), "interval": how})
    table = Table(
        "ranking",
        "Over all thresholds",
        ("figure", "value [95\xa0% interval]", "interval by"),
        tuple(rows),
        tuple(records),
        "Thresholds at a fixed rate are chosen on these same films: they describe the ranking and "
        "are not operating points.",
    )
    return Section("Discrimination (AUC)", (pictures["roc"], pictures["precision_recall"], table))


def calibration(summary: Summary, pictures: dict[str, Picture]) -> Section:
    """Calibration: do predicted probabilities match observed frequencies?"""
    parts = summary.parts
    rows: list[tuple[str, str, str]] = [
        ("Brier score", estimate(summary.brier, digits=4), "0 is perfect; mean squared error"),
        (
            "calibration error",
            estimate(summary.ece, digits=4),
            "0 is perfect; corrected for chance",
        ),
        ("uncorrected (ECE)", number(summary.ece_counted, 4), "15 bins; inflated by chance"),
        ("Brier score: reliability", number(parts.reliability, 4), "0 is perfect"),
        ("Brier score: resolution", number(parts.resolution, 4), "more is better"),
        (
            "Brier score: uncertainty",
            number(parts.uncertainty, 4),
            "depends on the films, not the model",
        ),
        ("optimal temperature", number(summary.temperature, 2), "1 is ideal; above: overconfident"),
    ]
    records: list[dict[str, Cell]] = [
        {"figure": "brier", **summary.brier.to_dict("value")},
        {"figure": "ece", "value": summary.ece_counted},
        {"figure": "ece_freed_of_chance", **summary.ece.to_dict("value")},
        {"figure": "temperature", "value": summary.temperature},
    ]
    for name, value in list(parts.to_dict().items())[1:]:
        records.append({"figure": f"brier_{name}", "value": value})
    if summary.ranking is not None:
        line = summary.ranking.line
        rows += [
            ("calibration slope", estimate(line.slope, digits=2), "1 is ideal; below: too extreme"),
            ("calibration offset", estimate(line.offset, digits=2), "0 is ideal; above: too low"),
        ]
        records += [
            {"figure": "calibration_slope", **line.slope.to_dict("value")},
            {"figure": "calibration_offset", **line.offset.to_dict("value")},
        ]
    table = Table(
        "calibration",
        "Calibration of P(pneumonia)",
        ("figure", "value [95\xa0% interval]", "interpretation"),
        tuple(rows),
        tuple(records),
    )
    return Section(
        "Calibration and net benefit", (pictures["reliability"], *_decision(pictures), table)
    )


def points_table(summary: Summary) -> Table:
    """Rates at each locked point."""
    rows, records = [], []
    for name, at in summary.points.items():
        c = at.confusion
        rows.append(
            (
                POINT_NAMES[name],
                f"{at.threshold:.3f}",
                estimate(at.sensitivity, as_percent=True),
                estimate(at.specificity, as_percent=True),
                estimate(at.rates["accuracy"], as_percent=True),
                f"{c.fn:,}",
                f"{c.fp:,}",
            )
        )
        rates = {
            key: value for one, est in at.rates.items() for key, value in est.to_dict(one).items()
        }
        records.append({"point": name, "threshold": at.threshold, **c.to_dict(), **rates})
    return Table(
        "operating_points",
        "At the locked operating points",
        ("point", "from P ≥", "sensitivity", "specificity", "accuracy", "missed", "false alarms"),
        tuple(rows),
        tuple(records),
        "In brackets: Wilson's 95\xa0% interval, films taken as independent.",
    )


def _decision(pictures: dict[str, Picture]) -> tuple[Picture, ...]:
    return (pictures["decision_curve"],) if "decision_curve" in pictures else ()


def decisions(summary: Summary) -> Section:
    """Three-way rates, and what the balanced point means at several prevalences."""
    return Section(
        "Decisions",
        (
            Words(
                "A film below the screening point is answered “no sign of pneumonia”, one from the "
                "ruling-in point on “signs of pneumonia”, and one between them is referred to a "
                "radiologist. Measured on the films as they are; a reading on the screen refers a "
                "few more, whose answer changes under small crops and shifts."
            ),
            Words(_sums(summary)),
            _three_way(summary),
            _prevalences(summary),
        ),
    )


def errors(table: pd.DataFrame, threshold: float) -> Section:
    """Misclassified films, the most confident first."""
    import pandas as pd

    outcomes = films_by_outcome(table, threshold)
    wrong = pd.concat([outcomes["missed"], outcomes["false alarms"]])
    margin = (wrong["p_pneumonia"] - threshold).abs().sort_values(ascending=False, kind="stable")
    shown = wrong.loc[margin.index]
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
        return Section("Errors", (Words("No film is misclassified at the balanced point."),))
    left = len(records) - len(rows)
    note = f"{left:,} more in the CSV file." if left else ""
    worst = Table(
        "errors",
        "Films misclassified at the balanced point, the most confident first",
        ("film", "label", "P(pneumonia)", "error"),
        rows,
        tuple(records),
        note,
        wide=(0,),
    )
    return Section("Errors", (worst,))


def _sums(summary: Summary) -> str:
    """Answers by class, as counts that add up."""
    three = summary.three_way
    a = three.answered
    return (
        f"▲ {summary.n_pneumonia:,} with pneumonia = {a.tp:,} found + {three.referred_sick:,} "
        f"referred + {a.fn:,} missed. ● {summary.n_normal:,} normal = {a.tn:,} cleared + "
        f"{three.referred_well:,} referred + {a.fp:,} false alarms. With two answers, as "
        "in the counts above, referred films are called pneumonia or normal."
    )


def _three_way(summary: Summary) -> Table:
    three = summary.three_way
    answers = (
        ("answered", "coverage", three.coverage, "of all films"),
        ("errors among the answered", "error", three.error, "of the answered films"),
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
        ("rate", "value [95\xa0% interval]", "denominator"),
        tuple((name, estimate(value, as_percent=True), of) for name, _, value, of in answers),
        tuple({"rate": key, **value.to_dict("value")} for _, key, value, _ in answers),
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
                percent(share, 0),
                estimate(values.ppv, as_percent=True),
                estimate(values.npv, as_percent=True),
                estimate(thousand.missed, digits=0),
                estimate(thousand.false_alarms, digits=0),
            )
        )
        records.append(
            {
                "prevalence": share,
                **values.ppv.to_dict("ppv"),
                **values.npv.to_dict("npv"),
                **thousand.missed.to_dict("missed_of_1000"),
                **thousand.false_alarms.to_dict("false_alarms_of_1000"),
            }
        )
    own = summary.n_pneumonia / summary.n
    positive, negative = at.ratios.positive, at.ratios.negative
    return Table(
        "prevalence",
        "Predictive values by prevalence",
        ("prevalence", "PPV", "NPV", "missed of 1,000 patients", "false alarms of 1,000"),
        tuple(rows),
        tuple(records),
        f"At the balanced point. {percent(own, 0)} of these films show pneumonia, which is not the "
        f"prevalence in a clinic. Positive likelihood ratio {ratio(positive)}, negative "
        f"{ratio(negative)}.",
    )


def _tile(name: str, rate: Estimate, detail: str) -> Tile:
    if math.isnan(rate.value):
        return Tile(name, NONE, "no such film")
    ends = (100 * rate.low, 100 * rate.high)
    return Tile(name, percent(rate.value), f"{interval(ends, digits=1)} {detail}")
