"""The one place that turns pixels into a decision."""

from __future__ import annotations

import logging
import time
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from pneumo_core import DISCLAIMER
from pneumo_core.bundle import load_bundle
from pneumo_core.bundle.feature_checks import UPRIGHT
from pneumo_core.bundle.provenance import disclaimer_of
from pneumo_core.errors import ForeignImage, UnreadableImage
from pneumo_core.imaging.decode import decode, read_film, resize
from pneumo_core.metrics import probabilities
from pneumo_core.perturbations.geometry import Frame, reframe
from pneumo_core.reading.decision import Decision, decide
from pneumo_core.reading.doubts import Doubts
from pneumo_core.reading.gate import GateResult, check_film
from pneumo_core.reading.place import place
from pneumo_core.reading.runtime import Runtime
from pneumo_core.reading.saliency import class_activation

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pneumo_core.bundle import Bundle
    from pneumo_core.imaging.decode import Film, SourceFacts

__all__ = ["Decision", "Reader", "Reading"]

DISPLAY_SIDE = 1024
# What a steady hand may still do: crop a little, aim a little beside. The mirror image is added.
SMALL_FRAMES = (
    Frame(0.97, 0.97),
    Frame(0.94, 0.94),
    Frame(0.96, 0.96, right=-0.015, down=-0.015),
    Frame(0.96, 0.96, right=0.015, down=0.015),
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reading:
    """What was found on one film, and why; `message` says it in words for a tired reader.

    Probabilities are calibrated, 0..1: `p_pneumonia` of the film as it is, `p_low` and `p_high`
    its range under small re-framings, `p_bacterial` and `p_viral` those of the two classes (they
    add up to `p_pneumonia`; None where the model has no subtypes). `threshold_low` and
    `threshold_high` are the screening and ruling-in points. `cam` float32 (h,w) in 0..1,
    `pixels` uint8 (H,W) for display, longest side at most 1024. `ms` is all the time it took.
    Without status "ok" there is no decision and no probability. With it, `gate_ok` is False where
    the picture is unlike the films the model knows, or does not lie as they do: then the decision
    is REFER, whatever the probability. `lies` is how, of `bundle.orientation.WAYS`;
    `like_known`: the bundle knows films, and this one is upright and like them.
    """

    status: Literal["ok", "rejected", "error"]
    message: str
    bundle: str
    threshold_low: float
    threshold_high: float
    decision: Decision | None = None
    p_pneumonia: float | None = None
    p_low: float | None = None
    p_high: float | None = None
    p_bacterial: float | None = None
    p_viral: float | None = None
    gate_ok: bool = False
    gate_reasons: tuple[str, ...] = ()
    lies: str = UPRIGHT
    like_known: bool = False
    where: str = ""
    ms: float = 0.0
    cam: NDArray[np.float32] | None = None
    pixels: NDArray[np.uint8] | None = None
    facts: SourceFacts | None = None
    disclaimer: str = DISCLAIMER

    @property
    def bacterial_share(self) -> float | None:
        """P(bacterial | pneumonia), 0..1. Exploratory: films do not tell the two apart."""
        if self.p_bacterial is None or self.p_viral is None:
            return None
        both = self.p_bacterial + self.p_viral
        return self.p_bacterial / both if both > 0 else None


class Reader:
    """Reads films with one bundle (None: the one in service). Raises BundleError on a bad one.

    Safe to share between threads. Whatever film it is given, it answers with a Reading.
    """

    def __init__(self, bundle: Bundle | None = None) -> None:
        self.bundle = load_bundle() if bundle is None else bundle
        self._runtime = Runtime(self.bundle)
        self._doubts = Doubts(self.bundle, len(self._runtime.head_kernel))

    def read_bytes(self, data: bytes) -> Reading:
        """Read the bytes of a picture or DICOM file."""
        return self._answer(lambda: decode(data))

    def read_path(self, path: Path | str) -> Reading:
        """Read a file."""
        return self._answer(lambda: read_film(Path(path)))

    def read(self, film: Film) -> Reading:
        """Read a film that is already decoded."""
        return self._answer(lambda: film)

    def _answer(self, source: Callable[[], Film]) -> Reading:
        start = time.perf_counter()
        try:
            reading = self._read(source())
        except ForeignImage as error:
            reading = self._blank("rejected", f"Not read: {error}")
        except UnreadableImage as error:
            reading = self._blank("error", str(error))
        except Exception as error:  # noqa: BLE001 - one odd film must not stop a worklist
            log.error("A film could not be read: %s", _trace(error))  # noqa: TRY400 - see _trace
            reading = self._blank(
                "error", "This film could not be read: an unforeseen fault. Try another copy of it."
            )
        return replace(reading, ms=1000 * (time.perf_counter() - start))

    def _read(self, film: Film) -> Reading:
        gate = check_film(film)
        if not gate.ok:
            message = f"Not read: {' '.join(gate.reasons)}"
            return replace(
                self._blank("rejected", message),
                gate_reasons=gate.reasons,
                pixels=_for_display(film.pixels),
                facts=film.facts,
            )
        return self._read_usable(film, gate)

    def _read_usable(self, film: Film, gate: GateResult) -> Reading:
        bundle = self.bundle
        logits, features = self._runtime.run(framings(film.pixels, bundle.size))
        chances = probabilities(logits, bundle.temperature)
        p = 1.0 - chances[:, 0]
        low, high = float(p.min()), float(p.max())
        decision, message = decide(float(p[0]), low, high, bundle.points)
        lies, doubts = self._doubts.about(features[0])
        if doubts:
            decision, message = Decision.REFER, f"Refer: {' '.join(doubts)}"
        kernel = self._runtime.head_kernel
        cam = class_activation(features[0], kernel, chances[0], bundle.temperature)
        subtypes = bundle.classes == ("normal", "bacterial", "viral")
        return replace(
            self._blank("ok", message),
            decision=decision,
            p_pneumonia=float(p[0]),
            p_low=low,
            p_high=high,
            p_bacterial=float(chances[0, 1]) if subtypes else None,
            p_viral=float(chances[0, 2]) if subtypes else None,
            gate_ok=not doubts,
            gate_reasons=(*doubts, *gate.reasons),
            lies=lies,
            like_known=self._doubts.knows_films and not doubts,
            where=place(cam),
            cam=cam,
            pixels=_for_display(film.pixels),
            facts=film.facts,
        )

    def _blank(self, status: Literal["ok", "rejected", "error"], message: str) -> Reading:
        points = self.bundle.points
        return Reading(
            status=status,
            message=message,
            bundle=f"{self.bundle.name} {self.bundle.version}",
            threshold_low=points.screening,
            threshold_high=points.ruling_in,
            disclaimer=disclaimer_of(self.bundle.card),
        )


def framings(pixels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """The film (H,W) itself, then its small re-framings and its mirror image, uint8 (6,S,S)."""
    film = resize(pixels, size)[np.newaxis]
    return np.concatenate([film, *(reframe(film, f) for f in SMALL_FRAMES), film[:, :, ::-1]])


def _for_display(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The film at most 1024 on its longest side, proportions kept."""
    import cv2

    scale = DISPLAY_SIDE / max(pixels.shape)
    if scale >= 1:
        return pixels
    height, width = (max(1, round(scale * side)) for side in pixels.shape)
    return np.asarray(
        cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8
    )


def _trace(error: Exception) -> str:
    """Kind and place of a fault, without its message: that may quote the file or its tags."""
    frames = traceback.extract_tb(error.__traceback__)
    steps = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    return f"{type(error).__name__} in {' > '.join(steps)}"
