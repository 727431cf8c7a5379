"""Is this plainly no radiograph? Asked before any probability is shown.

Few and simple measures, each far outside what chest films reach. The margins, measured on
5,216 paediatric films, are beside the thresholds: (the film that came nearest) → threshold.
A grey picture of something else may pass: what is no chest is not for this gate to know.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.bundle.feature_checks import UPRIGHT, load_familiarity, load_orientation
from pneumo_core.bundle.integrity import FAMILIAR, ORIENTATION, broken
from pneumo_core.imaging.decode import Film, resize

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumo_core.bundle import Bundle
    from pneumo_core.imaging.film import Grey


_ASPECT = 4.0  # longest by shortest side (2.1; originals of the same set reach 3)
_CHROMA = 0.03  # share of coloured pixels (0.00)
_RANGE = 40  # grey levels between the 1st and 99th percentile (85)
_WHITE, _BLACK = 0.5, 0.7  # share of white (0.12), of black pixels (0.36)
_LEVELS = 8  # different grey values (113)
_ONE_SHADE, _FLAT = 0.15, 0.08  # pixels of the commonest shade (0.08) and flat blocks (0.02)
_STRUCTURE = 0.35  # correlation of pixels 8/224 of a side apart (0.58; with noise added 0.47)

_ORIGINAL = "Drop the original film instead."
_ALONE = "Drop the film alone, not a page or a screen that shows it."


@dataclass(frozen=True)
class GateResult:
    """`ok`, or the `reasons` why not, each a plain sentence and what to do."""

    ok: bool
    reasons: tuple[str, ...] = ()


def check_film(film: Film) -> GateResult:
    """Reject what is plainly no radiograph; never a chest film, with or without a border."""
    reasons = [*_aspect(film), *_colour(film), *_form(_without_border(film.pixels))]
    return GateResult(ok=not reasons, reasons=tuple(reasons))


def _aspect(film: Film) -> list[str]:
    short, long = sorted(film.pixels.shape)
    if long < _ASPECT * short:
        return []
    return [f"This picture is {long / short:.1f} times as long as wide. Drop the whole film."]


def _colour(film: Film) -> list[str]:
    if film.facts.chroma < _CHROMA:
        return []
    return [f"This is a colour picture, not a radiograph. {_ORIGINAL}"]


def _without_border(pixels: Grey) -> Grey:
    """Without the rows and columns at the edges that are of one shade, black or other."""
    rows = np.flatnonzero(np.ptp(pixels, axis=1) > 8)
    columns = np.flatnonzero(np.ptp(pixels, axis=0) > 8)
    if not rows.size or not columns.size:
        return pixels
    return pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _form(pixels: Grey) -> list[str]:
    """The first and plainest thing wrong with the greys of `pixels` (H, W)."""
    counts = np.bincount(pixels.ravel(), minlength=256)
    share = counts / pixels.size
    levels = int((counts > 0).sum())
    low, high = np.searchsorted(np.cumsum(share), [0.01, 0.99])
    if high - low < _RANGE:
        found = f"This picture is blank, or nearly so. {_ORIGINAL}"
    elif share[245:].sum() > _WHITE:
        found = f"This looks like a page: most of it is white. {_ALONE}"
    elif levels < _LEVELS:
        found = f"This looks like a drawing: it has only {levels} shades of grey. {_ORIGINAL}"
    # Dark shades are left out: the background of a film may be of one.
    elif share[60:].max() > _ONE_SHADE and _flat_blocks(pixels) > _FLAT:
        found = f"This looks like a screenshot or a figure: much of it is one shade. {_ALONE}"
    elif share[:11].sum() > _BLACK:
        found = f"This picture is almost entirely black. {_ORIGINAL}"
    elif _structure(pixels) < _STRUCTURE:
        found = (
            "This picture is all fine detail, like writing or a rough surface; a radiograph is "
            f"smooth. {_ORIGINAL}"
        )
    else:
        return []
    return [found]


def _flat_blocks(pixels: Grey) -> float:
    """Share of blocks, not dark, whose pixels are all of exactly one shade: 0..1.

    32 × 32 blocks, fewer where they would be under 12 pixels: strong JPEG compression makes
    its own blocks of 8 × 8 flat.
    """
    counts = [min(max(side // 12, 1), 32) for side in pixels.shape]
    at = [np.arange(n) * side // n for n, side in zip(counts, pixels.shape, strict=True)]
    brightest = np.maximum.reduceat(np.maximum.reduceat(pixels, at[0], axis=0), at[1], axis=1)
    darkest = np.minimum.reduceat(np.minimum.reduceat(pixels, at[0], axis=0), at[1], axis=1)
    return float(((brightest == darkest) & (darkest >= 60)).mean())


def _structure(pixels: Grey) -> float:
    """Correlation (-1..1) of pixels 8 apart, across and down, of the film at 224 × 224."""
    small = resize(pixels, 224).astype(np.float64)
    small -= small.mean()
    across = (small[:, 8:] * small[:, :-8]).mean()
    down = (small[8:] * small[:-8]).mean()
    return float((across + down) / 2 / max(small.var(), 1e-6))


STRANGE = (
    "this picture looks unlike every film the model has learnt from, so its answer means little."
)
UNFAMILIAR = f"{STRANGE} If it is a frontal chest film, a radiologist should read it."
TURNED = "this film does not lie as the films that the model knows."
INVERTED = "this film's greys are not as in the films that the model knows."
# What a film seems to be, and what to do about it.
_WAYS = {
    "sideways": ("lies on its side", "turn it upright"),
    "upside down": ("is upside down", "turn it upright"),
    "negative": ("is a negative, with dark bones and bright lungs", "invert its greys"),
}


class Doubts:
    """What the bundle knows of films. Raises BundleError where its files do not fit `features`,
    the number of pooled features of its network.
    """

    def __init__(self, bundle: Bundle, features: int) -> None:
        self._familiar = load_familiarity(bundle)
        self._orientation = load_orientation(bundle)
        for known, file in (
            (self._familiar and self._familiar.subspace.shape[1], FAMILIAR),
            (self._orientation and self._orientation.weights.shape[1] - 1, ORIENTATION),
        ):
            if known is not None and known != features:
                what = f"expected {features} features in {file}, as its network has, found {known}"
                raise broken(bundle.path, what)

    @property
    def knows_films(self) -> bool:
        """Whether the bundle tells both what films look like and how they lie."""
        return self._familiar is not None and self._orientation is not None

    def about(self, features: NDArray[np.float32]) -> tuple[str, tuple[str, ...]]:
        """How the film of these features float32 (h,w,K) lies, of `orientation.WAYS`, and what is
        doubted in plain sentences: () for an upright film.
        """
        pooled = features.mean(axis=(0, 1))[None]
        known, lies = self._familiar, self._orientation
        strange = known is not None and known.distance(pooled)[0] > known.limit
        way = UPRIGHT if lies is None else lies.ways(pooled)[0]
        if way == UPRIGHT:
            return way, ((UNFAMILIAR,) if strange else ())
        seems, remedy = _WAYS[way]
        hint = f"If it is a chest film that {seems}, {remedy} and read it again."
        unlike = INVERTED if way == "negative" else TURNED
        return way, (f"{STRANGE if strange else unlike} {hint}",)
