"""Does a model hold at a hospital? What it does with its films, against its card, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pneumo_core import metrics
from pneumo_core.dataset.film_facts import FilmFacts, readable_films
from pneumo_core.dataset.index import as_index, index_rows
from pneumo_core.dataset.layout import Listing, images_below
from pneumo_core.errors import DataSetError
from pneumo_core.evaluation.evaluate import predict_films, shipped_predictions
from pneumo_core.evaluation.film_answers import CHECKS, NOT_CHEST
from pneumo_core.formatting import estimate, interval, percent
from pneumo_core.metrics.bootstrap import ROUNDS, grouped_bootstrap_share
from pneumo_core.metrics.intervals import SMALL_SAMPLE, Estimate
from pneumo_core.metrics.recalibration import (
    EstimatedPrevalence,
    best_temperature,
    prevalence_by_em,
)
from pneumo_core.progress import Progress, silent

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from pneumo_core.bundle import Bundle
    from pneumo_core.metrics.clinical import CoverageRisk

Verdict = Literal["holds", "fit", "train", "unknown"]
LOWEST_AUC = 0.80  # as `bundle.reliability`: below it discrimination is acceptable at most
LARGEST_ECE = 0.10
VERDICTS: dict[Verdict, str] = {
    "holds": "The model holds on these films.",
    "fit": "The thresholds do not hold here, but the ranking does: fit the model to these films.",
    "train": "The ranking does not hold here. New thresholds cannot fix it: train on local films.",
    "unknown": "Too few films to say whether the model holds here.",
}
_ASSUMPTION = (
    "This assumes that only the share of pneumonia differs from the films that the model was "
    "calibrated on, and that sick and well films look alike in both places. With another device, "
    "other ages or another kind of pneumonia the estimate is wrong, and nothing in it shows that."
)
_NO_CHANGE = (
    "Nothing was changed. Without labels the ranking may hold while the thresholds do not; only "
    "labelled films show which."
)


@dataclass(frozen=True)
class Fall:
    """A figure that is lower here than on the films of the model's own validation."""

    figure: str
    home: Estimate
    here: Estimate

    @property
    def words(self) -> str:
        """In words: "AUC 0.905 [0.87–0.93] here, 0.997 [0.99–1.00] in the model's validation"."""
        shown = [estimate(one, as_percent=self.figure != "AUC") for one in (self.here, self.home)]
        return f"{self.figure} {shown[0]} here, {shown[1]} in the model's validation"


@dataclass(frozen=True, eq=False)
class LocalSummary:
    """A model on labelled films of a hospital, at its locked points.

    answers: share cleared, referred and called, of "normal", "pneumonia" and "all" films, with
    intervals by bootstrap over patients; a film that an input check stops counts as referred.
    stopped: count by what stops an answer, most frequent first; distance: median of the films'
    distance from the training films as a share of the limit, NaN where not measured; falls: what is
    lower than in the model's validation beyond chance; temperature: that fits best, 1 is ideal.
    """

    site: str
    n_normal: int
    n_pneumonia: int
    answers: dict[str, Estimate]
    stopped: tuple[tuple[str, int], ...]
    distance: float
    falls: tuple[Fall, ...]
    auc: Estimate | None
    ece: float
    temperature: float
    coverage_risk: CoverageRisk
    verdict: Verdict

    @property
    def lead(self) -> str:
        """What happens to the films, in one or two sentences."""
        of, parts = self.answers, []
        if self.n_normal:
            parts.append(
                f"{_share(of['normal cleared'])} of normal films are cleared; "
                f"{_share(of['normal called'])} are called pneumonia."
            )
        if self.n_pneumonia:
            parts.append(
                f"Of films with pneumonia {_share(of['pneumonia called'])} are called pneumonia; "
                f"{_share(of['pneumonia cleared'])} are cleared."
            )
        return f"At {self.site} {' '.join(parts)}"

    @property
    def sentences(self) -> tuple[str, ...]:
        """What else a person should know, a sentence each."""
        found = []
        if self.falls:
            found.append(f"Lower than expected: {'; '.join(one.words for one in self.falls)}.")
        if self.stopped:
            whole = self.n_normal + self.n_pneumonia
            named = ", ".join(f"{count:,} {why}" for why, count in self.stopped)
            share = percent(sum(count for _, count in self.stopped) / whole, 0)
            found.append(f"The input checks stop {share} of the films: {named}.")
        if not np.isnan(self.distance):
            found.append(
                f"Half of the films are at more than {percent(self.distance, 0)} of the allowed "
                "distance from the training films."
            )
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "site": self.site,
            "words": self.lead,
            "verdict": self.verdict,
            "verdict_words": VERDICTS[self.verdict],
            "answers": {name: share.to_dict() for name, share in self.answers.items()},
            "stopped": [{"why": why, "count": count} for why, count in self.stopped],
            "distance": None if np.isnan(self.distance) else self.distance,
            "falls": [
                {"figure": one.figure, "home": one.home.to_dict(), "here": one.here.to_dict()}
                for one in self.falls
            ],
            "temperature": self.temperature,
            "coverage_risk": [
                {"coverage": at, **self.coverage_risk.at(at).to_dict("risk")}
                for at in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
            ],
        }


def local_summary(bundle: Bundle, table: pd.DataFrame, *, site: str) -> LocalSummary:
    """Whether `bundle` holds on the films of `table`, as `evaluate_split` gives it.

    Without the columns `check` and `distance` no film counts as stopped. Raises ValueError.
    """
    positive = (table["label"] == "pneumonia").to_numpy()
    p, groups = table["p_pneumonia"].to_numpy(np.float64), table["group"].to_numpy()
    check = table["check"].to_numpy(str) if "check" in table else np.full(len(table), "")
    distance = table["distance"].to_numpy(np.float64) if "distance" in table else np.array([np.nan])
    rates = metrics.confusion(positive, p, bundle.points.balanced).rates()
    both = bool(positive.any() and not positive.all())
    auc = None
    if both:
        auc = metrics.grouped_bootstrap_auc(positive, p, groups, seed=0, rounds=ROUNDS)
    here = {"AUC": auc, **{name: rates[name] for name in ("sensitivity", "specificity")}}
    falls = tuple(_falls(bundle, here))
    error = metrics.ece(positive, p)
    counts = {name: int((check == name).sum()) for name in CHECKS}
    return LocalSummary(
        site=site,
        n_normal=int((~positive).sum()),
        n_pneumonia=int(positive.sum()),
        answers=_answers(bundle, positive, p, groups, check != ""),
        stopped=tuple(sorted(((w, n) for w, n in counts.items() if n), key=lambda one: -one[1])),
        distance=float(np.nanmedian(distance)) if np.isfinite(distance).any() else np.nan,
        falls=falls,
        auc=auc,
        ece=error,
        temperature=best_temperature(positive, p),
        coverage_risk=metrics.coverage_risk(positive, p, bundle.points.balanced),
        verdict=_verdict(positive, auc, falls, error),
    )


def _answers(
    bundle: Bundle,
    positive: np.ndarray[Any, np.dtype[np.bool_]],
    p: np.ndarray[Any, np.dtype[np.float64]],
    groups: np.ndarray[Any, np.dtype[Any]],
    stopped: np.ndarray[Any, np.dtype[np.bool_]],
) -> dict[str, Estimate]:
    cleared = (p < bundle.points.screening) & ~stopped
    called = (p >= bundle.points.ruling_in) & ~stopped
    given = {"cleared": cleared, "referred": ~(cleared | called), "called": called}
    of = {"normal": ~positive, "pneumonia": positive, "all": np.ones_like(positive)}
    return {
        f"{kind} {name}": grouped_bootstrap_share(hits, among, groups)
        for kind, among in of.items()
        for name, hits in given.items()
    }


def _falls(bundle: Bundle, here: dict[str, Estimate | None]) -> list[Fall]:
    """Figures whose interval here lies below that of the card."""
    card, found = bundle.card, []
    at_point = {
        "AUC": card.figure("auc"),
        "sensitivity": card.balanced.sensitivity,
        "specificity": card.balanced.specificity,
    }
    for name, value in here.items():
        home = at_point[name]
        if isinstance(home, Estimate) and value is not None and value.high < home.low:
            found.append(Fall(name, home, value))
    return found


def _verdict(
    positive: np.ndarray[Any, np.dtype[np.bool_]],
    auc: Estimate | None,
    falls: tuple[Fall, ...],
    error: float,
) -> Verdict:
    if auc is None or min(positive.sum(), (~positive).sum()) < SMALL_SAMPLE:
        return "unknown"
    if auc.high < LOWEST_AUC:
        return "train"
    of_points = any(one.figure != "AUC" for one in falls)
    return "fit" if of_points or error > LARGEST_ECE else "holds"


@dataclass(frozen=True)
class UnlabelledPrevalence:
    """Prevalence of pneumonia in a folder without labels; `answers` are shares of its films."""

    films: int
    left_out: int
    prevalence: EstimatedPrevalence
    answers: dict[str, float]
    unread: list[tuple[str, str]]

    @property
    def words(self) -> str:
        """The estimate, what it assumes, and that nothing was changed."""
        e = self.prevalence.estimate
        left = f" ({self.left_out:,} more are no frontal chest films)" if self.left_out else ""
        shares = ", ".join(f"{percent(share, 0)} {name}" for name, share in self.answers.items())
        estimated = (
            f"Estimated prevalence of pneumonia: {_share(e)}, by expectation maximisation (Saerens "
            f"et al. 2002); the model was calibrated at {percent(self.prevalence.assumed, 0)}."
        )
        films = f"{self.films:,} films without labels{left}: {shares}."
        return f"{films}\n{estimated}\n{_ASSUMPTION}\n{_NO_CHANGE}"

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "films": self.films,
            "left_out": self.left_out,
            **self.prevalence.estimate.to_dict("prevalence"),
            "calibrated_at": self.prevalence.assumed,
            "answers": self.answers,
            "assumption": _ASSUMPTION,
            "changed": False,
            "unread": [{"film": film, "problem": problem} for film, problem in self.unread],
        }


def unlabelled_prevalence(
    bundle: Bundle, data: Path, *, cache_dir: Path, progress: Progress = silent
) -> UnlabelledPrevalence:
    """Estimate the prevalence among all films below `data`, whatever their folders are called.

    Raises DataSetError where none can be read.
    """
    listing = _every_film(data)
    found = as_index(index_rows(listing, progress=progress), listing, progress=progress)
    readable, unread = readable_films(found, data.name)
    table = predict_films(bundle, readable, data, cache_dir=cache_dir, progress=progress)
    chest = table[table["check"] != NOT_CHEST]
    if len(chest) < SMALL_SAMPLE:
        raise DataSetError(
            f"Expected at least {SMALL_SAMPLE} frontal chest films to estimate a prevalence from; "
            f"got {len(chest)} of {len(table)} films. Add films."
        )
    p, stopped = chest["p_pneumonia"].to_numpy(np.float64), (chest["check"] != "").to_numpy()
    cleared = (p < bundle.points.screening) & ~stopped
    called = (p >= bundle.points.ruling_in) & ~stopped
    given = {"cleared": cleared, "referred": ~(cleared | called), "called pneumonia": called}
    return UnlabelledPrevalence(
        films=len(chest),
        left_out=len(table) - len(chest),
        prevalence=prevalence_by_em(p, calibrated_at(bundle)),
        answers={name: float(hits.mean()) for name, hits in given.items()},
        unread=unread,
    )


def calibrated_at(bundle: Bundle) -> float:
    """The share of pneumonia, within 0.01 and 0.99, at which P(pneumonia) was calibrated."""
    share = float((shipped_predictions(bundle)["label"] == "pneumonia").mean())
    return min(max(share, 0.01), 0.99)


def _every_film(root: Path) -> Listing:
    """Every picture below `root`, without a label."""
    if not root.is_dir():
        raise DataSetError(f"Expected a folder of films, got {root.name}, which is no folder.")
    films = images_below(root)
    if not films:
        raise DataSetError(f"Expected films in {root.name}, found none. Name a folder of films.")
    facts = {film: FilmFacts("all", "", "unknown", group=film) for film in films}
    return Listing(root.resolve(), films=tuple(films), facts=facts)


def _share(share: Estimate) -> str:
    ends = interval((100 * share.low, 100 * share.high), digits=0)
    return f"{percent(share.value, 0)} {ends}"
