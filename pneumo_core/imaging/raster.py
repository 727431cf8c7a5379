"""Formats other than DICOM: bytes to grey pixels, by Pillow."""

from __future__ import annotations

import importlib
import math
import struct
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import ExifTags, Image, ImageChops, ImageOps

from pneumo_core.errors import UnreadableImage
from pneumo_core.imaging.film import Picture
from pneumo_core.imaging.formats import AGAIN, check_memory, check_size, frame_size, jpeg_extent

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.ImageFile import ImageFile

    from pneumo_core.config import Limits
    from pneumo_core.imaging.film import Grey


_CHROMA_STEP = 24
_CHROMA_SAMPLE = 1_000_000


def grey_of(image: Image.Image, *, white_is_zero: bool) -> tuple[Grey, float, tuple[str, ...]]:
    """uint8 (H, W) of a loaded picture of any mode, the chroma of SourceFacts, and notes.

    Transparency is composited on black. `white_is_zero`: a TIFF's photometric interpretation.
    """
    if image.mode.startswith("I;16"):
        values = np.asarray(image).astype(np.uint16, copy=False)
        # Pillow inverts 8-bit TIFFs whose zero is white, but not 16-bit ones.
        pixels, bits = to_8_bits(values)
        unused = (f"{bits} of 16 bits used",) if bits < 16 else ()
        return (255 - pixels if white_is_zero else pixels), 0.0, unused
    if image.mode in {"I", "F"}:
        return _stretched(np.asarray(image)), 0.0, ("stretched from darkest to brightest",)
    alpha = None
    if image.has_transparency_data:
        image = image if image.mode == "RGBA" else image.convert("RGBA")
        alpha = image.getchannel("A")
        alpha = None if alpha.getextrema() == (255, 255) else alpha
    elif image.mode not in {"1", "L"}:
        image = image.convert("RGB")
    chroma = _chroma(image)
    grey = image.convert("L")
    if alpha is None:
        return np.array(grey), chroma, ()
    # Luminance is linear: black behind the picture is a product with its alpha.
    return np.array(ImageChops.multiply(grey, alpha)), chroma, ("composited on black",)


def _chroma(image: Image.Image) -> float:
    """Share of pixels that are coloured on black, on a regular grid of a million at most."""
    if image.mode in {"1", "L"}:
        return 0.0
    step = max(1, math.ceil((image.width * image.height / _CHROMA_SAMPLE) ** 0.5))
    grid = image.resize(
        (-(-image.width // step), -(-image.height // step)), Image.Resampling.NEAREST
    )
    channels = np.asarray(grid)
    red, green, blue = channels[..., 0], channels[..., 1], channels[..., 2]
    # Ten times as fast as a reduction over the last axis, which was most of a small film's time.
    brightest = np.maximum(np.maximum(red, green), blue)
    spread = brightest - np.minimum(np.minimum(red, green), blue)
    if image.mode == "RGBA":
        spread = spread.astype(np.uint16) * channels[..., 3] // 255
    return float((spread > _CHROMA_STEP).mean())


def to_8_bits(values: NDArray[np.uint16]) -> tuple[Grey, int]:
    """Unsigned 16-bit `values` as 8 bits, and how many bits they use.

    The scale is the smallest 2**n - 1, n from 8 to 16, that holds the brightest value. So a
    picture stored with all 16 bits keeps its brightness, one of 8 bits is unchanged, and
    12-bit data in a 16-bit file do not come out black; nothing depends on the darkest pixel
    or on how the values are distributed.
    """
    bits = min(max(int(values.max(initial=0)).bit_length(), 8), 16)
    table = np.rint(np.arange(2**bits) * (255 / (2**bits - 1))).astype(np.uint8)
    return table[values], bits


def _stretched(values: NDArray[Any]) -> Grey:
    """Signed, 32-bit or float values, which have no natural range: darkest 0, brightest 255."""
    values = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, span = float(values.min()), float(np.ptp(values))
    return np.rint((values - low) * (255 / span if span else 0.0)).astype(np.uint8)


# Only the plugin of the format that the magic bytes name is imported.
_PLUGINS = {
    "JPEG": ("JpegImagePlugin", "JpegImageFile"),
    "PNG": ("PngImagePlugin", "PngImageFile"),
    "TIFF": ("TiffImagePlugin", "TiffImageFile"),
    "BMP": ("BmpImagePlugin", "BmpImageFile"),
    "WebP": ("WebPImagePlugin", "WebPImageFile"),
    "GIF": ("GifImagePlugin", "GifImageFile"),
    "JPEG 2000": ("Jpeg2KImagePlugin", "Jpeg2KImageFile"),
}
_MODES = {"P": "palette", "PA": "palette", "CMYK": "CMYK"}
_GREY_MODES = {"1", "L", "LA", "La", "I", "F"}
_TIFF_PHOTOMETRIC, _TIFF_BITS, _TIFF_TILE = 262, 258, (322, 323)
_DARKEST_WHITE = 64  # of 255: Pillow keeps the upper 8 of 16 bits a colour
_MAX_JPEG_SCANS = 100  # a progressive film has some ten; thousands cost minutes of decoding


def read_picture(data: bytes, kind: str, limits: Limits, least: int | None = None) -> Picture:
    """Decode `data` of format `kind` (a key of the plugins). Sizes are checked first."""
    if kind == "JPEG":
        data = _whole_jpeg(data)
    image = _open(data, kind)
    check_size(*image.size, limits)
    check_memory(kind, image.mode, image.width * image.height, len(image.getbands()))
    _refuse_costly_or_damaged(image, data, kind, limits)
    bits, mode = _bits(image, data, kind), _mode(image)
    rotated = _orientation_note(image)
    notes = _frame_note(image, kind) + rotated
    # Read before loading, which drops the tags.
    white_is_zero = kind == "TIFF" and _tags(image).get(_TIFF_PHOTOMETRIC) == 0
    size = None
    if least is not None and kind == "JPEG":  # the smallest scale that leaves so much
        turned = rotated and image.getexif()[ExifTags.Base.Orientation] > 4
        size = image.size[::-1] if turned else image.size
        image.draft(None, (least, least))
    image.load()
    if rotated:
        ImageOps.exif_transpose(image, in_place=True)
    pixels, chroma, more = grey_of(image, white_is_zero=white_is_zero)
    if bits == 16 and mode == "colour" and pixels.max() < _DARKEST_WHITE:
        raise UnreadableImage(
            f"This {kind} has 16 bits a colour and uses the lower ones alone: it would come out "
            "black.",
            "Export the film as grey, or with 8 bits.",
        )
    return Picture(pixels, bits, mode, chroma, notes + more, size=size)


def _open(data: bytes, kind: str) -> ImageFile:
    """The picture with its header read and no pixel decoded."""
    module, name = _PLUGINS[kind]
    plugin: Any = getattr(importlib.import_module(f"PIL.{module}"), name)
    image: ImageFile = plugin(BytesIO(data))
    return image


def _tags(image: ImageFile) -> Any:
    return image.tag_v2  # type: ignore[attr-defined]


def _refuse_costly_or_damaged(image: ImageFile, data: bytes, kind: str, limits: Limits) -> None:
    """Refuse what Pillow reads without an error: altered PNG data, huge tiles."""
    if kind == "PNG":
        _open(data, kind).verify()  # the checksum of every chunk
    elif kind == "TIFF":
        width, length = (_tags(image).get(tag, 0) for tag in _TIFF_TILE)
        if max(width, length) > limits.max_side or width * length > limits.max_pixels:
            raise UnreadableImage(f"This TIFF is cut into tiles of {width} × {length}.", AGAIN)


def _whole_jpeg(data: bytes) -> bytes:
    """A JPEG without what lies behind its end. Raises UnreadableImage where it is truncated."""
    extent = jpeg_extent(data)
    scans = data.count(b"\xff\xda") if extent is None else extent.scans
    if extent is None and data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda"):
        raise UnreadableImage("This JPEG is truncated: its image data are incomplete.", AGAIN)
    if scans > _MAX_JPEG_SCANS:
        raise UnreadableImage("This JPEG repeats its picture in too many scans.", AGAIN)
    return data if extent is None else data[: extent.n_bytes]


def _bits(image: ImageFile, data: bytes, kind: str) -> int:
    if kind == "PNG":
        return data[24]  # IHDR: width, height, bit depth
    if kind == "JPEG 2000":
        size = frame_size(data)
        return 8 if size is None else size.bits
    if kind == "TIFF":
        return int(_tags(image).get(_TIFF_BITS, (1,))[0])
    return {"1": 1, "I;16": 16, "I;16B": 16}.get(image.mode, 8)


def _mode(image: Image.Image) -> str:
    grey = image.mode in _GREY_MODES or image.mode.startswith("I;16")
    return "grey" if grey else _MODES.get(image.mode, "colour")


def _frame_note(image: ImageFile, kind: str) -> tuple[str, ...]:
    if not getattr(image, "is_animated", False):
        return ()
    # The pages of a TIFF are a chain that may be long: they are not counted.
    count = "several" if kind == "TIFF" else getattr(image, "n_frames", "several")
    return (f"first frame of {count}",)


def _orientation_note(image: ImageFile) -> tuple[str, ...]:
    """Whether EXIF asks for a rotation; damaged EXIF is ignored, the picture may be intact."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except (OSError, SyntaxError, ValueError, KeyError, TypeError, struct.error):
        return ()
    return ("turned upright by EXIF",) if orientation in range(2, 9) else ()
