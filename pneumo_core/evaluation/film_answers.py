"""What a model says of the films of an index: logits, input checks and distance."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.bundle.feature_checks import OutOfDistribution
from pneumo_core.bundle.integrity import SUMS, read_bytes
from pneumo_core.dataset.pixel_cache import cache_key, pixel_cache
from pneumo_core.inference.input_checks import FeatureChecks, check_copy
from pneumo_core.inference.runtime import Runtime
from pneumo_core.progress import Progress, silent
from pneumo_core.storage import write_atomic

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt
    import pandas as pd

    from pneumo_core.bundle import Bundle

BATCH = 16
# What stops an answer, as the column `check` names it; "" where nothing does.
NOT_CHEST = "not a frontal chest film"
UNLIKE = "unlike the training films"
TURNED = "not upright"
INVERTED = "a negative"
CHECKS = (NOT_CHEST, UNLIKE, TURNED, INVERTED)
_VERSION = 1  # raise it whenever the same films would be answered differently
# Files of a bundle that the answer depends on.
_FILES = ("openvino/model.xml", "openvino/model.bin", "familiar.npy", "orientation.npy")


@dataclass(frozen=True, eq=False)
class FilmAnswers:
    """The network's answers to N films, before calibration.

    logits: float32 (N, C); check: which of CHECKS stops an answer, "" for none, str (N,); distance:
    from the subspace of the training films as a share of the limit, (N,), above 1 out of
    distribution, NaN where the bundle has no such check.
    """

    logits: npt.NDArray[np.float32]
    check: npt.NDArray[np.str_]
    distance: npt.NDArray[np.float64]


def film_answers(
    bundle: Bundle,
    index: pd.DataFrame,
    root: Path,
    *,
    cache_dir: Path,
    progress: Progress = silent,
) -> FilmAnswers:
    """The answers to every film of `index` (all readable); kept by content, so given at once again.

    The image check sees the square copy. Raises DataSetError and BundleError.
    """
    runtime = Runtime(bundle)
    kept = cache_dir / f"answers-{_key(bundle, index, runtime)}.npz"
    if (found := _opened(kept, len(index))) is not None:
        return found
    pixels = pixel_cache(
        index, root, size=runtime.framing.side, cache_dir=cache_dir, progress=progress
    )
    checks = FeatureChecks(bundle, len(runtime.head_kernel))
    known = OutOfDistribution.load(bundle)
    logits, check, distance = [], [], []
    shapes = index[["width", "height"]].to_numpy(np.int64)
    for start in range(0, len(pixels), BATCH):
        part = slice(start, start + BATCH)
        copies = np.asarray(pixels[part])
        found_lungs = [runtime.framing.lungs(copy) for copy in copies]
        windows = [
            runtime.framing.window(lungs, copy.shape)
            for lungs, copy in zip(found_lungs, copies, strict=True)
        ]
        answers, features = runtime.run(runtime.framing.inputs(copies, windows))
        logits.append(answers)
        for copy, (width, height), lungs, seen in zip(
            copies, shapes[part], found_lungs, features, strict=True
        ):
            image = check_copy(copy, (int(height), int(width)), lungs)
            quarters = lungs.quarters if lungs else 0
            orientation, reasons = checks.check(seen, quarters=quarters)
            check.append(_stops(image_ok=image.ok, orientation=orientation, referred=bool(reasons)))
            pooled = seen.mean(axis=(0, 1))[np.newaxis]
            far = np.nan if known is None else float(known.distances(pooled)[0]) / known.limit
            distance.append(far)
        progress("read", min(start + BATCH, len(pixels)), len(pixels))
    made = FilmAnswers(np.concatenate(logits), np.array(check, np.str_), np.array(distance))
    _keep(kept, made)
    return made


def _stops(*, image_ok: bool, orientation: str, referred: bool) -> str:
    if not image_ok:
        return NOT_CHEST
    if not referred:
        return ""
    return {"negative": INVERTED, "upright": UNLIKE}.get(orientation, TURNED)


def _key(bundle: Bundle, index: pd.DataFrame, runtime: Runtime) -> str:
    """Films, their framing, and the files that answer; a model fitted from another has the same."""
    sums = read_bytes(bundle.path, SUMS).decode("utf-8", "replace").splitlines()
    files = [line for line in sums if line.endswith(_FILES)]
    finder = runtime.framing.finder
    limits = [bundle.card.out_of_distribution, bundle.card.orientation]
    parts = [
        str(_VERSION),
        cache_key(index, runtime.framing.side, runtime.framing.key),
        "" if finder is None else finder.digest,
        *files,
        *("" if one is None else str(one.limit) for one in limits),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _opened(path: Path, films: int) -> FilmAnswers | None:
    """What was kept; None where it is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            found = FilmAnswers(stored["logits"], stored["check"], stored["distance"])
    except (OSError, ValueError, KeyError, EOFError):
        return None
    lengths = {len(found.logits), len(found.check), len(found.distance)}
    return found if lengths == {films} and set(found.check) <= {"", *CHECKS} else None


def _keep(path: Path, answers: FilmAnswers) -> None:
    """Keep the answers; a full disk costs the next evaluation time and this one nothing."""
    from contextlib import suppress
    from io import BytesIO

    out = BytesIO()
    np.savez(out, logits=answers.logits, check=answers.check, distance=answers.distance)
    with suppress(OSError):
        write_atomic(path, out.getvalue())
