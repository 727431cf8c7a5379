"""The first half of a reading, without a network: decode, check, and keep two small copies.

A film of 2,000 pixels becomes some 50 KB, so that other processes can prepare films and thousands
can wait for the network. One way for one film and for many: the answers are the same.
"""

from __future__ import annotations

import logging
import time
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pneumo_core.errors import ForeignImage, UnreadableImage
from pneumo_core.imaging.decode import decode, fit_to_side, resize
from pneumo_core.imaging.lungs import COPY_SIDE
from pneumo_core.inference.input_checks import ImageCheck, check_film
from pneumo_core.inference.sources import Source

if TYPE_CHECKING:
    from collections.abc import Callable

    from pneumo_core.config import Limits
    from pneumo_core.imaging.film import Film, Grey, SourceFacts

DISPLAY_SIDE = 1024
# A JPEG is decoded at the smallest scale that keeps so many pixels on both sides, four times those
# of the copy. Of 60 originals that is six: probabilities moved by 0.001 on average, 0.007 at most.
# With twice those of the copy it was up to 0.019.
LEAST_SIDE = 4 * COPY_SIDE

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Form:
    """What a reader wants of a film: the side of its copy, and whether pixels for display."""

    side: int
    display: bool = True


@dataclass(frozen=True, eq=False)
class Prepared:
    """A film as the networks need it.

    copy: uint8 (side, side); small: uint8, the film itself or its copy of 224, for the lung finder;
    shape: height and width of the film; pixels: uint8 for display, longest side at most 1024, None
    where they were not asked for; ms: the time that this half took.
    """

    check: ImageCheck
    shape: tuple[int, int]
    copy: Grey
    small: Grey
    pixels: Grey | None
    facts: SourceFacts
    ms: float = 0.0


@dataclass(frozen=True)
class Refused:
    """A file that gave no film: why, in words, and whether it is no picture of a film at all."""

    message: str
    foreign: bool = False
    ms: float = 0.0


def prepare(film: Film, form: Form) -> Prepared:
    """Check a decoded film and make its copies."""
    pixels = film.pixels
    copy = resize(pixels, form.side)
    small = pixels
    if max(pixels.shape) > COPY_SIDE:
        small = copy if form.side == COPY_SIDE else resize(pixels, COPY_SIDE)
    return Prepared(
        check=check_film(film, copy),
        shape=(film.facts.height, film.facts.width),
        copy=copy,
        small=small,
        pixels=fit_to_side(pixels, DISPLAY_SIDE) if form.display else None,
        facts=film.facts,
    )


def prepare_bytes(
    data: bytes, form: Form, limits: Limits | None = None, *, film: Film | None = None
) -> Prepared | Refused:
    """The film in the bytes of a file; `film` is the same, where it has been decoded already."""
    return answered(lambda: _prepared(data, form, limits, film))


def prepare_path(path: Path, form: Form, limits: Limits) -> Prepared | Refused:
    """The film in a file, whose size is checked before it is read."""
    return prepare_source(Source(path, str(path)), form, limits)


def prepare_source(source: Source, form: Form, limits: Limits) -> Prepared | Refused:
    """The film of a source, or why it has none."""
    if source.fault:
        return Refused(source.fault)
    return answered(lambda: _prepared(source.read(limits), form, limits, None))


def _prepared(data: bytes, form: Form, limits: Limits | None, whole: Film | None) -> Prepared:
    least = max(LEAST_SIDE, 4 * form.side)
    if whole is not None and (whole.facts.format != "JPEG" or min(whole.pixels.shape) < 2 * least):
        return prepare(whole, form)
    film = decode(data, limits=limits, least=least)
    found = prepare(film, form)
    if form.display and max(film.pixels.shape) < min(max(found.shape), DISPLAY_SIDE):
        whole = whole or decode(data, limits=limits)
        found = replace(found, pixels=fit_to_side(whole.pixels, DISPLAY_SIDE))
    return found


def answered(make: Callable[[], Prepared]) -> Prepared | Refused:
    """What `make` gives, or why it gives nothing; with the time that it took."""
    start = time.perf_counter()
    found: Prepared | Refused
    try:
        found = make()
    except ForeignImage as error:
        found = Refused(f"Not read: {error}", foreign=True)
    except UnreadableImage as error:
        found = Refused(str(error))
    except Exception as error:  # noqa: BLE001 - one odd film must not stop a worklist
        found = Refused(unforeseen(error))
    return replace(found, ms=1000 * (time.perf_counter() - start))


def unforeseen(error: Exception) -> str:
    """The words for a fault that nobody expected; its kind and place go to the log."""
    log.error("A film could not be read: %s", _trace(error))
    return "This film could not be read: an unexpected error. Try another copy of it."


def _trace(error: Exception) -> str:
    """Kind and place of a fault, without its message: that may quote the file or its tags."""
    frames = traceback.extract_tb(error.__traceback__)
    steps = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    return f"{type(error).__name__} in {' > '.join(steps)}"
