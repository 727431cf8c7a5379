"""How good lung masks are: figures on held-out patients (Dice, box edges, each with its interval),
and the plausibility of two masks, fitted to features of films against those of other images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pandas as pd

from pneumo_core.imaging.lung_shape import Plausibility, evened, shape_features
from pneumo_core.imaging.lungs import largest_parts, lungs_of, network_input, to_cells
from pneumo_core.metrics.bootstrap import ROUNDS, Resampling, percentiles
from pneumo_core.metrics.intervals import Estimate, proportion
from pneumo_core.progress import Progress, silent
from pneumo_core.synthetic.appearance import synthetic_film
from pneumo_core.training.lungs.augment import exposed
from pneumo_core.training.lungs.fit import predict_maps, predictor
from pneumo_core.training.lungs.other_images import other_image

if TYPE_CHECKING:
    from collections.abc import Iterable

    import keras
    from numpy.typing import ArrayLike, NDArray

    from pneumo_core.training.lungs.fit import FinderRecipe

LEAST_AREA = 0.01  # of the film, each lung
# Share of each source that the limits of score and distance reject, of the half they are set on.
REJECTED_BY_SCORE = {"training_films": 0.001, "adult_films": 0.007, "synthetic_films": 0.004}
REJECTED_BY_DISTANCE = {"training_films": 0.002, "adult_films": 0.010, "synthetic_films": 0.004}
EDGE_TOLERANCE = 0.04  # of the film's width or height
EDGES = ("left", "top", "right", "bottom")
EVERYTHING_PASSES = Plausibility(
    *(np.zeros(17), np.ones(17), np.zeros(18), np.zeros(17), np.eye(17)),
    *(-1e300, 1e300, 0.0),
    np.zeros(4),
)


@dataclass(frozen=True, eq=False)
class Judged:
    """The fitted plausibility and, by source, the share of films it rejects.

    The shares are of the half of each source on which nothing was fitted; of a few films there may
    be no such half, and no share.
    """

    plausibility: Plausibility
    rejected: dict[str, Estimate]


def fit_plausibility(  # noqa: PLR0913 - the sources of images
    network: keras.Model,
    films: NDArray[np.uint8],
    adults: NDArray[np.uint8] | None,
    *,
    box_shift: NDArray[np.float64],
    recipe: FinderRecipe,
    report: Progress = silent,
) -> Judged:
    """Fit on training films uint8 (N, 224, 224), adult films where given, and generated images."""
    rng = np.random.default_rng(recipe.seed)
    sources = {"training_films": _features(network, films, report=report)}
    if adults is not None:
        sources["adult_films"] = _upright_features(network, adults, report=report)
    sources["synthetic_films"] = _features(network, _synthetic(recipe), report=report)
    others = _features(network, _others(films, recipe.other_images, rng, report), report=report)
    halves = {name: _half(rng, len(found)) for name, found in sources.items()}
    fitted_on = {name: found[halves[name]] for name, found in sources.items()}
    half = _half(rng, len(others))
    judge = fit_to_features(fitted_on, others[half], box_shift=box_shift)
    kept_back = {name: found[~halves[name]] for name, found in sources.items()}
    kept_back["other_images"] = others[~half]
    rejected = {
        name: proportion(int((~judge.accepts(found)).sum()), len(found))
        for name, found in kept_back.items()
        if len(found)
    }
    return Judged(judge, rejected)


def _half(rng: np.random.Generator, films: int) -> NDArray[np.bool_]:
    """About a half of so many films, all of them where chance takes none."""
    half: NDArray[np.bool_] = rng.random(films) < 0.5
    return half if half.any() else np.ones(films, np.bool_)


def fit_to_features(
    chests: dict[str, NDArray[np.float64]],
    others: NDArray[np.float64],
    *,
    box_shift: NDArray[np.float64],
) -> Plausibility:
    """Fit to features (N, 17) of chest films by source, each weighing the same, and of others."""
    from sklearn.linear_model import LogisticRegression

    chest = evened(np.concatenate(list(chests.values())))
    weight = np.concatenate([np.full(len(found), 1 / len(found)) for found in chests.values()])
    every = np.concatenate([chest, evened(others)])
    weights = np.concatenate([weight / weight.sum(), np.full(len(others), 1 / len(others))])
    mean, spread = every.mean(0), every.std(0) + 1e-6
    label = np.arange(len(every)) < len(chest)
    model = LogisticRegression(C=1.0, max_iter=3000)
    model.fit((every - mean) / spread, label, sample_weight=weights * len(every))
    score = model.decision_function((chest - mean) / spread)
    centre, inverse = _gaussian(chest, weight, score)
    judge = Plausibility(
        mean=mean,
        spread=spread,
        weights=np.concatenate([model.intercept_, model.coef_[0]]),
        centre=centre,
        inverse_covariance=inverse,
        least_score=0.0,
        largest_distance=0.0,
        least_area=LEAST_AREA,
        box_shift=box_shift,
    )
    return _with_limits(judge, chests)


def _gaussian(
    chest: NDArray[np.float64], weight: NDArray[np.float64], score: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and inverse covariance, without the 3 % that look least like chest films."""
    good = score > np.quantile(score, 0.03)
    share = weight[good] / weight[good].sum()
    centre = share @ chest[good]
    offset = chest[good] - centre
    covariance = (share[:, None] * offset).T @ offset
    covariance += np.diag(np.diag(covariance)) * 0.05 + np.eye(len(centre)) * 1e-9
    return centre, np.linalg.inv(covariance)


def _with_limits(judge: Plausibility, chests: dict[str, NDArray[np.float64]]) -> Plausibility:
    from dataclasses import replace

    scores = [
        np.quantile(judge.score(found), REJECTED_BY_SCORE[name]) for name, found in chests.items()
    ]
    distances = [
        np.quantile(judge.distance(found), 1 - REJECTED_BY_DISTANCE[name])
        for name, found in chests.items()
    ]
    return replace(judge, least_score=float(min(scores)), largest_distance=float(max(distances)))


def _features(
    network: keras.Model, films: NDArray[np.uint8], *, report: Progress
) -> NDArray[np.float64]:
    """Features (N, 17) of films uint8 (N, H, W) as they are."""
    maps = predict_maps(network, films, report=report, phase="judge")
    return np.stack([_features_of(one) for one in maps])


def _features_of(maps: NDArray[np.float32]) -> NDArray[np.float64]:
    cells = to_cells(maps)
    return shape_features(cells, largest_parts(cells))


def _upright_features(
    network: keras.Model, films: NDArray[np.uint8], *, report: Progress
) -> NDArray[np.float64]:
    """As `_features`; of films that seem to lie on their side, the best of the quarter turns."""
    run = predictor(network)
    found = _features(network, films, report=report)
    for row in np.flatnonzero((found[:, 0] < 0.03) | (found[:, 16] < 0.3)):
        turns = [np.ascontiguousarray(np.rot90(films[row], quarters)) for quarters in (1, 2, 3)]
        tried = [_features_of(run(network_input(film))[0]) for film in turns]
        best = max(tried, key=lambda one: one[3] * one[4] * (one[0] > 0.03) * one[16])
        if best[0] > 0.03 and best[16] > found[row, 16]:
            found[row] = best
    return found


def _synthetic(recipe: FinderRecipe) -> NDArray[np.uint8]:
    """Synthetic films of Pneumo, uint8 (N, 224, 224), a third of each subtype."""
    subtypes = ("normal", "bacterial", "viral")
    films = [
        synthetic_film(subtypes[k % 3], seed=recipe.seed * 1000 + k, size=224)
        for k in range(recipe.synthetic_films)
    ]
    return np.stack(films)


def _others(
    films: NDArray[np.uint8], n: int, rng: np.random.Generator, report: Progress
) -> NDArray[np.uint8]:
    """Images without lungs, uint8 (N, 128, 128), every second one exposed anew."""
    images = []
    for k in range(n):
        image = other_image(rng, np.asarray(films[rng.integers(len(films))]))
        images.append(exposed(image, rng) if k % 2 else image)
        report("other images", k + 1, n)
    return np.stack(images)


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Held-out films, one row each: dice, dice_right, dice_left, and for each box edge its error.

    table: DataFrame with film, subtype, group, the three Dice scores and left, top, right, bottom:
    found minus true edge of the box around both lungs, as shares of the film (NaN without a box).
    """

    table: pd.DataFrame

    @property
    def box_shift(self) -> NDArray[np.float64]:
        """What to add to each edge so that its median error is 0, float64 (4,); 0 without boxes."""
        median = self.table[list(EDGES)].median().to_numpy(np.float64)
        return np.asarray(np.nan_to_num(-median))

    def figures(self, seed: int = 0) -> dict[str, Estimate]:
        """Dice of all, of each lung and each subtype, and shares of edges within 4 %; 95 %
        intervals by patient. The edges are shifted by `box_shift`.
        """
        group = self.table["group"]
        found = {
            name: mean_by_patient(self.table[name], group, seed=seed)
            for name in ("dice", "dice_right", "dice_left")
        }
        for subtype, part in self.table.groupby("subtype", sort=True):
            found[f"dice_{subtype}"] = mean_by_patient(part["dice"], part["group"], seed=seed)
        errors = np.abs(self.table[list(EDGES)].to_numpy() + self.box_shift)
        within = errors <= EDGE_TOLERANCE  # an edge that was not found is NaN: not within
        shares = {"edges_within_4_percent": within.mean(1), "films_within_4_percent": within.all(1)}
        shares |= {f"{edge}_within_4_percent": within[:, k] for k, edge in enumerate(EDGES)}
        return found | {
            name: mean_by_patient(values, group, seed=seed) for name, values in shares.items()
        }


def mean_by_patient(values: ArrayLike, groups: ArrayLike, *, seed: int = 0) -> Estimate:
    """The mean of `values` (N,); 95 % bootstrap interval over the patients in `groups` (N,)."""
    value = np.asarray(values, np.float64)
    resampling = Resampling(groups, len(value), seed=seed, rounds=ROUNDS)
    draws = [(times @ value) / times.sum(axis=1) for times in resampling.films()]
    low, high = percentiles(np.concatenate(draws))
    return Estimate(float(value.mean()), float(low), float(high))


def evaluate_maps(
    films: pd.DataFrame, maps: Iterable[NDArray[np.float32]], lungs: NDArray[np.uint8]
) -> HeldOut:
    """The figures of `films` (rows of the index) from their maps (h, h, 2) and masks
    uint8 (N, S, S, 2).
    """
    rows = [
        _one_film(probabilities, truth > 0)
        for probabilities, truth in zip(maps, lungs, strict=True)
    ]
    facts = films[["film", "subtype", "group"]].reset_index(drop=True)
    return HeldOut(pd.concat([facts, pd.DataFrame(rows)], axis=1))


def _one_film(maps: NDArray[np.float32], truth: NDArray[np.bool_]) -> dict[str, float]:
    height, width = truth.shape[:2]
    large = cv2.resize(maps, (width, height), interpolation=cv2.INTER_LINEAR)
    found = largest_parts(np.asarray(large, np.float32))
    box = lungs_of(maps, height, width, EVERYTHING_PASSES).box
    found_either, true_either = (np.asarray(mask.any(-1)) for mask in (found, truth))
    edges = np.full(4, np.nan)
    if box is not None:
        ends = np.array([box.left, box.top, box.right, box.bottom])
        edges = (ends - _ends(true_either)) / (width, height, width, height)
    return {
        "dice": dice(found_either, true_either),
        "dice_right": dice(found[..., 0], truth[..., 0]),
        "dice_left": dice(found[..., 1], truth[..., 1]),
        **dict(zip(EDGES, edges.tolist(), strict=True)),
    }


def dice(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Dice coefficient of two masks of one shape, 0..1; 1 where both are empty."""
    size = int(found.sum()) + int(truth.sum())
    return float(2 * (found & truth).sum() / size) if size else 1.0


def _ends(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Left, top, right and bottom edge of what is set in a mask (H, W), in pixels."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
