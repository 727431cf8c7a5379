"""The curves of a report, each from the arrays that hold it; and all figures by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.review.report.confusion import confusion
from pneumo_core.review.report.drawing import (
    ACCENT,
    GREY,
    HALF,
    NORMAL,
    PNEUMONIA,
    draw,
    per_cents,
)
from pneumo_core.review.report.probability_figures import reliability, scores

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from pneumo_core.evaluation.summary import Ranking, Summary
    from pneumo_core.metrics import AtThreshold, DecisionCurve, PrCurve
    from pneumo_core.review.report.document import Picture

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
