"""Input checks: is the image a radiograph at all, in distribution, and upright?

The image check comes before any probability: few simple measures, each far outside the range of
chest films. The most extreme of 5,216 paediatric films is in brackets beside each threshold. A
grey-level image of something else may pass it; the feature checks of the bundle see those.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pneumo_core.bundle.feature_checks import UPRIGHT, Orientation, OutOfDistribution
from pneumo_core.bundle.integrity import broken
from pneumo_core.imaging.decode import Film, resize
from pneumo_core.imaging.dicom_content import RAW
from pneumo_core.imaging.lungs import COPY_SIDE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumo_core.bundle import Bundle
    from pneumo_core.imaging.film import Grey, SourceFacts
    from pneumo_core.imaging.lungs import Lungs


_ASPECT = 4.0  # longest by shortest side (2.1; originals of the same set reach 3)
_CHROMA = 0.03  # share of coloured pixels (0.00)
_RANGE = 40  # grey levels between the 1st and 99th percentile (85)
_WHITE, _BLACK = 0.5, 0.7  # share of white (0.12), of black pixels (0.36)
_LEVELS = 8  # distinct grey levels (113)
_ONE_LEVEL, _FLAT = 0.15, 0.08  # pixels of the most frequent grey level (0.08), flat blocks (0.02)
_STRUCTURE = 0.35  # correlation of pixels 8/224 of a side apart (0.58; with noise added 0.47)

_ORIGINAL = "Drop the original film instead."
_ALONE = "Drop the film alone, not a page or a screen that shows it."


@dataclass(frozen=True)
class ImageCheck:
    """Whether the image passes; `reasons` why not, each with what to do, or warnings if it does.

    `tinted`: its colour is all that speaks against it. A tinted scan or a photograph of a film is
    read where lungs are found on it.
    """

    ok: bool
    reasons: tuple[str, ...] = ()
    tinted: bool = False


def check_film(film: Film, copy: Grey | None = None) -> ImageCheck:
    """Reject what is clearly no radiograph; chest films pass, with or without a border.

    `copy`: the film as `resize` makes it square, used where it is of 224 pixels.
    """
    inner = _without_border(film.pixels)
    known = copy is not None and copy.shape == (COPY_SIDE,) * 2 and inner.shape == film.pixels.shape
    colour, others = (
        _colour(film),
        [*_aspect(film.pixels.shape), *_form(inner, copy if known else None)],
    )
    reasons = (*colour, *others)
    return ImageCheck(ok=not reasons, reasons=reasons, tinted=bool(colour) and not others)


def check_copy(copy: Grey, shape: tuple[int, int], lungs: Lungs | None) -> ImageCheck:
    """The image check of a film of `shape` (H, W) by its square copy, and of its lungs.

    The copy has no colour left to judge.
    """
    reasons = (*_aspect(shape), *_form(_without_border(copy)))
    return check_lungs(ImageCheck(ok=not reasons, reasons=reasons), lungs)


def check_lungs(check: ImageCheck, lungs: Lungs | None) -> ImageCheck:
    """The image check of a film and what its lungs say; `lungs` is None without a lung finder.

    Without a pair of lungs it is no frontal chest film. Lungs that the edge cuts off are a warning,
    and so is colour on a film that shows lungs.
    """
    if lungs is None or not (check.ok or check.tinted):
        return check
    if not lungs.found:
        return ImageCheck(ok=False, reasons=(*check.reasons, *lungs.reasons))
    warnings = [TINTED] if check.tinted else []
    if lungs.cut_off:
        warnings.append(_cut_off(lungs.cut_off))
    return ImageCheck(ok=True, reasons=tuple(warnings))


TINTED = (
    "the picture is in colour, like a tinted scan or a photograph of a film; the original film "
    "gives a more reliable answer."
)


RAW_VALUES = (
    "the file holds raw detector values (FOR PROCESSING), not the film as it is shown; its grey "
    "levels may be unlike those of the training films. Prefer the image for display."
)


def raw_warning(facts: SourceFacts) -> tuple[str, ...]:
    """The warning for a DICOM film that is not meant for display: () for any other."""
    return (RAW_VALUES,) if RAW in facts.notes else ()


def _cut_off(edges: tuple[str, ...]) -> str:
    where = {"top": "top", "bottom": "bottom", "left": "left edge", "right": "right edge"}
    named = " and the ".join(where[edge] for edge in edges)
    return f"the lungs are cut off at the {named} of the film; the part outside it is not assessed."


def _aspect(shape: tuple[int, ...]) -> list[str]:
    short, long = sorted(shape)
    if long < _ASPECT * short:
        return []
    return [f"This image is {long / short:.1f} times as long as wide. Drop the whole film."]


def _colour(film: Film) -> list[str]:
    if film.facts.chroma < _CHROMA:
        return []
    return [f"This is a colour image, not a radiograph. {_ORIGINAL}"]


def _without_border(pixels: Grey) -> Grey:
    """Without the rows and columns at the edges that have one grey level, black or other."""
    rows = np.flatnonzero(np.ptp(pixels, axis=1) > 8)
    columns = np.flatnonzero(np.ptp(pixels, axis=0) > 8)
    if not rows.size or not columns.size:
        return pixels
    return pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _form(pixels: Grey, copy: Grey | None = None) -> list[str]:
    """The first fault in the grey levels of `pixels` (H, W); `copy`: the same at 224 × 224."""
    # A fifth of the time of np.bincount, which makes 8 bytes of each first.
    counts = cv2.calcHist([pixels], [0], None, [256], [0, 256]).ravel().astype(np.float64)
    share = counts / pixels.size
    levels = int((counts > 0).sum())
    low, high = np.searchsorted(np.cumsum(share), [0.01, 0.99])
    if high - low < _RANGE:
        found = f"This image is blank or nearly so. {_ORIGINAL}"
    elif share[245:].sum() > _WHITE:
        found = f"This looks like a page: most of it is white. {_ALONE}"
    elif levels < _LEVELS:
        found = f"This looks like a drawing: it has only {levels} grey levels. {_ORIGINAL}"
    # Dark levels are left out: the background of a film may have one.
    elif share[60:].max() > _ONE_LEVEL and _flat_blocks(pixels) > _FLAT:
        found = f"This looks like a screenshot or a figure: much of it has one grey level. {_ALONE}"
    elif share[:11].sum() > _BLACK:
        found = f"This image is almost entirely black. {_ORIGINAL}"
    elif _structure(resize(pixels, COPY_SIDE) if copy is None else copy) < _STRUCTURE:
        found = (
            "This image is all fine detail, like text or a rough surface; a radiograph is "
            f"smooth. {_ORIGINAL}"
        )
    else:
        return []
    return [found]


def _flat_blocks(pixels: Grey) -> float:
    """Share of blocks, not dark, whose pixels all have one grey level: 0..1.

    32 × 32 blocks, fewer where they would be under 12 pixels: strong JPEG compression makes
    its own blocks of 8 × 8 flat.
    """
    counts = [min(max(side // 12, 1), 32) for side in pixels.shape]
    at = [np.arange(n) * side // n for n, side in zip(counts, pixels.shape, strict=True)]
    brightest = np.maximum.reduceat(np.maximum.reduceat(pixels, at[0], axis=0), at[1], axis=1)
    darkest = np.minimum.reduceat(np.minimum.reduceat(pixels, at[0], axis=0), at[1], axis=1)
    return float(((brightest == darkest) & (darkest >= 60)).mean())


def _structure(copy: Grey) -> float:
    """Correlation (-1..1) of pixels 8 apart, across and down, of a film at 224 × 224."""
    small = copy.astype(np.float64)
    small -= small.mean()
    across = (small[:, 8:] * small[:, :-8]).mean()
    down = (small[8:] * small[:-8]).mean()
    return float((across + down) / 2 / max(small.var(), 1e-6))


OOD = (
    "this image is out of distribution: unlike the training films, so the probability is "
    "unreliable."
)
OOD_ADVICE = f"{OOD} If it is a frontal chest film, a radiologist should read it."
NOT_UPRIGHT = "this film does not have the orientation of the training films."
NEGATIVE = "the grey levels of this film are unlike those of the training films."
# For each orientation: how a sentence names it, and what to do.
_ADVICE = {
    "sideways": ("lies on its side", "rotate it upright"),
    "upside down": ("is upside down", "rotate it upright"),
    "negative": ("is a negative, with dark bones and bright lungs", "invert its grey levels"),
}


class FeatureChecks:
    """The bundle's out-of-distribution and orientation checks, as far as it has them.

    Raises BundleError where their files do not fit `features`, the number of pooled features of the
    network.
    """

    def __init__(self, bundle: Bundle, features: int) -> None:
        self._out_of_distribution = OutOfDistribution.load(bundle)
        self._orientation = Orientation.load(bundle)
        for check in (self._out_of_distribution, self._orientation):
            if check is not None and check.features != features:
                what = (
                    f"expected {features} features in {check.file}, as its network has, found "
                    f"{check.features}"
                )
                raise broken(bundle.path, what)

    @property
    def complete(self) -> bool:
        """Whether the bundle has both checks."""
        return self._out_of_distribution is not None and self._orientation is not None

    def check(
        self, features: NDArray[np.float32], *, quarters: int = 0, negative: bool = False
    ) -> tuple[str, tuple[str, ...]]:
        """The orientation, of `ORIENTATIONS`, of the film of these features float32 (h,w,K), and
        the reasons to refer it, each with advice: () for an upright film in distribution.

        `quarters`: the quarter turns that bring its lungs upright, where they were found;
        `negative`: they were found with its grey levels inverted. A turned negative is a negative
        first: inverted and read again, it is found to be turned.
        """
        pooled = features.mean(axis=(0, 1))[None]
        known = self._out_of_distribution
        outside = known is not None and known.distances(pooled)[0] > known.limit
        orientation = (
            UPRIGHT if self._orientation is None else self._orientation.classify(pooled)[0]
        )
        if negative:
            orientation = "negative"
        elif quarters:
            orientation = "upside down" if quarters == 2 else "sideways"
        if orientation == UPRIGHT:
            return orientation, ((OOD_ADVICE,) if outside else ())
        appears, remedy = _ADVICE[orientation]
        advice = f"If it is a chest film that {appears}, {remedy} and read it again."
        reason = NEGATIVE if orientation == "negative" else NOT_UPRIGHT
        return orientation, (f"{OOD if outside else reason} {advice}",)
