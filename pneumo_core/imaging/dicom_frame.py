"""The stored values of a DICOM film: its one frame, decompressed, before any transformation."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydicom.encaps import get_frame
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    JPEG2000,
    UID,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from pneumo_core.errors import UnreadableImage
from pneumo_core.imaging.dicom_values import number
from pneumo_core.imaging.formats import AGAIN, FrameSize, frame_size

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


Stored = NDArray[np.integer[Any]]

# The pydicom plugin for each transfer syntax, so that the result does not depend on what else is
# installed; and those that only GDCM decodes.
_PLUGINS = {
    JPEGBaseline8Bit: "pillow",
    JPEG2000Lossless: "pillow",
    JPEG2000: "pillow",
    RLELossless: "pydicom",
}
_BY_GDCM = {
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
}
_GDCM_SECONDS = 30
_REMEDY = "Export the film uncompressed, or as JPEG or PNG."


def stored_values(dataset: Dataset) -> Stored:
    """Integers (rows, columns) of the one grey frame of `dataset`, as they were stored.

    Raises UnreadableImage for a compression that is not supported and for a frame whose own
    header contradicts the dataset's; pydicom's errors for pixel data that are damaged.
    """
    syntax: UID = dataset.file_meta.TransferSyntaxUID
    if not syntax.is_encapsulated:
        return _right_aligned(dataset)
    if syntax not in _PLUGINS and syntax not in _BY_GDCM:
        name = syntax.name if syntax.name != syntax else "an unknown method"
        raise UnreadableImage(
            f"This film is compressed as {name}, which is not supported.", _REMEDY
        )
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    if syntax == RLELossless:
        _refuse_oversized_rle(frame, dataset)
        return _right_aligned(dataset, decoding_plugin="pydicom")
    size = _stated_size(frame, dataset)
    if syntax == JPEGBaseline8Bit and size.bits > 8:
        syntax = JPEGExtended12Bit  # what it is, whatever the file calls it
    if syntax in _BY_GDCM:
        return _signed(_decode_apart(frame, syntax, size), dataset)
    if syntax == JPEGBaseline8Bit:
        _narrow(dataset)
    return np.asarray(pixel_array(dataset, decoding_plugin=_PLUGINS[syntax]))


def stored_colours(dataset: Dataset) -> NDArray[np.uint8]:
    """Red, green and blue uint8 (rows, columns, 3) of the one frame of `dataset`, 8 bits each.

    Raises UnreadableImage as `stored_values` does.
    """
    syntax: UID = dataset.file_meta.TransferSyntaxUID
    if dataset.BitsAllocated != 8 or dataset.PixelRepresentation:
        raise UnreadableImage("This film is stored in colours of more than 8 bits.", _REMEDY)
    if not syntax.is_encapsulated:
        return np.asarray(pixel_array(dataset), np.uint8)
    if syntax not in _PLUGINS:
        raise UnreadableImage(f"Colours compressed as {syntax.name} are not read.", _REMEDY)
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    if syntax == RLELossless:
        _refuse_oversized_rle(frame, dataset)
    else:
        _stated_size(frame, dataset)
    return np.asarray(pixel_array(dataset, decoding_plugin=_PLUGINS[syntax]), np.uint8)


def _narrow(dataset: Dataset) -> None:
    """Set the bits of a film to the 8 of its JPEG frame, where the header states more.

    A window for the greys that the header states is dropped: it would show these as one dark grey.
    """
    if dataset.BitsAllocated == 8:
        return
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    centre, width = (number(dataset, name) for name in ("WindowCenter", "WindowWidth"))
    if centre is None or width is None or centre + width / 2 > 2 * 2**8:
        for name in ("WindowCenter", "WindowWidth", "VOILUTSequence"):
            if name in dataset:
                delattr(dataset, name)


def _stated_size(frame: bytes, dataset: Dataset) -> FrameSize:
    """The size in the frame's own header, which a decoder trusts; must be that of the dataset."""
    size = frame_size(frame)
    if size is None:
        raise UnreadableImage("The compressed pixel data of this film are damaged.", AGAIN)
    stated = (dataset.Rows, dataset.Columns, dataset.SamplesPerPixel)
    if (size.rows, size.columns, size.samples) != stated:
        kind = "grey" if dataset.SamplesPerPixel == 1 else "coloured"
        raise UnreadableImage(
            f"This DICOM file states {dataset.Columns} × {dataset.Rows} {kind} pixels and holds "
            f"{size.columns} × {size.rows} with {size.samples} channels.",
            AGAIN,
        )
    return size


def _refuse_oversized_rle(frame: bytes, dataset: Dataset) -> None:
    """Run-length coding adds at most 1/128 to incompressible data; more is a decompression bomb."""
    plain = dataset.Rows * dataset.Columns * dataset.SamplesPerPixel * dataset.BitsAllocated // 8
    if len(frame) > 2 * plain + 1024:
        raise UnreadableImage("The compressed pixel data of this film are damaged.", AGAIN)


def _right_aligned(dataset: Dataset, *, decoding_plugin: str = "") -> Stored:
    """The values at the bits where High Bit (0028,0102) says they are.

    PS3.5 section 8.1.1 puts them at the lower end, where pydicom reads them; files from before
    2007 may have them higher up.
    """
    shift = dataset.HighBit + 1 - dataset.BitsStored
    if shift <= 0:
        return np.asarray(pixel_array(dataset, decoding_plugin=decoding_plugin))
    stored = dataset.BitsStored
    dataset.BitsStored = dataset.HighBit + 1
    try:
        return np.asarray(pixel_array(dataset, decoding_plugin=decoding_plugin) >> shift)
    finally:
        dataset.BitsStored = stored


def _decode_apart(frame: bytes, syntax: UID, size: FrameSize) -> NDArray[Any]:
    worker = Path(__file__).with_name("gdcm_worker.py")
    numbers = [str(number) for number in (size.rows, size.columns, size.bits)]
    try:
        # -P: the worker's own folder must not shadow other modules.
        done = subprocess.run(
            [sys.executable, "-P", str(worker), str(syntax), *numbers],
            input=frame,
            capture_output=True,
            timeout=_GDCM_SECONDS,
            check=True,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        raise UnreadableImage(
            "The compressed pixel data of this film are damaged or truncated.", AGAIN
        ) from None
    samples = np.frombuffer(done.stdout, dtype="u1" if size.bits <= 8 else "<u2")
    return samples.reshape(size.rows, size.columns)


def _signed(values: NDArray[Any], dataset: Dataset) -> Stored:
    """Two's complement of BitsStored where PixelRepresentation (0028,0103) says so."""
    if not dataset.PixelRepresentation:
        return values
    spare = 8 * values.itemsize - dataset.BitsStored
    signed: Stored = (values << spare).view(f"i{values.itemsize}") >> spare
    return signed
