"""DICOM: read a file, refuse anything but a frontal chest radiograph, return display values."""

from __future__ import annotations

import logging
import re
import threading
import warnings
import zlib
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image
from pydicom import dcmread
from pydicom.dataelem import DataElement
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from pneumo_core.errors import ForeignImage, UnreadableImage
from pneumo_core.imaging import dicom_content
from pneumo_core.imaging.dicom_display import as_seen
from pneumo_core.imaging.dicom_frame import stored_colours, stored_values
from pneumo_core.imaging.dicom_values import number, numbers, texts
from pneumo_core.imaging.film import Grey, Picture
from pneumo_core.imaging.formats import AGAIN, check_memory, check_size, dicom_start, too_costly
from pneumo_core.imaging.raster import grey_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydicom.dataset import Dataset

    from pneumo_core.config import Limits


_EXPECTED = "Expected one frontal chest radiograph (CR, DX, RG or XR), grey, of one frame."

# The only elements that are read for a decision: none of them is about the patient.
_ELEMENTS = [
    *dicom_content.ELEMENTS,
    "DirectoryRecordSequence",
    "PresentationIntentType",
    "NumberOfFrames",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "PlanarConfiguration",
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
    "PixelSpacing",
    "ImagerPixelSpacing",
    "PixelData",
]
_COLOURS = re.compile(r"RGB|YBR_\w+")  # grey films are stored so as well, with equal channels
_LEAST_CHROMA = 0.03  # share of coloured pixels from which a film is in colour
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_PLAIN = b"1.2.840.10008.1.2.1"  # explicit, little endian: the same data set uncompressed
_MAX_READS = 25_000
_HEADER_BYTES = 8 * 2**20  # inflated of a deflated file whose pixels are not asked for
_STATED = ("Rows", "Columns", "BitsAllocated")
_COUNTS = (*_STATED, "SamplesPerPixel", "BitsStored", "HighBit", "PixelRepresentation")
_quiet_lock = threading.RLock()

# pydicom's warnings may quote a value; none may reach a log.
logging.getLogger("pydicom").setLevel(logging.CRITICAL)


def read_dicom(data: bytes, limits: Limits) -> Picture:
    """The frontal chest radiograph in `data`. Raises UnreadableImage for anything else."""
    with quiet():
        dataset = parse(data, limits)
        _spell_out(dataset)
        refuse_foreign(dataset)
        _complete(dataset)
        check_size(dataset.Columns, dataset.Rows, limits)
        check_memory("DICOM", "", dataset.Columns * dataset.Rows, dataset.SamplesPerPixel)
        pixels, chroma, notes = pixels_of(dataset)
        notes = (*doubts(dataset), *notes, "burned-in text is not removed")
        bits, spacing = int(dataset.BitsStored), _pixel_spacing(dataset)
        return Picture(pixels, bits, "grey", chroma, notes, spacing)


def refuse_foreign(dataset: Dataset) -> None:
    """Raise ForeignImage, naming every reason, unless `dataset` may be a chest film."""
    if "PixelData" not in dataset:
        what = dicom_content.what(dataset)
        raise ForeignImage(f"This DICOM file holds no picture: it is {what}.", _EXPECTED)
    reasons = [
        *dicom_content.foreign_kind(dataset),
        *_foreign_form(dataset),
        *dicom_content.foreign_part(dataset),
        *dicom_content.foreign_view(dataset),
    ]
    if reasons:
        raise ForeignImage(f"This DICOM film {' and '.join(reasons)}.", _EXPECTED)


def doubts(dataset: Dataset) -> tuple[str, ...]:
    """What an accepted file does not state, as notes."""
    intent = " ".join(texts(dataset, "PresentationIntentType")).upper()
    return (
        *dicom_content.part_note(dataset),
        *((dicom_content.RAW,) if "PROCESSING" in intent else ()),
    )


def _spell_out(dataset: Dataset) -> None:
    """Photometric Interpretation (0028,0004) as the standard spells it, if it is a known one."""
    stated = " ".join(texts(dataset, "PhotometricInterpretation")).upper()
    grey = re.fullmatch(r"MONOCHROME[ _]?([12]?)", stated)
    if grey:
        dataset.PhotometricInterpretation = f"MONOCHROME{grey[1] or 2}"
    elif stated:
        dataset.PhotometricInterpretation = stated.replace(" ", "_").replace("E_C", "E C")


def _foreign_form(dataset: Dataset) -> list[str]:
    reasons = []
    frames = number(dataset, "NumberOfFrames") or 1
    if frames > 1:
        reasons.append(f"has {frames:.0f} frames, not one")
    # Without the attribute nothing suggests colour.
    stated = str(dataset.get("PhotometricInterpretation") or "MONOCHROME")
    samples = number(dataset, "SamplesPerPixel") or 1
    grey = samples == 1 and stated.startswith("MONOCHROME")
    colours = samples == 3 and number(dataset, "BitsAllocated") == 8
    if stated == "PALETTE COLOR":  # CR Image and DX Image, PS3.3 C.8.1.2 and C.8.11.3
        reasons.append(
            "is stored as colours of a palette (PALETTE COLOR), which DICOM does not allow for a "
            "radiograph: MONOCHROME1 or MONOCHROME2 is expected"
        )
    elif not grey and not (colours and _COLOURS.fullmatch(stated)):
        reasons.append("is in colour, not grey")
    return reasons


def _pixel_spacing(dataset: Dataset) -> float | None:
    """Millimetres a pixel: Pixel Spacing (PS3.3 10.7.1.3), else Imager Pixel Spacing (C.8.11.3).

    None where neither is stated, or pixels are not square.
    """
    for name in ("PixelSpacing", "ImagerPixelSpacing"):
        match numbers(dataset, name):
            case [float(row), float(column)] if 0 < row < 10 and abs(row - column) <= 0.01 * row:
                return row
    return None


def parse(data: bytes, limits: Limits, elements: Sequence[str] = ()) -> Dataset:
    """The elements of `data` that a film needs, or those named, of which none lies behind the
    pixels; also of a file whose header was cut off.
    """
    start, wanted = dicom_start(data) or 0, list(elements or _ELEMENTS)
    header_only = "PixelData" not in wanted
    file = BoundedFile(_inflated(data, start, limits, header_only=header_only)[start:])
    with quiet():
        dataset = dcmread(file, force=True, stop_before_pixels=header_only, specific_tags=wanted)
        if "TransferSyntaxUID" not in dataset.file_meta:
            implicit, _ = dataset.original_encoding
            plain = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
            dataset.file_meta.TransferSyntaxUID = plain
    return dataset


class BoundedFile(BytesIO):
    """A file in memory that ends the reading of a header of tens of thousands of elements.

    Each takes a read or two; a film's header has some hundred elements. Raises UnreadableImage.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._left = _MAX_READS

    def read(self, size: int | None = -1, /) -> bytes:
        """As of any file."""
        self._left -= 1
        if self._left < 0:
            raise too_costly("This DICOM file has more elements than any film needs")
        return super().read(size)


def pixels_of(dataset: Dataset) -> tuple[Grey, float, tuple[str, ...]]:
    """uint8 (rows, columns) for display, share of coloured pixels 0..1, and notes.

    What the film shows is not checked. Raises ForeignImage for a film in colour.
    """
    with quiet():
        if dataset.BitsAllocated not in {8, 16}:
            raise UnreadableImage(
                f"This film has {dataset.BitsAllocated} bits a pixel, not 8 or 16.", AGAIN
            )
        if dataset.SamplesPerPixel == 3:
            return _grey_of_colours(dataset)
        pixels, notes = as_seen(stored_values(dataset), dataset)
        return pixels, 0.0, notes


def _grey_of_colours(dataset: Dataset) -> tuple[Grey, float, tuple[str, ...]]:
    """A grey film that was stored in colours of 8 bits."""
    colours = stored_colours(dataset)
    pixels, chroma, _ = grey_of(Image.fromarray(colours), white_is_zero=False)
    if chroma >= _LEAST_CHROMA:
        raise ForeignImage("This DICOM film is in colour, not grey.", _EXPECTED)
    return pixels, chroma, ("a grey film stored in colours",)


def _complete(dataset: Dataset) -> None:
    """Fill in attributes that can have one value only; refuse a film that lacks any other.

    The Image Pixel module (PS3.3 C.7.6.3) requires all of them; older writers omit some. A number
    in another representation than US (PS3.6) is set right, one that is none is refused.
    """
    for name in ("Rows", "Columns", "BitsAllocated", "PhotometricInterpretation"):
        if not texts(dataset, name):
            raise UnreadableImage(f"This DICOM film does not state its {name} {Tag(name)}.", AGAIN)
    for name in _COUNTS:
        if name in dataset:
            _set_count(dataset, name)
    dataset.setdefault("SamplesPerPixel", 1)
    dataset.setdefault("PixelRepresentation", 0)
    dataset.setdefault("BitsStored", dataset.BitsAllocated)
    dataset.setdefault("HighBit", dataset.BitsStored - 1)
    stored, high = dataset.BitsStored, dataset.HighBit
    if not 1 <= stored <= dataset.BitsAllocated or not stored - 1 <= high < dataset.BitsAllocated:
        raise UnreadableImage(
            f"This DICOM film states {stored} bits stored, up to bit {high}, of "
            f"{dataset.BitsAllocated} allocated.",
            AGAIN,
        )


def _set_count(dataset: Dataset, name: str) -> None:
    found = numbers(dataset, name)
    if not found and name not in _STATED:
        del dataset[name]
        return
    value = found[0] if len(found) == 1 else None
    if value is None or value != int(value) or not 0 <= value < 2**16:
        raise UnreadableImage(
            f"This DICOM film does not state one whole number as its {name} {Tag(name)}.", AGAIN
        )
    dataset[name] = DataElement(Tag(name), "US", int(value))


def _inflated(data: bytes, start: int, limits: Limits, *, header_only: bool) -> bytes:
    """A deflated data set inflated, its size bounded: pydicom inflates in one go, without a limit.

    header_only: its beginning. Any other comes back as it is.
    """
    at = data.find(_DEFLATED, 0, 1024)
    if at < 0:
        return data
    # The header begins with (0002,0000), whose value is the length of the rest of it.
    header = 132 if data[128:132] == b"DICM" else start
    begin = header + 12 + int.from_bytes(data[header + 8 : header + 12], "little")
    room = _HEADER_BYTES if header_only else 2 * limits.max_pixels + 2**20
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    plain = inflater.decompress(data[begin:], room)
    if header_only:
        return _undeflated(data[:begin], at) + plain
    if inflater.unconsumed_tail:
        raise UnreadableImage("This DICOM file unpacks to more data than is allowed.", AGAIN)
    if not inflater.eof:
        raise UnreadableImage("This DICOM file is truncated.", AGAIN)
    return _undeflated(data[:begin], at) + plain


def _undeflated(meta: bytes, at: int) -> bytes:
    """The file's own header, its transfer syntax `at` an offset replaced by the plain one."""
    return meta[:at] + _PLAIN.ljust(len(_DEFLATED), b"\0") + meta[at + len(_DEFLATED) :]


@contextmanager
def quiet() -> Iterator[None]:
    """Keep pydicom's warnings from the log and the terminal: they may quote a value."""
    with _quiet_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
