"""The figures of a report, each from the arrays that hold it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.review.report.confusion import confusion
from pneumo_core.review.report.drawing import (
    ACCENT,
    GREY,
    HALF,
    INK,
    NORMAL,
    PNEUMONIA,
    REFER,
    draw,
    draw_many,
    per_cents,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from pneumo_core.metrics import AtThreshold, DecisionCurve, PrCurve, Reliability
    from pneumo_core.review.report.document import Picture
    from pneumo_core.review.summary import Histogram, Ranking, Summary

MARKS = {
    "screening": ("o", NORMAL),
    "balanced": ("s", ACCENT),
    "ruling_in": ("^", PNEUMONIA),
}
CROWDED = 0.95  # area from which the corner of the curve is drawn again


def roc(ranking: Ranking, points: dict[str, AtThreshold]) -> Picture:
    """The ROC curve with its band and the locked points."""

    def onto(axes: Axes) -> None:
        band, curve = ranking.band, ranking.roc
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=(0, (4, 4)))
        axes.fill_between(
            band.false_positive_rate, band.low, band.high, color=ACCENT, alpha=0.18, linewidth=0
        )
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
                clip_on=False,
            )
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
        "point with 95 % confidence (patients drawn anew).",
        f"ROC curve with area {ranking.auc.value:.3f} and the locked points.",
        size=HALF,
        half=True,
        onto=onto,
    )


def precision_recall(curve: PrCurve, prevalence: float) -> Picture:
    """The precision-recall curve over the share of pneumonia among the films."""

    def onto(axes: Axes) -> None:
        lowest = min(prevalence, float(curve.precision.min()))
        axes.axhline(prevalence, color=GREY, linewidth=0.8, linestyle=(0, (4, 4)))
        axes.step(
            np.r_[0, curve.recall],
            np.r_[curve.precision[0], curve.precision],
            color=ACCENT,
            where="pre",
        )
        axes.text(0.02, prevalence - 0.01, "calling all films", color=GREY, va="top", fontsize=8)
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
        "What share of the called films show pneumonia. It holds only for the share of pneumonia "
        f"among these films, {100 * prevalence:.0f} %.",
        f"Precision-recall curve; average precision {curve.average_precision:.3f}.",
        size=HALF,
        half=True,
        onto=onto,
    )


def reliability(table: Reliability) -> Picture:
    """Observed share against mean probability, and how many films stand behind each point."""

    def onto(axes: list[Axes]) -> None:
        top, below = axes
        some = table.n > 0
        p, share = table.mean_p[some], table.observed[some]
        reach = np.abs(np.stack([share - table.low[some], table.high[some] - share]))
        top.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=(0, (4, 4)))
        top.errorbar(
            p, share, yerr=reach, fmt="o", color=ACCENT, markersize=5, elinewidth=1.2, clip_on=False
        )
        top.set(xlim=(0, 1), ylim=(0, 1), ylabel="films with pneumonia")
        centres = (table.edges[1:] + table.edges[:-1]) / 2
        below.bar(centres, table.n, width=np.diff(table.edges) * 0.9, color=ACCENT, alpha=0.5)
        below.set(xlim=(0, 1), xlabel="P(pneumonia), as the model says it", ylabel="films")
        per_cents(top, "y")
        top.tick_params(labelbottom=False)
        per_cents(below, "x")

    return draw_many(
        "reliability",
        "Calibration",
        "Of the films given a probability, how many show pneumonia: on the dashed line the "
        "probability means what it says. Bars are 95 % Wilson intervals; below, films per bin.",
        "Reliability diagram in ten bins with the number of films in each.",
        size=HALF,
        half=True,
        onto=onto,
        nrows=2,
        height_ratios=(4, 1),
    )


def scores(histogram: Histogram, points: dict[str, AtThreshold]) -> Picture:
    """How films of both classes spread over the probability."""

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
        "How surely films are told apart",
        "Films by the probability they were given, pneumonia above and normal below the line, on a "
        "logarithmic scale. Between the outer points a film is referred; dashed: balanced point.",
        "Histogram of P(pneumonia) for normal and pneumonia films.",
        size=HALF,
        half=True,
        onto=onto,
    )


def decision(curve: DecisionCurve) -> Picture:
    """Net benefit against calling all films and calling none."""

    def onto(axes: Axes) -> None:
        t = curve.thresholds
        axes.axhline(0, color=GREY, linewidth=1, label="call no film")
        axes.plot(t, curve.call_all, color=GREY, linestyle=(0, (4, 3)), label="call all films")
        axes.fill_between(t, curve.low, curve.high, color=ACCENT, alpha=0.18, linewidth=0)
        axes.plot(t, curve.model, color=ACCENT, label="call by the model")
        bottom = -0.15 * max(curve.prevalence, 0.05)
        axes.set(
            xlim=(0, 0.8),
            ylim=(bottom, 1.15 * max(curve.prevalence, 0.05)),
            xlabel="threshold: chance of pneumonia from which one would act",
            ylabel="net benefit (found children a child)",
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
        "Who acts from a chance of 20 % on weighs a missed pneumonia like four false alarms. "
        "Calling by the model is worth it where its line is the highest. At a prevalence of "
        f"{100 * curve.prevalence:.0f} %.",
        "Net benefit of the model, of calling all films and of calling none.",
        size=HALF,
        half=True,
        onto=onto,
    )


def _corner(axes: Axes, ranking: Ranking, points: dict[str, AtThreshold]) -> None:
    """The upper left corner again, larger: a good model's points crowd there."""
    inset = axes.inset_axes((0.36, 0.34, 0.58, 0.54))
    band, curve = ranking.band, ranking.roc
    inset.fill_between(
        band.false_positive_rate, band.low, band.high, color=ACCENT, alpha=0.18, linewidth=0
    )
    inset.plot(curve.false_positive_rate, curve.sensitivity, color=ACCENT)
    for name, at in points.items():
        marker, colour = MARKS[name]
        alarms, hits = 1 - at.specificity.value, at.sensitivity.value
        inset.plot(alarms, hits, marker, color=colour, markeredgecolor="white", markersize=8)
    inset.set(xlim=(-0.004, 0.2), ylim=(0.8, 1.005), xticks=[0, 0.1, 0.2], yticks=[0.8, 0.9, 1.0])
    inset.tick_params(labelsize=7)
    per_cents(inset)


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
