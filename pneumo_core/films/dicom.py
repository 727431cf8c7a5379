"""The DICOM branch of decode: read, refuse what is no frontal chest radiograph, show."""

from __future__ import annotations

import logging
import threading
import warnings
import zlib
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

from pydicom import dcmread
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from pneumo_core.errors import UnreadableImage
from pneumo_core.films.acceptance import doubts, refuse_foreign
from pneumo_core.films.film import Grey, Picture
from pneumo_core.films.header import AGAIN, check_size, dicom_start
from pneumo_core.films.presentation import as_seen
from pneumo_core.films.stored import stored_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataset import Dataset

    from pneumo_core.config import Limits

__all__ = ["parse", "pixels_of", "read_dicom", "refuse_foreign"]

# The only elements that are read: none of them is about the patient.
_ELEMENTS = [
    "SOPClassUID",
    "Modality",
    "PresentationIntentType",
    "BodyPartExamined",
    "AnatomicRegionSequence",
    "ViewPosition",
    "NumberOfFrames",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "ModalityLUTSequence",
    "RescaleSlope",
    "RescaleIntercept",
    "VOILUTSequence",
    "WindowCenter",
    "WindowWidth",
    "VOILUTFunction",
    "PixelData",
]
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_quiet_lock = threading.RLock()

# pydicom's warnings may quote a value; none may reach a log.
logging.getLogger("pydicom").setLevel(logging.CRITICAL)


def read_dicom(data: bytes, limits: Limits) -> Picture:
    """The frontal chest radiograph in `data`. Raises UnreadableImage for anything else."""
    with _quiet():
        dataset = parse(data, limits)
        refuse_foreign(dataset)
        _complete(dataset)
        check_size(dataset.Columns, dataset.Rows, limits)
        pixels, notes = pixels_of(dataset)
        notes = (*doubts(dataset), *notes, "burned-in text is not removed")
        return Picture(pixels, int(dataset.BitsStored), "grey", 0.0, notes)


def parse(data: bytes, limits: Limits) -> Dataset:
    """The elements of `data` that a film needs; also of a file whose header was cut off."""
    start = dicom_start(data) or 0
    _refuse_swollen(data, start, limits)
    with _quiet():
        dataset = dcmread(BytesIO(data[start:]), force=True, specific_tags=list(_ELEMENTS))
        if "TransferSyntaxUID" not in dataset.file_meta:
            implicit, _ = dataset.original_encoding
            plain = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
            dataset.file_meta.TransferSyntaxUID = plain
    return dataset


def pixels_of(dataset: Dataset) -> tuple[Grey, tuple[str, ...]]:
    """uint8 (rows, columns) as meant to be seen, and notes; asks not what the film shows."""
    with _quiet():
        if dataset.BitsAllocated not in {8, 16}:
            raise UnreadableImage(
                f"This film has {dataset.BitsAllocated} bits a pixel, not 8 or 16.", AGAIN
            )
        return as_seen(stored_values(dataset), dataset)


def _complete(dataset: Dataset) -> None:
    """Fill in what can only have one value; refuse a film that leaves out anything else.

    The Image Pixel module (PS3.3 C.7.6.3) asks for all of them; older writers leave some out.
    """
    for name in ("Rows", "Columns", "BitsAllocated", "PhotometricInterpretation"):
        if dataset.get(name) in (None, ""):
            raise UnreadableImage(f"This DICOM film does not state its {name} {Tag(name)}.", AGAIN)
    dataset.setdefault("SamplesPerPixel", 1)
    dataset.setdefault("PixelRepresentation", 0)
    dataset.setdefault("BitsStored", dataset.BitsAllocated)
    dataset.setdefault("HighBit", dataset.BitsStored - 1)


def _refuse_swollen(data: bytes, start: int, limits: Limits) -> None:
    """A deflated data set is unpacked whole by pydicom: see first that it fits."""
    if _DEFLATED not in data[:1024]:
        return
    # The header begins with (0002,0000), whose value is the length of the rest of it.
    header = 132 if data[128:132] == b"DICM" else start
    begin = header + 12 + int.from_bytes(data[header + 8 : header + 12], "little")
    room = 2 * limits.max_pixels + 2**20
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflater.decompress(data[begin:], room)
    if inflater.unconsumed_tail:
        raise UnreadableImage("This DICOM file unpacks to more than is read.", AGAIN)


@contextmanager
def _quiet() -> Iterator[None]:
    with _quiet_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
