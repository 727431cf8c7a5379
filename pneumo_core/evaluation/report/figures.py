"""Figures of a report: curves, confusion matrix, subgroups, robustness; and all of them by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.evaluation.report.figure_style import (
    ACCENT,
    GREY,
    INK,
    NORMAL,
    PNEUMONIA,
    REFER,
    draw,
    draw_many,
    per_cents,
)
from pneumo_core.formatting import percent
from pneumo_core.metrics.intervals import SMALL_SAMPLE, is_small_sample

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from pneumo_core.evaluation.report.document import Picture
    from pneumo_core.evaluation.summary import Histogram, Ranking, Summary
    from pneumo_core.metrics import AtThreshold, DecisionCurve, PrCurve, Reliability


MARKS = {
    "screening": ("o", NORMAL),
    "balanced": ("s", ACCENT),
    "ruling_in": ("^", PNEUMONIA),
}
BAND: dict[str, Any] = {"color": ACCENT, "alpha": 0.18, "linewidth": 0}
CHANCE: dict[str, Any] = {"color": GREY, "linewidth": 0.8, "linestyle": (0, (4, 4))}
CROWDED = 0.95  # area above which the corner of the curve is shown enlarged


def of(summary: Summary) -> dict[str, Picture]:
    """Every figure that the films allow, by name."""
    found = {
        "confusion": confusion(summary.points["balanced"]),
        "reliability": reliability(summary.reliability),
        "scores": scores(summary.histogram, summary.points),
    }
    if summary.ranking is not None:
        share = summary.n_pneumonia / summary.n
        found |= {
            "roc": roc(summary.ranking, summary.points),
            "precision_recall": precision_recall(summary.ranking.pr, share),
            "decision_curve": decision(summary.ranking.decision),
        }
    return found


def reliability(table: Reliability) -> Picture:
    """Observed frequency against predicted probability, and the number of films per bin."""

    def onto(axes: list[Axes]) -> None:
        top, below = axes
        some = table.n > 0
        p, share = table.mean_p[some], table.observed[some]
        reach = np.abs(np.stack([share - table.low[some], table.high[some] - share]))
        top.plot([0, 1], [0, 1], **CHANCE)
        top.errorbar(
            p, share, yerr=reach, fmt="o", color=ACCENT, markersize=5, elinewidth=1.2, clip_on=False
        )
        top.set(xlim=(0, 1), ylim=(0, 1), ylabel="observed pneumonia")
        centres = (table.edges[1:] + table.edges[:-1]) / 2
        below.bar(centres, table.n, width=np.diff(table.edges) * 0.9, color=ACCENT, alpha=0.5)
        below.set(xlim=(0, 1), xlabel="predicted P(pneumonia)", ylabel="films")
        per_cents(top, "y")
        top.tick_params(labelbottom=False)
        per_cents(below, "x")

    return draw_many(
        "reliability",
        "Calibration",
        "Observed frequency of pneumonia by predicted probability; the dashed line is perfect "
        "calibration. Bars are 95\xa0% Wilson intervals; below, films per bin.",
        "Reliability diagram in ten bins with the number of films in each.",
        onto=onto,
        nrows=2,
        height_ratios=(4, 1),
    )


def scores(histogram: Histogram, points: dict[str, AtThreshold]) -> Picture:
    """Distribution of P(pneumonia) in both classes."""

    def onto(axes: Axes) -> None:
        width = np.diff(histogram.edges)
        left = histogram.edges[:-1]
        most = max(int(histogram.normal.max()), int(histogram.pneumonia.max()), 1)
        axes.bar(left, histogram.pneumonia, width, align="edge", color=PNEUMONIA, label="pneumonia")
        axes.bar(left, -histogram.normal, width, align="edge", color=NORMAL, label="normal")
        low, high = points["screening"].threshold, points["ruling_in"].threshold
        axes.axvspan(low, high, color=REFER, alpha=0.12, linewidth=0)
        axes.text((low + high) / 2, most * 0.9, "refer", color=REFER, ha="center", fontsize=8)
        axes.axvline(points["balanced"].threshold, color=INK, linewidth=1, linestyle=(0, (3, 2)))
        axes.axhline(0, color=GREY, linewidth=0.8)
        axes.set_yscale("symlog", linthresh=5)
        axes.set(xlim=(0, 1), xlabel="P(pneumonia)", ylabel="films (normal below)")
        axes.yaxis.set_major_formatter(lambda value, _: f"{abs(value):,.0f}")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0)
        per_cents(axes, "x")

    return draw(
        "scores",
        "Distribution of P(pneumonia)",
        "Films by predicted probability, pneumonia above and normal below the line, on a "
        "logarithmic scale. Between the outer points a film is referred; dashed: balanced point.",
        "Histogram of P(pneumonia) for normal and pneumonia films.",
        onto=onto,
    )


def confusion(at: AtThreshold) -> Picture:
    """The four counts at the balanced point."""

    def onto(axes: Axes) -> None:
        c = at.confusion
        outcomes = (
            (0, 1, c.tp, "true positives", PNEUMONIA, 0.9),
            (1, 1, c.fn, "missed", PNEUMONIA, 0.25),
            (0, 0, c.fp, "false alarms", NORMAL, 0.25),
            (1, 0, c.tn, "true negatives", NORMAL, 0.9),
        )
        for x, y, count, word, colour, strength in outcomes:
            axes.add_patch(_tile(x, y, colour, strength))
            ink = "white" if strength > 0.5 else INK
            axes.text(x + 0.5, y + 0.56, f"{count:,}", ha="center", fontsize=20, color=ink)
            axes.text(x + 0.5, y + 0.3, word, ha="center", fontsize=9, color=ink)
        axes.set(xlim=(0, 2), ylim=(0, 2), xticks=[0.5, 1.5], yticks=[0.5, 1.5])
        axes.set_xticklabels(["called pneumonia", "called normal"])
        axes.set_yticklabels(["normal\nfilms", "pneumonia\nfilms"])
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.grid(visible=False)
        for spine in axes.spines.values():
            spine.set_visible(False)

    c = at.confusion
    return draw(
        "confusion",
        "Confusion matrix",
        f"At the balanced point, P(pneumonia) ≥ {at.threshold:.3f}.",
        f"{c.tp} true positives, {c.fn} missed, {c.fp} false alarms, {c.tn} true negatives.",
        onto=onto,
    )


def roc(ranking: Ranking, points: dict[str, AtThreshold]) -> Picture:
    """The ROC curve with its band and the locked points."""

    def onto(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], **CHANCE)
        _curve(axes, ranking, points)
        axes.set(
            xlim=(0, 1),
            ylim=(0, 1),
            xlabel="1 − specificity (normal films called)",
            ylabel="sensitivity (pneumonia films called)",
        )
        axes.legend(loc="lower right", title="locked points on P(pneumonia)", title_fontsize=8)
        per_cents(axes)
        if ranking.auc.value > CROWDED:
            _corner(axes, ranking, points)

    return draw(
        "roc",
        "ROC curve",
        "Sensitivity against false alarms over all thresholds. The band holds the curve point by "
        "point with 95\xa0% confidence (bootstrap by patient).",
        f"ROC curve with area {ranking.auc.value:.3f} and the locked points.",
        onto=onto,
    )


def precision_recall(curve: PrCurve, prevalence: float) -> Picture:
    """The precision-recall curve over the share of pneumonia among the films."""

    def onto(axes: Axes) -> None:
        lowest = min(prevalence, float(curve.precision.min()))
        axes.axhline(prevalence, **CHANCE)
        recall, precision = np.r_[0, curve.recall], np.r_[curve.precision[0], curve.precision]
        axes.step(recall, precision, color=ACCENT, where="pre")
        axes.text(0.02, prevalence - 0.01, "call all films", color=GREY, va="top", fontsize=8)
        axes.set(
            xlim=(0, 1),
            ylim=(max(0.0, np.floor(10 * lowest) / 10 - 0.1), 1.01),
            xlabel="recall (sensitivity)",
            ylabel="precision (PPV among these films)",
        )
        per_cents(axes)

    return draw(
        "precision_recall",
        "Precision and recall",
        "Share of the films called pneumonia that show it (PPV), valid only at the prevalence "
        f"among these films, {percent(prevalence, 0)}.",
        f"Precision-recall curve; average precision {curve.average_precision:.3f}.",
        onto=onto,
    )


def decision(curve: DecisionCurve) -> Picture:
    """Net benefit against calling all films and calling none."""

    def onto(axes: Axes) -> None:
        t = curve.thresholds
        axes.axhline(0, color=GREY, linewidth=1, label="call no film")
        axes.plot(t, curve.call_all, color=GREY, linestyle=(0, (4, 3)), label="call all films")
        axes.fill_between(t, curve.low, curve.high, **BAND)
        axes.plot(t, curve.model, color=ACCENT, label="call by the model")
        bottom = -0.15 * max(curve.prevalence, 0.05)
        axes.set(
            xlim=(0, 0.8),
            ylim=(bottom, 1.15 * max(curve.prevalence, 0.05)),
            xlabel="threshold probability",
            ylabel="net benefit (true positives per patient)",
        )
        axes.legend(
            loc="lower left",
            bbox_to_anchor=(0, 1),
            borderaxespad=0,
            ncols=3,
            fontsize=7,
            columnspacing=1,
        )
        per_cents(axes, "x")

    return draw(
        "decision_curve",
        "Decision curve",
        "Acting from a probability of 20\xa0% weighs a missed pneumonia like four false alarms. "
        "The model is useful where its line is the highest. At a prevalence of "
        f"{percent(curve.prevalence, 0)}.",
        "Net benefit of the model, of calling all films and of calling none.",
        onto=onto,
    )


def forest(groups: pd.DataFrame) -> Picture:
    """Sensitivity and specificity of each subgroup with their intervals."""
    rows: list[dict[str, Any]] = [dict(row) for _, row in groups.iterrows()]
    names = [row["group"] if row["by"] == "all" else f"{row['by']}: {row['group']}" for row in rows]

    def onto(axes: list[Axes]) -> None:
        places = np.arange(len(rows))[::-1]
        for one, rate, colour in (
            (axes[0], "sensitivity", PNEUMONIA),
            (axes[1], "specificity", NORMAL),
        ):
            _forest_panel(one, rows, places, rate, colour)
        axes[0].set_yticks(places, names)
        axes[1].tick_params(labelleft=False)

    return draw_many(
        "subgroups",
        "Rates by subgroup",
        "Rates at the balanced point with 95\xa0% Wilson intervals; the line is that of all films. "
        f"Hollow: fewer than {SMALL_SAMPLE} films.",
        "Forest plot of sensitivity and specificity by subgroup.",
        size=(9.0, 0.9 + 0.27 * len(rows)),
        onto=onto,
        ncols=2,
        sharey=True,
    )


def robustness(rows: list[dict[str, Any]]) -> Picture:
    """The largest 16 costs of perturbations at the balanced point; rows of a card's "stress"."""
    measured = [row for row in rows[1:] if _cost(row) is not None]
    worst = sorted(measured, key=lambda row: -(_cost(row) or 0.0))[:16]
    bare = sum(not row.get("keeps_lungs", True) for row in measured)
    without = f", {bare} of them without lungs," if bare else ""

    def onto(axes: Axes) -> None:
        places = np.arange(len(worst))[::-1]
        for rate, colour, marker, up in (
            ("sensitivity", PNEUMONIA, "^", 0.13),
            ("specificity", NORMAL, "o", -0.13),
        ):
            known = [
                (y, row)
                for y, row in zip(places, worst, strict=True)
                if row[f"cost_{rate}"] is not None
            ]
            y = [one[0] + up for one in known]
            cost, low, high = (
                np.array([one[1][f"cost_{rate}{end}"] for one in known])
                for end in ("", "_low", "_high")
            )
            axes.errorbar(
                cost,
                y,
                xerr=[cost - low, high - cost],
                fmt=marker,
                color=colour,
                markersize=5,
                elinewidth=1.2,
                label=rate,
            )
        axes.axvline(0, color=GREY, linewidth=1)
        axes.set_yticks(places, [row["name"] for row in worst])
        axes.set(xlabel="cost in percentage points (right of the line: worse than unperturbed)")
        axes.legend(loc="lower right")

    return draw(
        "stress",
        "Cost of perturbations",
        f"The {len(worst)} largest of {len(measured)} perturbations{without} at the balanced "
        "point, with paired 95\xa0% intervals.",
        "Cost of each perturbation in sensitivity and specificity.",
        size=(9.0, 1.0 + 0.32 * len(worst)),
        onto=onto,
    )


def _tile(x: float, y: float, colour: str, strength: float) -> Any:
    from matplotlib.patches import FancyBboxPatch

    return FancyBboxPatch(
        (x + 0.04, y + 0.04),
        0.92,
        0.92,
        boxstyle="round,pad=0,rounding_size=0.05",
        facecolor=colour,
        alpha=strength,
        linewidth=0,
    )


def _curve(
    axes: Axes, ranking: Ranking, points: dict[str, AtThreshold], *, clip_on: bool = False
) -> None:
    """The ROC curve, its band and its locked points."""
    band, curve = ranking.band, ranking.roc
    axes.fill_between(band.false_positive_rate, band.low, band.high, **BAND)
    axes.plot(curve.false_positive_rate, curve.sensitivity, color=ACCENT)
    for name, at in points.items():
        marker, colour = MARKS[name]
        axes.plot(
            1 - at.specificity.value,
            at.sensitivity.value,
            marker,
            color=colour,
            markeredgecolor="white",
            markersize=8,
            label=f"{name.replace('_', ' ')}, {at.threshold:.3f}",
            zorder=5,
            clip_on=clip_on,
        )


def _corner(axes: Axes, ranking: Ranking, points: dict[str, AtThreshold]) -> None:
    """The upper left corner again, larger: a good model's points crowd there."""
    inset = axes.inset_axes((0.36, 0.34, 0.58, 0.54))
    _curve(inset, ranking, points, clip_on=True)
    inset.set(xlim=(-0.004, 0.2), ylim=(0.8, 1.005), xticks=[0, 0.1, 0.2], yticks=[0.8, 0.9, 1.0])
    inset.tick_params(labelsize=7)
    per_cents(inset)


def _forest_panel(
    axes: Axes, rows: list[dict[str, Any]], places: Any, rate: str, colour: str
) -> None:
    for y, row in zip(places, rows, strict=True):
        if np.isnan(row[rate]):
            continue
        value, low, high = row[rate], row[f"{rate}_low"], row[f"{rate}_high"]
        small = is_small_sample(row["n_pneumonia" if rate == "sensitivity" else "n_normal"])
        axes.errorbar(
            value,
            y,
            xerr=[[max(0.0, value - low)], [max(0.0, high - value)]],
            fmt="D" if row["by"] == "all" else "o",
            color=colour,
            markerfacecolor="white" if small else colour,
            markersize=6,
            elinewidth=1.4,
        )
    if not np.isnan(rows[0][rate]):
        axes.axvline(rows[0][rate], **CHANCE)
    known = [row[f"{rate}_low"] for row in rows if not np.isnan(row[rate])]
    axes.set(xlim=(max(0.0, min([*known, 0.9]) - 0.02), 1.005), xlabel=rate)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.grid(visible=False, axis="y")
    per_cents(axes, "x")


def _cost(row: dict[str, Any]) -> float | None:
    costs = [row[f"cost_{rate}"] for rate in ("sensitivity", "specificity")]
    known = [cost for cost in costs if cost is not None]
    return max(known) if known else None
