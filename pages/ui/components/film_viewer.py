"""The film viewer: zoom, pan, window and level, invert, and the map beside or over the film.

A canvas of our own and not an existing viewer. Cornerstone and OHIF bring megabytes of script, a
build step and DICOM in the browser, where the patient's tags would arrive too; OpenSeadragon shows
no window and level; Plotly redraws a film of 4,000 × 4,000 pixels in seconds and has no pinch.
Here only the part in sight is drawn, at the size of the screen, so the cost does not grow with the
film; it needs no WebGL, which remote desktops in hospitals often lack.

The browser gets the picture at display size. It fetches the full one when the zoom needs it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import streamlit as st
from streamlit import runtime

from pages.ui.components import component

if TYPE_CHECKING:
    from collections.abc import Callable

FILM, BLEND, MAP, SIDE_BY_SIDE = VIEWS = ("Film", "Blend", "Map", "Side by side")
FULL_RANGE = (0.0, 255.0)

_viewer = component("film_viewer", '<div class="viewer"></div>')


@dataclass(frozen=True)
class Outline:
    """A closed line on the film: its colour (CSS), its points (x, y) in 0..1 of the film."""

    colour: str
    points: list[tuple[float, float]]


@dataclass(frozen=True)
class Picture:
    """What the viewer shows of one film.

    film: names it, another one resets the zoom; width and height: of the original, pixels;
    picture: JPEG at display size; full: JPEG at up to full size, b"" where there is none;
    levels: the map as a data URI of a grey PNG, "" for no map; spacing: millimetres a pixel of the
    original; presets: name → darkest and brightest grey level shown, 0..255; note: a line below.
    """

    film: str
    alt: str
    width: int
    height: int
    picture: bytes
    full: bytes = b""
    levels: str = ""
    outlines: list[Outline] = field(default_factory=list)
    spacing: float | None = None
    presets: dict[str, tuple[float, float]] = field(
        default_factory=lambda: {"Full range": FULL_RANGE}
    )
    note: str = ""


@dataclass(frozen=True)
class Shown:
    """What a person chose: the view, the opacity of the map in per cent, the outlines."""

    view: str = BLEND
    opacity: int = 45
    outline: bool = False


def show_film_viewer(
    picture: Picture, shown: Shown, changed: Callable[[Shown], None], *, key: str
) -> None:
    """The viewer of one film; `changed` is called before the next run with what was chosen."""

    def report() -> None:
        chosen = shown_of(st.session_state[key].shown)
        if chosen is not None:
            changed(chosen)

    _viewer(key=key, data=data_of(picture, shown, key), on_shown_change=report)


def data_of(picture: Picture, shown: Shown, key: str) -> dict[str, Any]:
    """What is sent to the browser: small, with the addresses of the pictures."""
    return {
        **asdict(picture),
        **asdict(shown),
        "picture": _address(picture.picture, f"{key}.picture"),
        "full": _address(picture.full, f"{key}.full") if picture.full else "",
        "palette": _palette() if picture.levels else [],
    }


def shown_of(value: Any) -> Shown | None:
    """What the browser reports, if it is in order; None for anything else."""
    if not isinstance(value, dict):
        return None
    view, opacity, outline = (value.get(name) for name in ("view", "opacity", "outline"))
    if view not in VIEWS or not isinstance(opacity, int | float) or not 0 <= opacity <= 100:
        return None
    return Shown(view, round(opacity), bool(outline))


def _address(data: bytes, place: str) -> str:
    """Where this session's browser finds a JPEG, as long as the page shows it."""
    path = runtime.get_instance().media_file_mgr.add(data, "image/jpeg", place)
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}{path}" if base else path


@cache
def _palette() -> list[int]:
    """Red, green and blue of the 256 levels of the map, as `saliency.heat` has them."""
    import numpy as np

    from pneumo_core.inference.saliency import heat

    ramp = np.linspace(0, 1, 256, dtype=np.float32)[np.newaxis]
    return [int(channel) for channel in heat(ramp, ramp.shape).ravel()]
