"""The sections on figures: headline, telling films apart, calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumo_core.formatting import NONE, POINT_NAMES, area, decimal, finite, number, plain, rate
from pneumo_core.review.report.document import Section, Table, Tile, Tiles, Words

if TYPE_CHECKING:
    from pneumo_core.evaluation.evidence_level import Standing
    from pneumo_core.evaluation.summary import Summary
    from pneumo_core.metrics import Estimate
    from pneumo_core.review.report.document import Block, Cell, Picture


def headline(summary: Summary, standing: Standing, pictures: dict[str, Picture]) -> Section:
    """What the figures are of, and the main ones in a row."""
    at, three = summary.points["balanced"], summary.three_way
    tiles = [
        _tile("Sensitivity", at.sensitivity, "of the pneumonia films called, 95 % interval"),
        _tile("Specificity", at.specificity, "of the normal films cleared, 95 % interval"),
        _tile("Answered", three.coverage, "of the films; the others are referred"),
        _tile("Wrong answers", three.error, "of the answered films"),
    ]
    if summary.ranking is not None:
        value, low, high = summary.ranking.auc_patients
        of = f"[{low:.3f}–{high:.3f}] patients drawn anew"
        tiles.insert(0, Tile("AUC", f"{value:.3f}", of))
    blocks: list[Block] = [
        Words(
            f"{summary.n:,} films of {summary.n_patients:,} patients: {summary.n_normal:,} normal, "
            f"{summary.n_pneumonia:,} pneumonia. {standing.words}"
        )
    ]
    blocks += [Words(one, "warning") for one in (standing.warning, summary.small_sample) if one]
    blocks += [Tiles(tuple(tiles)), points_table(summary)]
    blocks += [pictures["confusion"], pictures["scores"]]
    return Section("Headline", tuple(blocks))


def telling_apart(summary: Summary, pictures: dict[str, Picture]) -> Section:
    """ROC, precision and recall, and rates at a fixed rate; or why there are none."""
    ranking = summary.ranking
    if ranking is None:
        words = "All films are of one class: there is no ranking to measure."
        return Section("Telling films apart", (Words(words, "warning"),))
    names: tuple[tuple[str, str, Estimate], ...] = (
        ("AUC", "DeLong, films taken as independent", ranking.auc),
        ("AUC", "bootstrap, patients drawn anew", ranking.auc_patients),
        ("average precision", "bootstrap, patients drawn anew", ranking.average_precision),
    )
    rows = [(name, area(value), how) for name, how, value in names]
    records: list[dict[str, Cell]] = [
        {"figure": name, **plain(value, "value"), "interval": how} for name, how, value in names
    ]
    for name, held in ranking.fixed.items():
        how = f"threshold {held.threshold:.3f}, chosen anew in each draw"
        rows.append((name, rate(held.rate), how))
        records.append({"figure": name, **plain(held.rate, "value"), "interval": how})
    table = Table(
        "ranking",
        "Over all thresholds",
        ("figure", "value [95 % interval]", "interval by"),
        tuple(rows),
        tuple(records),
        "Thresholds at a fixed rate are chosen on these very films: they describe the ranking and "
        "are no operating points.",
    )
    return Section("Telling films apart", (pictures["roc"], pictures["precision_recall"], table))


def calibration(summary: Summary, pictures: dict[str, Picture]) -> Section:
    """Whether a probability means what it says."""
    parts = summary.parts
    rows: list[tuple[str, str, str]] = [
        ("Brier score", decimal(summary.brier, 4), "0 is perfect; mean squared error"),
        ("calibration error", decimal(summary.ece, 4), "0 is perfect; freed of chance"),
        ("as usually counted (ECE)", number(summary.ece_counted, 4), "15 bins; chance adds to it"),
        ("of the Brier score: reliability", number(parts.reliability, 4), "0 is perfect"),
        ("of the Brier score: resolution", number(parts.resolution, 4), "more is better"),
        ("of the Brier score: uncertainty", number(parts.uncertainty, 4), "of the films alone"),
        ("temperature asked for", number(summary.temperature, 2), "1 is ideal, above: too sure"),
    ]
    records: list[dict[str, Cell]] = [
        {"figure": "brier", **plain(summary.brier, "value")},
        {"figure": "ece", "value": summary.ece_counted},
        {"figure": "ece_freed_of_chance", **plain(summary.ece, "value")},
        {"figure": "temperature", "value": summary.temperature},
    ]
    for name, value in list(parts.as_dict().items())[1:]:
        records.append({"figure": f"brier_{name}", "value": value})
    if summary.ranking is not None:
        line = summary.ranking.line
        rows += [
            ("calibration slope", decimal(line.slope, 2), "1 is ideal, below: too extreme"),
            ("calibration offset", decimal(line.offset, 2), "0 is ideal, above: too low"),
        ]
        records += [
            {"figure": "calibration_slope", **plain(line.slope, "value")},
            {"figure": "calibration_offset", **plain(line.offset, "value")},
        ]
    table = Table(
        "calibration",
        "Does a probability mean what it says?",
        ("figure", "value [95 % interval]", "how to read it"),
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
                rate(at.sensitivity),
                rate(at.specificity),
                rate(at.rates["accuracy"]),
                f"{c.fn:,}",
                f"{c.fp:,}",
            )
        )
        rates = {
            key: value for one, est in at.rates.items() for key, value in plain(est, one).items()
        }
        records.append({"point": name, "threshold": at.threshold, **c.as_dict(), **rates})
    return Table(
        "operating_points",
        "At the locked operating points",
        ("point", "from P ≥", "sensitivity", "specificity", "accuracy", "missed", "false alarms"),
        tuple(rows),
        tuple(records),
        "In brackets: Wilson's 95 % interval, films taken as independent.",
    )


def _decision(pictures: dict[str, Picture]) -> tuple[Picture, ...]:
    return (pictures["decision_curve"],) if "decision_curve" in pictures else ()


def _tile(name: str, estimate: Estimate, detail: str) -> Tile:
    if finite(estimate.value) is None:
        return Tile(name, NONE, "no such film")
    value, low, high = (100 * end for end in estimate)
    return Tile(name, f"{value:.1f} %", f"[{low:.1f}–{high:.1f}] {detail}")
