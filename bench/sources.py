"""Films of two places, as a network is given them, and what it says of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pneumo_core.bundle.framing import Framing
from pneumo_core.bundle.openvino_graph import Graph
from pneumo_core.config import load_settings
from pneumo_core.dataset.folds import grouped_folds, training_films
from pneumo_core.dataset.index import index_folder
from pneumo_core.dataset.pixel_cache import pixel_cache
from pneumo_core.dataset.similarity import perceptual_hash
from pneumo_core.imaging.decode import read_film, resize
from pneumo_core.imaging.lung_frame import LungFrame, Window
from pneumo_core.imaging.lungs import COPY_SIDE
from pneumo_core.perturbations import PERTURBATIONS, perturb

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray


FOLDS, SEED = 5, 7
LUNG_VIEWS = [name for name, one in PERTURBATIONS.items() if one.apply is not None]


@dataclass(frozen=True)
class Source:
    """Films of one place: copies uint8 (N, 224, 224), a row of `table` each.

    table: film, label, subtype, group and fold.
    """

    name: str
    table: pd.DataFrame
    copies: NDArray[np.uint8]

    @property
    def positive(self) -> NDArray[np.bool_]:
        """Whether a film shows pneumonia or an opacity."""
        return (self.table["label"] == "pneumonia").to_numpy()


def home(folder: Path) -> Source:
    """The training films, in the folds that the parent was trained in."""
    index = training_films(index_folder(folder))
    copies = pixel_cache(index, folder, size=COPY_SIDE, cache_dir=load_settings().cache_dir)
    table = index.assign(fold=grouped_folds(index, folds=FOLDS, seed=SEED))
    return Source("home", table.reset_index(drop=True), copies)


def outside(folder: Path) -> Source:
    """The second source's films that radiologists read, in folds of patients."""
    from sklearn.model_selection import StratifiedGroupKFold

    labels = pd.read_csv(folder / "labels.csv")
    read = labels["read by"].eq("radiologists") & labels["label"].ne("other")
    patients = pd.read_csv(folder / "Data_Entry_2017_subset.csv").set_index("Image Index")
    table = pd.DataFrame({"film": labels["image"][read], "subtype": labels["label"][read]})
    names = table["film"].str.rsplit(".", n=1).str[0]
    by_stem = {Path(str(name)).stem: str(one) for name, one in patients["Patient ID"].items()}
    table["group"] = names.map(by_stem)
    if table["group"].isna().any():
        raise SystemExit("Expected a patient of every film in Data_Entry_2017_subset.csv.")
    table["label"] = np.where(table["subtype"] == "opacity", "pneumonia", "normal")
    table, splitter = (
        table.reset_index(drop=True),
        StratifiedGroupKFold(FOLDS, shuffle=True, random_state=SEED),
    )
    table["fold"] = 0
    for fold, (_, rows) in enumerate(splitter.split(table, table["subtype"], table["group"])):
        table.loc[rows, "fold"] = fold
    films = [read_film(folder / "images" / film) for film in table["film"]]
    table["sha256"] = [film.facts.sha256 for film in films]
    table["phash"] = [perceptual_hash(film.pixels) for film in films]
    return Source("outside", table, np.stack([resize(film.pixels, COPY_SIDE) for film in films]))


def of_each_class(
    positive: NDArray[np.bool_], usable: NDArray[np.bool_], films: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Rows of so many films, a quarter of them normal, as in the training films; sorted."""
    parts = [
        rng.choice(np.flatnonzero(usable & (positive == one)), count, replace=False)
        for one, count in ((False, films // 4), (True, films * 3 // 4))
    ]
    return np.sort(np.concatenate(parts))


@dataclass(frozen=True)
class View:
    """Films of a source as a network is given them: inputs uint8 (M, S, S).

    rows: of the source, int (M,); blank: bool (M,), the lungs painted over.
    """

    source: Source
    rows: NDArray[np.int64]
    inputs: NDArray[np.uint8]
    blank: NDArray[np.bool_]

    @property
    def fold(self) -> NDArray[np.int64]:
        """The fold of each film, int (M,)."""
        return self.source.table["fold"].to_numpy()[self.rows]

    def some(self, chosen: NDArray[np.bool_]) -> View:
        """A part of the films, bool (M,)."""
        return View(self.source, self.rows[chosen], self.inputs[chosen], self.blank[chosen])


def in_frame(source: Source, framing: Framing, rows: NDArray[np.int64], *, paint: str = "") -> View:
    """The films `rows` in one frame, as they are or painted over as `paint` names it.

    A painted film is seen through its own window.
    """
    inputs = [np.empty((0, framing.size, framing.size), np.uint8)]
    for start in range(0, len(rows), 64):
        copies = np.asarray(source.copies[rows[start : start + 64]])
        windows = framing.windows(copies)
        if paint:
            copies = perturb(copies, paint, lungs=framing.masks(copies))
        inputs.append(framing.inputs(copies, windows))
    return View(source, rows, np.concatenate(inputs), np.zeros(len(rows), bool))


def perturbed(source: Source, framing: Framing, rows: NDArray[np.int64], *, blank: float) -> View:
    """The films `rows`, a view each: another scanner's, in any frame, or without lungs.

    blank: the share of views whose lungs are painted over.
    """
    rng = np.random.default_rng(SEED)
    painted = rng.random(len(rows)) < blank
    inputs = [
        _any_view(np.asarray(source.copies[row]), framing, rng, is_blank=bool(is_blank))
        for row, is_blank in zip(rows, painted, strict=True)
    ]
    return View(source, rows, np.stack(inputs), painted)


@dataclass(frozen=True)
class Seen:
    """What a network makes of a view: pooled features float32 (M, K), logits float32 (M, C)."""

    view: View
    features: NDArray[np.float32]
    logits: NDArray[np.float32]

    @property
    def odds(self) -> NDArray[np.float64]:
        """Log odds of pneumonia against normal, float64 (M,), before any temperature."""
        return log_odds(self.logits)


def log_odds(logits: NDArray[Any]) -> NDArray[np.float64]:
    """Log odds of pneumonia against normal, float64 (N,), from logits (N, C), normal first."""
    wide = logits.astype(np.float64)
    return np.asarray(np.logaddexp.reduce(wide[:, 1:], axis=1) - wide[:, 0])


class Network:
    """A network on inputs; `path` is its graph, with the Keras model beside it."""

    def __init__(self, path: Path) -> None:
        self.path, self._graph = path, Graph(path, throughput=True)

    def run(self, inputs: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Pooled features and logits of inputs uint8 (N, S, S)."""
        batches = [inputs[start : start + 16] for start in range(0, len(inputs), 16)]
        with ThreadPoolExecutor(self._graph.streams) as pool:
            features, logits = zip(*pool.map(self._batch, batches), strict=True)
        return np.concatenate(features), np.concatenate(logits)

    def _batch(self, inputs: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        logits, features = self._graph(inputs[..., None].astype(np.float32))
        return features.mean(axis=(1, 2)), np.array(logits)

    def see(self, view: View) -> Seen:
        """Features and logits of a view."""
        return Seen(view, *self.run(view.inputs))

    def features(self, framing: Framing) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
        """From copies uint8 (N, 224, 224) to pooled features (N, K) of what the network sees."""
        return lambda copies: self.run(framing.inputs(copies))[0]


def held_out(networks: Sequence[Network], view: View) -> NDArray[np.float64]:
    """Logits float64 (M, C): of each film by the network that was fitted without its fold."""
    logits: NDArray[np.float64] | None = None
    for fold, network in enumerate(networks):
        mine = view.fold == fold
        if mine.any():
            of_fold = network.run(view.inputs[mine])[1]
            if logits is None:
                logits = np.empty((len(mine), of_fold.shape[1]))
            logits[mine] = of_fold
    if logits is None:
        raise ValueError("Expected films of the folds that the networks were fitted without.")
    return logits


def _any_view(
    copy: NDArray[np.uint8], framing: Framing, rng: np.random.Generator, *, is_blank: bool
) -> NDArray[np.uint8]:
    """A copy perturbed at random, through a window between whole film and lungs, edges jittered."""
    lungs = framing.lungs(copy)
    frame = LungFrame(towards=float(rng.uniform(0, 1)), softness=float(rng.uniform(0, 1.6)))
    own = Framing(framing.size, frame, framing.finder)
    window = own.window(lungs, copy.shape)
    if is_blank:
        mask = framing.masks(copy[None])
        name = str(rng.choice(["lungs black", "lungs grey"]))
        copy = perturb(copy[None], name, lungs=mask)[0]
    elif rng.random() < 0.7:
        seed = int(rng.integers(2**31))
        copy = perturb(copy[None], str(rng.choice(LUNG_VIEWS)), seed=seed)[0]
    jitter = rng.normal(0, 0.03, 4)
    moved = Window(
        window.x + jitter[0],
        window.y + jitter[1],
        window.width * float(np.exp(jitter[2])),
        window.height * float(np.exp(jitter[3])),
    )
    seen = own.input(copy, moved)
    return seen[:, ::-1] if rng.random() < 0.5 else seen
