"""From a film's pixels to a network's input: the whole film, or a frame set by its lungs.

One way for training, evaluation and reading. A film is first brought to a square copy of `side`
pixels; perturbations act on that copy, as another scanner or archive would act on the film.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.bundle.lung_finder import load_finder
from pneumo_core.errors import BundleError
from pneumo_core.imaging.decode import resize
from pneumo_core.imaging.lung_frame import (
    WHOLE,
    LungFrame,
    Window,
    lung_mask,
    sample,
    window_of,
)
from pneumo_core.imaging.lungs import COPY_SIDE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumo_core.bundle.lung_finder import LungFinder
    from pneumo_core.bundle.registry import Bundle
    from pneumo_core.imaging.film import Grey
    from pneumo_core.imaging.lungs import Lungs


class Framing:
    """How a network sees a film. Safe to share between threads."""

    def __init__(self, size: int, frame: LungFrame | None, finder: LungFinder | None) -> None:
        if frame is not None and finder is None:
            raise BundleError(
                "Expected the lung finder in models/lungs, since this model reads films in a frame "
                "set by the lungs; it is missing. Restore the folder, or train it: python -m "
                "pneumo_core train-lungs IMAGES MASKS"
            )
        self.size, self.frame, self.finder = size, frame, finder

    @property
    def side(self) -> int:
        """Pixels of the square copy that a film is brought to first."""
        return self.size if self.frame is None else COPY_SIDE

    @property
    def key(self) -> str:
        """Another one wherever the same copies give other inputs; "" for the whole film."""
        if self.frame is None or self.finder is None:
            return ""
        return f"{self.frame} {self.finder.digest}"

    def facts(self) -> dict[str, Any]:
        """For a card's "input"."""
        if self.frame is None or self.finder is None:
            return {"size": self.size}
        return {
            "size": self.size,
            "frame": {**asdict(self.frame), "finder": self.finder.digest[:12]},
        }

    def copy(self, pixels: Grey) -> Grey:
        """A film uint8 (H, W) as its square copy, uint8 (side, side)."""
        return resize(pixels, self.side)

    def lungs(self, pixels: Grey, shape: tuple[int, int] | None = None) -> Lungs | None:
        """The lungs of a film uint8 (H, W), None without a finder; `shape` as of the finder."""
        return None if self.finder is None else self.finder(pixels, shape)

    def window(self, lungs: Lungs | None, shape: tuple[int, ...]) -> Window:
        """What the network sees of a film of `shape` (H, W) with these lungs."""
        if self.frame is None or lungs is None:
            return WHOLE
        return window_of(lungs, self.frame, shape)

    def input(self, copy: Grey, window: Window) -> Grey:
        """The network's input uint8 (size, size): `window` of a copy uint8 (side, side)."""
        if self.frame is None:
            return copy
        return sample(copy, window, size=self.size, softness=self.frame.softness)

    def windows(self, copies: NDArray[np.uint8]) -> list[Window]:
        """What the network sees of each of the copies uint8 (N, side, side)."""
        if self.frame is None:
            return [WHOLE] * len(copies)
        return [self.window(self.lungs(copy), copy.shape) for copy in copies]

    def inputs(
        self, copies: NDArray[np.uint8], windows: Sequence[Window] | None = None
    ) -> NDArray[np.uint8]:
        """The inputs uint8 (N, size, size) of copies uint8 (N, side, side).

        `windows`: those to see through, found in the copies themselves where None.
        """
        if self.frame is None:
            return copies
        through = self.windows(copies) if windows is None else windows
        found = [self.input(copy, at) for copy, at in zip(copies, through, strict=True)]
        return np.stack(found) if found else np.empty((0, self.size, self.size), np.uint8)

    def input_of(self, copy: Grey) -> Grey:
        """The network's input uint8 (size, size) of one copy uint8 (side, side)."""
        return self.input(copy, self.windows(copy[np.newaxis])[0])

    def masks(self, copies: NDArray[np.uint8]) -> NDArray[np.bool_] | None:
        """Both lungs of each copy, bool (N, side, side), False where none are found.

        None without a lung finder.
        """
        if self.finder is None:
            return None
        found = np.zeros(copies.shape, np.bool_)
        for mask, copy in zip(found, copies, strict=True):
            lungs = self.finder(copy)
            if lungs.found and not lungs.quarters and not lungs.negative:
                mask[:] = lung_mask(lungs, copy.shape)
        return found


def framing_of(bundle: Bundle, *, throughput: bool = False) -> Framing:
    """How the bundle's network sees a film, with the lung finder beside it where there is one.

    Raises BundleError where the network needs a lung finder and there is none that can be used.
    """
    finder = load_finder(bundle.path.parent, throughput=throughput)
    return Framing(bundle.size, bundle.card.frame, finder)
