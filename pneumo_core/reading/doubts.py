"""Why a network's answer to a picture may mean nothing, judged by the features it saw in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumo_core.bundle.feature_checks import UPRIGHT, load_familiarity, load_orientation
from pneumo_core.bundle.integrity import FAMILIAR, ORIENTATION, broken

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pneumo_core.bundle import Bundle

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
