"""HTML that several screens use: lists of facts, badges, pictures from pixels, warnings."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.bundle.reliability import judge

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from pneumo_core.bundle.card import Card

SIGN = "⚠\ufe0e"  # as a letter, not as a coloured picture
THUMB_SIDE = 96


def facts_list(rows: Iterable[tuple[str, str]], *, css: str = "") -> str:
    """A line a (name, value): names are text, values HTML. css: a further class."""
    inner = "".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>" for name, value in rows)
    return f'<dl class="{f"pn-facts {css}".strip()}">{inner}</dl>'


def figure_html(words: str) -> str:
    """A figure that breaks, where the page is narrow, before its interval alone."""
    parts = escape(words).split(" [", 1)
    parts[1:] = [f"[{part}" for part in parts[1:]]
    return " ".join(f'<span class="pn-unbroken">{part}</span>' for part in parts)


def badge(words: str, *, css: str = "") -> str:
    """A short note in a frame: "Synthetic". css: a further class."""
    return f'<span class="{f"pn-badge {css}".strip()}">{escape(words)}</span>'


def hint(words: str) -> str:
    """Words (text) in the quiet colour."""
    return f'<span class="pn-hint">{escape(words)}</span>'


def data_uri(data: bytes, mime: str = "image/jpeg") -> str:
    """A picture as a data URI, which a page shows without a request."""
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


def caution_html(card: Card, words: str, *, folded: bool = False) -> str:
    """The reliability warnings of a card under `words`, or folded under a line of labels; "" where
    there are none.
    """
    judgement = judge(card)
    if judgement.sound:
        return ""
    reasons = "".join(f"<li>{escape(reason.words)}</li>" for reason in judgement.reasons)
    if folded:
        lead = f"<strong>{SIGN} {escape(words)}</strong> {escape(judgement.labels)}"
        return f'<details class="pn-caution"><summary>{lead}</summary><ul>{reasons}</ul></details>'
    return (
        f'<div class="pn-caution"><strong>{SIGN} {escape(words)}</strong><ul>{reasons}</ul></div>'
    )


def jpeg(pixels: NDArray[np.uint8], *, quality: int = 90) -> bytes:
    """JPEG of grey (H,W) or RGB (H,W,3) pixels, uint8."""
    import cv2

    picture: Any = pixels if pixels.ndim == 2 else pixels[..., ::-1]
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"Expected pixels that fit a JPEG, got shape {pixels.shape}.")
    return bytes(data)


def png(pixels: NDArray[np.uint8]) -> bytes:
    """PNG of grey pixels (H,W), uint8: without the noise that a JPEG adds."""
    import cv2

    done, data = cv2.imencode(".png", pixels)
    if not done:
        raise ValueError(f"Expected pixels that fit a PNG, got shape {pixels.shape}.")
    return bytes(data)


def decode_grey(data: bytes) -> NDArray[np.uint8]:
    """Pixels uint8 (H,W) of a JPEG made by `jpeg` from grey pixels."""
    import cv2

    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    return np.asarray(pixels, dtype=np.uint8)


def thumbnail(pixels: NDArray[np.uint8]) -> str:
    """A small JPEG of a film (H,W) as a data URI."""
    from pneumo_core.imaging.decode import fit_to_side

    return data_uri(jpeg(fit_to_side(pixels, THUMB_SIDE), quality=75))
