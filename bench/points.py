"""Ways of choosing the balanced point, and what each does in each place.

    python -m bench.points CHEST_XRAY OUTSIDE --work FOLDER

With the networks that `bench.second_source` kept in FOLDER, and the same options. A point is chosen
without the patients of a fold and counted on them, so that no film is counted at a point that it
chose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.head_fit import choose_points
from bench.second_source import arguments, prepare
from bench.sources import FOLDS, View, held_out, in_frame, perturbed
from pneumo_core.bundle.framing import Framing
from pneumo_core.dataset.cohorts import framing_quarters, framing_scores, number_blocks
from pneumo_core.imaging.lung_frame import LungFrame
from pneumo_core.metrics.recalibration import log_odds, prevalence_by_em, sigmoids
from pneumo_core.training.calibrate import pneumonia_probability

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from bench.second_source import Prepared


@dataclass(frozen=True)
class Place:
    """P(pneumonia), class and fold of films from one place, (N,) each."""

    p: NDArray[np.float64]
    positive: NDArray[np.bool_]
    fold: NDArray[np.int64]

    def part(self, rows: NDArray[np.bool_]) -> Place:
        """Some of its films."""
        return Place(self.p[rows], self.positive[rows], self.fold[rows])

    def rates(self, at: float) -> tuple[float, float]:
        """Sensitivity and specificity at a point."""
        called = self.p >= at
        return float(called[self.positive].mean()), float((~called[~self.positive]).mean())


Rule = tuple[tuple[str, ...], "Callable[[Sequence[Place]], float]"]


def _best(places: Sequence[Place], over: Callable[..., Any]) -> float:
    found = np.unique(np.concatenate([one.p for one in places]))
    grid = (found[1:] + found[:-1]) / 2
    score = np.array([over([one.rates(at) for one in places]) for at in grid])
    best = grid[score >= score.max() - 1e-9]
    return float(best[len(best) // 2])


def youden(places: Sequence[Place]) -> float:
    """The largest mean of sensitivity and specificity (Youden 1950), places weighing the same."""
    return _best(places, np.mean)


def worst_place(places: Sequence[Place]) -> float:
    """The largest of the smallest sensitivity or specificity of any place."""
    return _best(places, np.min)


def shipped(places: Sequence[Place]) -> float:
    """As the shipped model's, see `head_fit.choose_points`."""
    return choose_points([(one.p, one.positive) for one in places]).balanced


HOME, HOME_VIEWS, HOME_WHOLE = "home", "home, perturbed", "home, whole film"
AWAY, AWAY_VIEWS = "away", "away, perturbed"
RULES: Mapping[str, Rule] = {
    "home, as they are": ((HOME,), youden),
    "home, whole film": ((HOME_WHOLE,), youden),
    "home, perturbed": ((HOME_VIEWS,), youden),
    "home and away": ((HOME, AWAY), youden),
    "home and away, perturbed as well": ((HOME, AWAY, HOME_VIEWS, AWAY_VIEWS), youden),
    "worst of home and away": ((HOME, AWAY), worst_place),
    "85 % found in each, 97 % at home (shipped)": ((HOME, AWAY), shipped),
}


def places_of(made: Prepared) -> dict[str, Place]:
    """The films of both sources as they are and perturbed, and of home as whole films."""
    answers = made.answers
    near, far, framing = answers.near, answers.far, answers.framing
    networks, adults = made.networks[:FOLDS], np.arange(len(far.table))

    def place(view: View, logits: NDArray[np.float64]) -> Place:
        moved = logits.copy()
        moved[:, 1:] += answers.shift
        p = pneumonia_probability(moved, answers.temperature)
        strict = ~view.source.table["subtype"].eq("no opacity").to_numpy()[view.rows]
        return Place(p, view.source.positive[view.rows], view.fold).part(strict)

    def home(view: View) -> Place:
        return place(view, held_out(networks, view) + answers.unseen)

    whole = Framing(framing.size, LungFrame(towards=0, softness=0), framing.finder)
    away, again = in_frame(far, framing, adults), perturbed(far, framing, adults, blank=0)
    return {
        HOME: home(in_frame(near, framing, answers.home_rows)),
        HOME_VIEWS: home(perturbed(near, framing, answers.home_rows, blank=0)),
        HOME_WHOLE: home(in_frame(near, whole, answers.home_rows)),
        AWAY: place(away, answers.outside),
        AWAY_VIEWS: place(again, held_out(networks, again)),
    }


def crossed(rule: Rule, places: Mapping[str, Place]) -> dict[int, float]:
    """The point that the rule chooses without the films of each fold."""
    names, choose = rule
    return {
        fold: choose([places[name].part(places[name].fold != fold) for name in names])
        for fold in range(FOLDS)
    }


def counted(place: Place, points: Mapping[int, float]) -> tuple[float, float]:
    """Sensitivity and specificity, each film at the point of its fold."""
    at = np.array([points[fold] for fold in place.fold])
    return Place(place.p - at, place.positive, place.fold).rates(0.0)


def corrected(place: Place, assumed: float) -> Place:
    """The answers moved to the prevalence that is estimated from them, without labels."""
    found = prevalence_by_em(place.p, assumed).estimate.value
    shift = np.log(found / (1 - found)) - np.log(assumed / (1 - assumed))
    return Place(sigmoids(log_odds(place.p) + shift), place.positive, place.fold)


def main() -> None:
    """Print the table."""
    made = prepare(arguments(__doc__).parse_args())
    answers, places = made.answers, places_of(made)
    table = answers.near.table.iloc[answers.home_rows].reset_index(drop=True)
    copies = np.asarray(answers.near.copies[answers.home_rows])
    quarter = framing_quarters(table, framing_scores(table, copies))
    blocks = number_blocks(table, blocks=3)
    cuts = {
        "misleading borders": quarter == 3,
        **{f"numbers {n + 1} of 3": blocks == n for n in range(3)},
    }
    seen = {**places, **{name: places[HOME].part(rows) for name, rows in cuts.items()}}
    columns = [HOME, *cuts, HOME_VIEWS, AWAY, AWAY_VIEWS]
    print("| point from | at | " + " | ".join(columns) + " | worst |")
    print("| --- " * (len(columns) + 3) + "|")
    for name, rule in RULES.items():
        _row(name, crossed(rule, places), [seen[one] for one in columns])
    points = crossed(RULES["home, as they are"], places)
    assumed = float(places[HOME].positive.mean())
    moved = [
        corrected(seen[one], assumed) if one in (AWAY, AWAY_VIEWS) else seen[one] for one in columns
    ]
    _row("home, prior corrected (Saerens)", points, moved)


def _row(name: str, points: Mapping[int, float], places: Sequence[Place]) -> None:
    found = [counted(place, points) for place in places]
    cells = [f"{100 * hit:.1f} / {100 * spared:.1f}" for hit, spared in found]
    at = np.mean(list(points.values()))
    print(f"| {name} | {at:.2f} | " + " | ".join(cells) + f" | {100 * np.min(found):.1f} |")


if __name__ == "__main__":
    main()
