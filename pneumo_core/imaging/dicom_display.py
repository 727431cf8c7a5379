"""Stored DICOM values to 8-bit display values (PS3.4 annex N.2).

Every step maps a value to a value, so it is computed once for each value that may occur, not
for each pixel: `levels` below are all integers from the darkest stored value to the brightest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from pneumo_core.imaging.film import Grey

Levels = NDArray[np.float64]

# Without a window, this share of the pixels at either end is left out of the scale: dead
# pixels and lead markers would otherwise set it.
_TAIL = 0.001


def as_seen(stored: NDArray[Any], dataset: Dataset) -> tuple[Grey, tuple[str, ...]]:
    """`stored` integers (H, W) as uint8 (H, W), 0 black to 255 white, and notes on what was done.

    In this order: padding masked; modality LUT or rescale; VOI LUT or first window, else the
    range of the pixels; MONOCHROME1 inverted; 8 bits; padding black.
    """
    darkest = int(stored.min())
    index = np.subtract(stored, darkest, dtype=np.int32)
    levels = np.arange(darkest, int(stored.max()) + 1)
    padding = _is_padding(levels, dataset)
    counts = np.bincount(index.ravel(), minlength=levels.size) * ~padding

    shown, notes = _windowed(_modality(levels, dataset), counts, dataset)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        shown, notes = 1.0 - shown, (*notes, "inverted MONOCHROME1")
    if padding.any():
        notes = (*notes, "padding shown black")
    table = np.where(padding, 0.0, np.rint(255 * shown)).astype(np.uint8)
    return table[index], notes


def _is_padding(levels: NDArray[Any], dataset: Dataset) -> NDArray[np.bool_]:
    """Pixel Padding Value and Range Limit (PS3.3 C.7.5.1.1.2), in stored values."""
    first = dataset.get("PixelPaddingValue")
    if first is None:
        return np.zeros(levels.shape, dtype=bool)
    last = dataset.get("PixelPaddingRangeLimit")
    last = first if last is None else last
    inside: NDArray[np.bool_] = (levels >= min(first, last)) & (levels <= max(first, last))
    return inside


def _modality(levels: NDArray[Any], dataset: Dataset) -> Levels:
    """Modality LUT or rescale (PS3.3 C.11.1)."""
    if dataset.get("ModalityLUTSequence"):
        values, _ = _looked_up(levels, dataset.ModalityLUTSequence[0])
        return values
    slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
    # A slope of 0 would erase the film: it is taken as missing.
    return levels * float(slope or 1.0) + float(intercept or 0.0)


def _windowed(
    values: Levels, counts: NDArray[Any], dataset: Dataset
) -> tuple[Levels, tuple[str, ...]]:
    """VOI LUT or window (PS3.3 C.11.2): 0..1, and notes. Of several, the first."""
    if dataset.get("VOILUTSequence"):
        shown, bits = _looked_up(values, dataset.VOILUTSequence[0])
        return shown / (2**bits - 1), ()
    note = "no window"
    centre, width = _first(dataset.get("WindowCenter")), _first(dataset.get("WindowWidth"))
    shape = str(dataset.get("VOILUTFunction") or "LINEAR").upper()
    # Some writers state a width of 0 or 1 where there is no window: it would leave two tones.
    narrowest = 0 if shape in {"SIGMOID", "LINEAR_EXACT"} else 1
    if centre is not None and width is not None and width > narrowest:
        shown = _window(values, centre, width, shape)
        if np.unique(shown[counts > 0]).size > 1:
            return shown, ()
        note = "window outside all values"
    if dataset.BitsStored == 8 and values.min() >= 0 and values.max() <= 255:
        return values / 255, (f"{note}: shown as stored",)
    return _range_of_pixels(values, counts), (f"{note}: range of the pixels shown",)


def _first(value: Any) -> float | None:
    if value is None or value == "":
        return None
    return float(value[0]) if hasattr(value, "__getitem__") else float(value)


def _window(values: Levels, centre: float, width: float, shape: str) -> Levels:
    """PS3.3 C.11.2.1.2 (linear) and C.11.2.1.3 (sigmoid, linear exact): 0..1."""
    if shape == "SIGMOID":
        bounded = np.clip(-4 * (values - centre) / width, -700, 700)
        return 1 / (1 + np.exp(bounded))
    if shape != "LINEAR_EXACT":
        centre, width = centre - 0.5, width - 1
    return np.clip((values - centre) / width + 0.5, 0.0, 1.0)


def _range_of_pixels(values: Levels, counts: NDArray[Any]) -> Levels:
    """From the darkest to the brightest shown pixel, without `_TAIL` at either end: 0..1."""
    order = np.argsort(values, kind="stable")
    share = np.cumsum(counts[order]) / max(int(counts.sum()), 1)
    if not counts.any():
        return np.zeros_like(values)
    low = values[order[np.searchsorted(share, _TAIL, side="right")]]
    high = values[order[np.searchsorted(share, 1 - _TAIL)]]
    shown: Levels = np.clip((values - low) / max(high - low, 1e-6), 0.0, 1.0)
    return shown


def _looked_up(values: NDArray[Any], item: Dataset) -> tuple[Levels, int]:
    """`values` through a LUT (PS3.3 C.11.1.1, C.11.2.1.1), and the bits its entries use.

    Not pydicom's: its VOI LUT of 8-bit entries wraps every index above 255.
    """
    count, first, _ = (int(number) for number in item.LUTDescriptor)
    count = count % 2**16 or 2**16
    data = item.LUTData
    if isinstance(data, bytes):
        data = np.frombuffer(data, dtype="u1" if len(data) < 2 * count else "<u2")
    table = np.asarray(data, dtype=np.float64)[:count]
    if first >= 2**15 and values.min() < 0:
        first -= 2**16  # written as unsigned, meant as signed
    index = np.clip(np.rint(values) - first, 0, table.size - 1).astype(np.int64)
    # Some files state more bits than they use; the film would come out dark.
    return table[index], max(int(table.max()).bit_length(), 8)
