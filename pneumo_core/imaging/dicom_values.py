"""Values of DICOM elements as files hold them: decimal commas, wrong representations, blanks."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def texts(dataset: Dataset, name: str) -> list[str]:
    """The values of an element as text without padding; [] where it is missing or damaged."""
    return [text for text in map(_text, _values(dataset, name)) if text]


def numbers(dataset: Dataset, name: str) -> list[float | None]:
    """The values of an element as finite numbers, None for each that is none.

    A comma is taken for a decimal point: Decimal String (PS3.5 table 6.2-1) forbids it, and some
    writers follow the language of their computer.
    """
    return [_number(value) for value in _values(dataset, name)]


def number(dataset: Dataset, name: str) -> float | None:
    """The first value of an element as a finite number; None where it has none."""
    return next(iter(numbers(dataset, name)), None)


def _values(dataset: Dataset, name: str) -> list[Any]:
    """The single values; those of a text that pydicom did not split too."""
    try:
        value = dataset.get(name)
    except Exception:  # noqa: BLE001 - pydicom raises anything at all on damaged values
        value = _as_stored(dataset, name)
    if value is None:
        return []
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if isinstance(value, str):
        return value.strip("\0 ").split("\\")
    if hasattr(value, "__iter__"):
        return list(value)
    return [value]


def _as_stored(dataset: Dataset, name: str) -> bytes | None:
    try:
        value = dataset.get_item(name).value
    except Exception:  # noqa: BLE001 - as above
        return None
    return value if isinstance(value, bytes) else None


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    return str(value).strip("\0 \t\r\n")


def _number(value: Any) -> float | None:
    text = re.sub(r"[\s'’\0]", "", _text(value))
    if "," in text:
        # Of two kinds of mark, the last is that of the decimals.
        if text.rfind(".") > text.rfind(","):
            text = text.replace(",", "")
        else:
            text = text.replace(".", "").replace(",", ".")
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) else None
