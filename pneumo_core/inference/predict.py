"""From pixels to a decision: the reader of films, the only place that decides."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from pneumo_core import DISCLAIMER
from pneumo_core.bundle import load_bundle
from pneumo_core.bundle.feature_checks import UPRIGHT
from pneumo_core.bundle.provenance import disclaimer_of
from pneumo_core.config import load_settings
from pneumo_core.formatting import distinct_per_cents, per_cent, per_cent_range
from pneumo_core.imaging.film import Film
from pneumo_core.imaging.lung_frame import WHOLE, Window, on_film
from pneumo_core.inference.input_checks import (
    FeatureChecks,
    ImageCheck,
    check_lungs,
    raw_warning,
)
from pneumo_core.inference.prepare import (
    Form,
    Prepared,
    Refused,
    answered,
    prepare,
    prepare_bytes,
    prepare_path,
    unforeseen,
)
from pneumo_core.inference.runtime import Runtime, answers
from pneumo_core.inference.saliency import class_activation, place, share_inside

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pneumo_core.bundle import Bundle, OperatingPoints
    from pneumo_core.imaging.decode import SourceFacts
    from pneumo_core.imaging.film import Grey
    from pneumo_core.imaging.lungs import Lungs


class Decision(StrEnum):
    """The decision on a film."""

    NORMAL = "NORMAL"
    PNEUMONIA = "PNEUMONIA"
    REFER = "REFER"


def decide(p: float, low: float, high: float, points: OperatingPoints) -> tuple[Decision, str]:
    """The decision on a film and its reason in a sentence.

    `p` is P(pneumonia) of the film, `low` and `high` its range when mirrored, cropped or shifted,
    0..1.
    NORMAL below the screening point, PNEUMONIA at or above the ruling-in point, REFER between
    them, and REFER where the range reaches from one side to the other. A range that crosses one
    point alone changes nothing but the sentence.
    """
    span = per_cent_range(low, high)
    share, screening, ruling_in = distinct_per_cents(p, points.screening, points.ruling_in)
    beyond = crossing(p, low, high, points.screening, points.ruling_in)
    if low < points.screening and high >= points.ruling_in:
        return Decision.REFER, (
            f"Refer: small crops and shifts of this film change the answer ({share} as it is, "
            f"{span} when cropped, shifted or mirrored). A radiologist should read it."
        )
    if p < points.screening:
        return Decision.NORMAL, (
            f"No sign of pneumonia: {share} ({span} when mirrored, cropped or shifted), below the "
            f"screening point of {screening}.{beyond} This does not rule pneumonia out."
        )
    if p >= points.ruling_in:
        return Decision.PNEUMONIA, (
            f"Signs of pneumonia: {share} ({span} when mirrored, cropped or shifted), at or above "
            f"the ruling-in point of {ruling_in}.{beyond}"
        )
    return Decision.REFER, (
        f"Refer: {share} ({span} when mirrored, cropped or shifted) lies between the screening "
        f"point of {screening} and the ruling-in point of {ruling_in}. A radiologist should "
        "read it."
    )


def crossing(p: float, low: float, high: float, screening: float, ruling_in: float) -> str:
    """A sentence, with a blank before it, where a film is not referred though its range crosses the
    point that it was judged by; "" where it does not.
    """
    if p < screening <= high:
        where = f"raise it to {per_cent(high)}, above the screening and below the ruling-in point"
    elif p >= ruling_in > low:
        where = f"lower it to {per_cent(low)}, below the ruling-in and above the screening point"
    else:
        return ""
    return (
        f" Small crops and shifts {where}: a film is referred for this only if it crosses both "
        "points."
    )


__all__ = ["Decision", "Reader", "Reading"]


@dataclass(frozen=True)
class Reading:
    """The answer to one film; `message` gives decision and reason in plain sentences.

    Probabilities are calibrated, 0..1: `p_pneumonia` of the film as it is, `p_low` and `p_high`
    its range when mirrored, cropped or shifted, `p_bacterial` and `p_viral` those of the two
    classes (they add up to `p_pneumonia`; None where the model has no subtypes). `threshold_low`
    and `threshold_high` are the screening and ruling-in points. `cam` float32 (h,w) in 0..1,
    `pixels` uint8 (H,W) for display, longest side at most 1024. `ms` is all the time it took.
    Without status "ok" there is no decision and no probability. With it, `gate_ok` is False where
    the image is out of distribution or not upright: then the decision is REFER, whatever the
    probability. `orientation` is one of `bundle.feature_checks.ORIENTATIONS`; `in_distribution`:
    the bundle has both feature checks, and the image passed them. `lungs` are those found on the
    film, None without a lung finder; `window` is what the network saw of the film; `where` names
    the zones that the map marks, and `inside_lungs` is the share of its evidence, 0..1, that lies
    inside the lungs, None where they are not known.
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
    orientation: str = UPRIGHT
    in_distribution: bool = False
    where: str = ""
    lungs: Lungs | None = None
    window: Window = WHOLE
    inside_lungs: float | None = None
    ms: float = 0.0
    cam: NDArray[np.float32] | None = None
    pixels: NDArray[np.uint8] | None = None
    facts: SourceFacts | None = None
    disclaimer: str = DISCLAIMER

    @property
    def bacterial_share(self) -> float | None:
        """P(bacterial | pneumonia), 0..1. Exploratory: films do not discriminate between them."""
        if self.p_bacterial is None or self.p_viral is None:
            return None
        both = self.p_bacterial + self.p_viral
        return self.p_bacterial / both if both > 0 else None


class Reader:
    """Reads films with one bundle (None: the one in service). Raises BundleError on a bad one.

    Safe to share between threads. Whatever film it is given, it answers with a Reading.
    `throughput`: for many films at once rather than for one that a person waits for; `streams` is
    the number of threads that it then serves.
    """

    def __init__(self, bundle: Bundle | None = None, *, throughput: bool = False) -> None:
        self.bundle = load_bundle() if bundle is None else bundle
        self._runtime = Runtime(self.bundle, throughput=throughput)
        self._feature_checks = FeatureChecks(self.bundle, len(self._runtime.head_kernel))

    @property
    def streams(self) -> int:
        """How many threads it serves at once."""
        return self._runtime.streams

    def form(self, *, display: bool = True) -> Form:
        """How a film is prepared for this reader; without `display` readings have no pixels."""
        return Form(self._runtime.framing.side, display)

    def read_bytes(self, data: bytes, film: Film | None = None) -> Reading:
        """Read the bytes of a picture or DICOM file; `film` is it, where it was decoded before."""
        return self.read_prepared(prepare_bytes(data, self.form(), film=film))

    def read_path(self, path: Path | str) -> Reading:
        """Read a file."""
        limits = load_settings().limits
        return self.read_prepared(prepare_path(Path(path), self.form(), limits))

    def read(self, film: Film) -> Reading:
        """Read a film that is already decoded."""
        return self.read_prepared(answered(lambda: prepare(film, self.form())))

    def read_prepared(self, film: Prepared | Refused) -> Reading:
        """Read a film that was prepared in `form`."""
        start = time.perf_counter()
        if isinstance(film, Refused):
            reading = self._blank("rejected" if film.foreign else "error", film.message)
        else:
            try:
                reading = self._read(film)
            except Exception as error:  # noqa: BLE001 - one odd film must not stop a worklist
                reading = self._blank("error", unforeseen(error))
        return replace(reading, ms=film.ms + 1000 * (time.perf_counter() - start))

    def _read(self, film: Prepared) -> Reading:
        image_check, lungs = film.check, None
        if image_check.ok or image_check.tinted:
            lungs = self._runtime.framing.lungs(film.small, film.shape)
            image_check = check_lungs(image_check, lungs)
        if not image_check.ok:
            message = f"Not read: {' '.join(image_check.reasons)}"
            return replace(
                self._blank("rejected", message),
                gate_reasons=image_check.reasons,
                lungs=lungs,
                pixels=film.pixels,
                facts=film.facts,
            )
        return self._read_usable(film, image_check, lungs)

    def _read_usable(self, film: Prepared, image_check: ImageCheck, lungs: Lungs | None) -> Reading:
        bundle, framing = self.bundle, self._runtime.framing
        window = framing.window(lungs, film.shape)
        chances, features = answers(bundle, self._runtime, film.copy, window)
        p = 1.0 - chances[:, 0]
        low, high = float(p.min()), float(p.max())
        decision, message = decide(float(p[0]), low, high, bundle.points)
        quarters = lungs.quarters if lungs else 0
        negative = lungs is not None and lungs.negative
        orientation, reasons = self._feature_checks.check(
            features, quarters=quarters, negative=negative
        )
        if reasons:
            decision, message = Decision.REFER, f"Refer: {' '.join(reasons)}"
        raw = raw_warning(film.facts)
        if raw:
            message = f"{message} Note: {raw[0]}"
        kernel = self._runtime.head_kernel
        evidence = class_activation(features, kernel, chances[0], bundle.temperature)
        cam = on_film(evidence, window)
        masks = lungs.masks if lungs and not quarters else None
        subtypes = bundle.classes == ("normal", "bacterial", "viral")
        return replace(
            self._blank("ok", message),
            decision=decision,
            p_pneumonia=float(p[0]),
            p_low=low,
            p_high=high,
            p_bacterial=float(chances[0, 1]) if subtypes else None,
            p_viral=float(chances[0, 2]) if subtypes else None,
            gate_ok=not reasons,
            gate_reasons=(*reasons, *image_check.reasons, *raw),
            orientation=orientation,
            in_distribution=self._feature_checks.complete and not reasons,
            where=place(cam, masks),
            lungs=lungs,
            window=window,
            inside_lungs=None if masks is None else share_inside(cam, masks),
            cam=cam,
            pixels=film.pixels,
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


# For each orientation but upright: what corrects it, by the note that the reading carries.
CORRECTIONS: dict[str, dict[str, Callable[[Grey], Grey]]] = {
    "sideways": {
        "rotated 90° clockwise": lambda pixels: np.rot90(pixels, -1),
        "rotated 90° counterclockwise": lambda pixels: np.rot90(pixels, 1),
    },
    "upside down": {"rotated 180°": lambda pixels: np.rot90(pixels, 2)},
    "negative": {"grey levels inverted": lambda pixels: 255 - pixels},
}


def read_upright(reader: Reader, film: Film, orientation: str) -> Reading:
    """The reading of `film`, of one of the orientations of `CORRECTIONS`, after its correction.

    Of two rotations: the one after which the film passes as upright, or the first. The correction
    is the last of the facts' notes. A mirrored film is not distinguished from a rotated one.
    """
    found = []
    for note, correct in CORRECTIONS[orientation].items():
        facts = replace(film.facts, notes=(*film.facts.notes, note))
        if orientation == "sideways":
            facts = replace(facts, width=facts.height, height=facts.width)
        pixels = np.ascontiguousarray(correct(film.pixels))
        found.append(reader.read(Film(pixels, facts)))
    return next((reading for reading in found if reading.gate_ok), found[0])
