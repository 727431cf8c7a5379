"""Stored DICOM values to 8-bit display values (PS3.4 annex N.2).

Every step maps a value to a value, so it is computed once for each value that may occur, not
for each pixel: `levels` below are all integers from the darkest stored value to the brightest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pneumo_core.imaging.dicom_values import number, numbers, texts

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    """Pixel Padding Value and Range Limit (PS3.3 C.7.5.1.1.2), in stored values.

    Both are compared modulo the bits of a pixel: some writers store -2000 beside signed pixels as
    the unsigned 63536, and the other way round.
    """
    none = np.zeros(levels.shape, dtype=bool)
    first, last = (_stored_number(dataset, name) for name in _PADDING)
    if first is None:
        return none
    last = first if last is None else last
    for bits in (dataset.BitsAllocated, dataset.BitsStored):
        low, high = sorted(_wrapped(value, bits, levels) for value in (first, last))
        inside: NDArray[np.bool_] = (levels >= low) & (levels <= high)
        if inside.any():
            return inside
    return none


_PADDING = ("PixelPaddingValue", "PixelPaddingRangeLimit")


def _stored_number(dataset: Dataset, name: str) -> int | None:
    """A whole number of any representation, OW and UN as well."""
    raw = dataset.get(name)
    if isinstance(raw, bytes) and len(raw) in {1, 2, 4} and not raw.strip(b"\0 ").isdigit():
        return int.from_bytes(raw, "big" if _is_big_endian(dataset) else "little")
    value = number(dataset, name)
    return None if value is None else round(value)


def _wrapped(value: int, bits: int, levels: NDArray[Any]) -> int:
    """`value` modulo 2**bits, signed where the levels are."""
    value %= 2**bits
    return value - 2**bits if levels[0] < 0 and value >= 2 ** (bits - 1) else value


def _modality(levels: NDArray[Any], dataset: Dataset) -> Levels:
    """Modality LUT or rescale (PS3.3 C.11.1)."""
    for table in _tables(dataset, "ModalityLUTSequence"):
        return _looked_up(levels, table)
    slope, intercept = number(dataset, "RescaleSlope"), number(dataset, "RescaleIntercept")
    # A slope of 0 would erase the film: it is taken as missing.
    return levels * (slope or 1.0) + (intercept or 0.0)


def _windowed(
    values: Levels, counts: NDArray[Any], dataset: Dataset
) -> tuple[Levels, tuple[str, ...]]:
    """VOI LUT or window (PS3.3 C.11.2): 0..1, and notes. Of several, the first usable one."""
    for table in _tables(dataset, "VOILUTSequence"):
        shown = _looked_up(values, table) / (2**table.bits - 1)
        if _tones(shown, counts) > 1:
            return shown, ()
    note = "no window"
    shape = " ".join(texts(dataset, "VOILUTFunction")).upper() or "LINEAR"
    # Some writers state a width of 0 or 1 where there is no window: it would leave two tones.
    narrowest = 0 if shape in {"SIGMOID", "LINEAR_EXACT"} else 1
    windows = zip(numbers(dataset, "WindowCenter"), numbers(dataset, "WindowWidth"), strict=False)
    for at, (centre, width) in enumerate(windows):
        if centre is None or width is None or width <= narrowest:
            continue
        shown = _window(values, centre, width, shape)
        if _tones(shown, counts) > 1:
            return shown, ((f"window {at + 1} used, the first cannot be",) if at else ())
        note = "window outside all values"
    if dataset.BitsStored == 8 and values.min() >= 0 and values.max() <= 255:
        return values / 255, (f"{note}: shown as stored",)
    return _range_of_pixels(values, counts), (f"{note}: range of the pixels shown",)


def _tones(shown: Levels, counts: NDArray[Any]) -> int:
    """How many of the levels that occur are told apart."""
    return int(np.unique(shown[counts > 0]).size)


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


class _Table(NamedTuple):
    """A LUT: its entries, the first value that it maps, and the bits that its entries use."""

    entries: Levels
    first: int
    bits: int


def _tables(dataset: Dataset, name: str) -> Iterator[_Table]:
    """The usable LUTs of a sequence: an empty item, or one whose data are missing, is none."""
    try:
        items = list(dataset.get(name) or ())
    except Exception:  # noqa: BLE001 - pydicom raises anything at all on a damaged sequence
        return
    for item in items:
        table = _table(item, big_endian=_is_big_endian(dataset))
        if table is not None:
            yield table


def _table(item: Dataset, *, big_endian: bool) -> _Table | None:
    """The LUT of an item (PS3.3 C.11.1.1, C.11.2.1.1); None where it cannot be used.

    Not pydicom's: its VOI LUT of 8-bit entries wraps every index above 255.
    """
    descriptor = numbers(item, "LUTDescriptor")
    if len(descriptor) != 3 or None in descriptor:
        return None
    count, first, stated = (int(value or 0) for value in descriptor)
    count = count % 2**16 or 2**16
    data = item.get("LUTData")
    if isinstance(data, bytes):
        narrow = len(data) < 2 * count
        data = np.frombuffer(
            data[: len(data) // 2 * 2] if not narrow else data,
            "u1" if narrow else ">u2" if big_endian else "<u2",
        )
    elif data is None or isinstance(data, str):
        return None
    entries = np.atleast_1d(np.asarray(data, dtype=np.int64))[:count]
    if entries.size < 2:
        return None
    # Copied from a machine of the other byte order: no entry may have more bits than stated.
    swapped = (entries & 0xFF) << 8 | entries >> 8
    if 8 < stated < 16 and entries.max() >= 2**stated > swapped.max():
        entries = swapped
    # Some files state more bits than they use; the film would come out dark.
    return _Table(entries.astype(np.float64), first, max(int(entries.max()).bit_length(), 8))


def _looked_up(values: NDArray[Any], table: _Table) -> Levels:
    first = table.first
    if first >= 2**15 and values.min() < 0:
        first -= 2**16  # written as unsigned, meant as signed
    index = np.clip(np.rint(values) - first, 0, table.entries.size - 1).astype(np.int64)
    found: Levels = table.entries[index]
    return found


def _is_big_endian(dataset: Dataset) -> bool:
    return dataset.original_encoding[1] is False
