"""How fast this machine trains a network: measured on a few steps of the real routine."""

from __future__ import annotations

import hashlib
import json
import platform
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.errors import TrainingError
from pneumo_core.learning.runs import list_runs
from pneumo_core.storage import utc_now, write_json
from pneumo_core.training.hardware import hardware_key
from pneumo_core.training.network import find_backbone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pneumo_core.config import Settings
    from pneumo_core.training.recipe import Recipe

STEPS, ENOUGH_SECONDS = 4, 15.0  # measured steps, or as many as fit into this time
_VALIDATION_BATCH = 64


@dataclass(frozen=True)
class Pace:
    """Seconds a film in training and in validation, seconds until the first step is done and to
    save an epoch, bytes of memory at the peak; of one network, size, batch and precision.
    """

    train: float
    validation: float
    start: float
    save: float
    memory: int
    measured: str = ""  # when, ISO 8601, UTC


def known_pace(recipe: Recipe, settings: Settings) -> Pace | None:
    """What was measured here for such a recipe, by `measure_pace` or by an earlier run."""
    try:
        return Pace(**json.loads(_kept(recipe, settings).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return _pace_of_runs(recipe, settings)


def measure_pace(
    recipe: Recipe, settings: Settings, *, report: Callable[[str, int, int, str], None]
) -> Pace:
    """Train a few steps on noise, as `fit` trains, and keep how long they took. Loads Keras.

    A pretrained network starts from random numbers here: what is frozen counts, not what is known.
    """
    from pneumo_core.training.batches import Films, room_for
    from pneumo_core.training.distributed import join_devices
    from pneumo_core.training.fit import fit
    from pneumo_core.training.hardware import survey

    count = recipe.batch * (STEPS + 1)
    held_out = 2 * _VALIDATION_BATCH
    rng = np.random.default_rng(recipe.seed)
    pixels = rng.integers(0, 256, (count + held_out, recipe.size, recipe.size), dtype=np.uint8)
    machine, labels = survey(recipe.precision), np.arange(len(pixels)) % len(recipe.classes)
    films = Films(pixels, labels, room_for(pixels, machine, join_devices()))
    report("pace", 0, 1, f"measuring {STEPS} steps of {recipe.backbone} at {recipe.size} px")
    with tempfile.TemporaryDirectory(prefix="pneumo-pace-") as scratch:
        weights = "none" if recipe.weights == "none" else random_weights(recipe, Path(scratch))
        short = replace(recipe, epochs=1, folds=1, weights=weights)
        clock = _clock()
        fit(
            short,
            films,
            np.arange(count),
            np.arange(count, len(pixels)),
            machine=machine,
            folder=Path(scratch) / "fold-0",
            callbacks=(clock,),
        )
        found: Pace = clock.pace(recipe.batch)
    with suppress(OSError):  # it is measured again the next time
        _kept(recipe, settings).parent.mkdir(parents=True, exist_ok=True)
        write_json(_kept(recipe, settings), asdict(found))
    report("pace", 1, 1, f"{1 / found.train:.1f} films a second in training")
    return found


def _clock() -> Any:
    import keras

    class Clock(keras.callbacks.Callback):  # type: ignore[misc]
        """Times the parts of one short epoch."""

        def __init__(self) -> None:
            super().__init__()
            self.began, self.steps = time.perf_counter(), 0
            self.tests: list[float] = []

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
            # Not called for every step; always for the first and the last one.
            self.last, self.steps = time.perf_counter(), batch + 1
            if batch == 0:
                self.first = self.last
            elif self.last - self.first > ENOUGH_SECONDS:
                self.model.stop_training = True

        def on_test_batch_end(self, _batch: int, logs: Any = None) -> None:  # noqa: ARG002
            self.tests.append(time.perf_counter())

        def pace(self, batch: int) -> Pace:
            return Pace(
                train=(self.last - self.first) / max(1, self.steps - 1) / batch,
                validation=(self.tests[-1] - self.tests[0]) / _VALIDATION_BATCH,
                start=self.first - self.began,
                save=time.perf_counter() - self.tests[-1],
                memory=_peak_memory(),
                measured=utc_now(),
            )

    return Clock()


def random_weights(recipe: Recipe, folder: Path) -> str:
    """A file of untrained weights that the backbone takes for pretrained ones."""
    import keras

    spec = find_backbone(recipe.backbone)
    make = getattr(keras.applications, spec.application)
    full = make(weights=None, include_top=False, input_shape=(recipe.size, recipe.size, 3))
    cut = keras.Model(full.input, full.get_layer(spec.cut).output) if spec.cut else full
    path = folder / "random.weights.h5"
    cut.save_weights(path)
    keras.backend.clear_session()
    return str(path)


def _peak_memory() -> int:
    """Bytes that this process held at its most."""
    try:
        import resource
    except ImportError:  # Windows tells it itself
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


def bundle_seconds(recipe: Recipe, runs_dir: Path) -> float | None:
    """What it took the latest run of such a recipe here to make its model; None without one."""
    for status in _earlier(recipe, runs_dir):
        if took := (status.get("took") or {}).get("bundle"):
            return float(took)
    return None


def _pace_of_runs(recipe: Recipe, settings: Settings) -> Pace | None:
    """The pace of the latest run here that took as long a step and finished an epoch."""
    for status in _earlier(recipe, settings.runs_dir):
        if facts := status.get("pace"):
            return Pace(**facts, measured=status["updated"])
    return None


def _earlier(recipe: Recipe, runs_dir: Path) -> Iterator[dict[str, Any]]:
    """The statuses of the runs on this machine that take as long a step, the latest first."""
    for run in list_runs(runs_dir):
        try:
            status = run.status()
            same = status.get("host") == platform.node() and _kind(run.recipe()) == _kind(recipe)
        except TrainingError:
            continue
        if same:
            yield status


def _kind(recipe: Recipe) -> tuple[Any, ...]:
    """What decides how long a step takes."""
    start = "scratch" if recipe.weights == "none" else recipe.trained_from or "pretrained"
    return (recipe.backbone, recipe.size, recipe.batch, recipe.precision, start, recipe.augment)


def _kept(recipe: Recipe, settings: Settings) -> Path:
    """The file of what was measured: one for all recipes that take as long a step."""
    told = " ".join(map(str, (*_kind(recipe), hardware_key())))
    key = hashlib.sha256(told.encode()).hexdigest()[:12]
    return settings.cache_dir / "pace" / f"{recipe.backbone}-{recipe.size}-{key}.json"
