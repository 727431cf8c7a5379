"""The image: what the viewer shows of a film, its windows, and the way to the next film."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import state
from pages.ui.components.film_viewer import (
    FULL_RANGE,
    SIDE_BY_SIDE,
    Outline,
    Picture,
    Shown,
    show_film_viewer,
)
from pages.ui.html import badge, data_uri, png
from pages.ui.outcomes import outcome_of
from pages.ui.page import plain_words
from pneumo_core.inference.predict import Decision

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from pages.ui.session_film import Entry
    from pneumo_core.imaging.film import SourceFacts
    from pneumo_core.inference.predict import Reading


KEY = "diagnose.viewer"
MAP_SIDE = 256  # of the map that is sent, pixels
CAPTION = "The map shows what the model responded to. It does not outline a lesion."
MUTED_CAPTION = (
    "No sign of pneumonia on this film, so its map is muted: no colour on it marks a finding."
)
DISPLAY_ONLY = (
    "Zoom, window and inversion change only the display; the model read the unchanged film."
)
NOT_SENT = "Shown at display size: drop the file again to see it at full size."


@st.fragment
def show_film(key: str, *, wide: bool) -> None:
    """The viewer of one film; what is chosen in it reruns this alone. wide: as `is_wide` was when
    the page laid out its columns.
    """
    entry = state.films().get(key)
    if entry is None or not entry.picture:
        return
    if wide != is_wide():
        st.rerun()  # all of the page: its columns change
    with plain_words(), st.container(key="film"):
        view, opacity = state.picture.get()
        shown = Shown(view, opacity, state.outline.get())
        show_film_viewer(viewed(entry, state.full_picture(entry.content)), shown, _keep, key=KEY)
        if has_map(entry.reading):
            st.html(legend_html(entry.reading))


def show_film_viewer_of(entry: Entry, key: str) -> None:
    """The viewer of a film that is not in the list."""
    view, opacity = state.picture.get()
    shown = Shown(view, opacity, state.outline.get())
    show_film_viewer(viewed(entry), shown, _keep, key=key)


def viewed(entry: Entry, full: bytes = b"") -> Picture:
    """What the viewer shows of a film; full: its JPEG at full size, b"" where that has gone."""
    reading, facts, pixels = entry.reading, entry.reading.facts, entry.pixels()
    height, width = pixels.shape
    if facts is not None:
        width, height = facts.width, facts.height
    notes = [DISPLAY_ONLY]
    if not full and max(width, height) > max(pixels.shape):
        notes.insert(0, NOT_SENT)
    return Picture(
        film=entry.key,
        alt=_described(entry),
        width=width,
        height=height,
        picture=entry.picture,
        full=full,
        levels=_levels(reading, pixels.shape) if has_map(reading) else "",
        outlines=_outlines(reading, pixels.shape) if has_map(reading) else [],
        spacing=facts.pixel_spacing_mm if facts is not None else None,
        presets=windows(pixels, reading),
        note=" ".join(notes),
    )


def windows(pixels: NDArray[np.uint8], reading: Reading) -> dict[str, tuple[float, float]]:
    """Windows by name, each the darkest and the brightest grey level shown, of a film (H,W).

    The first shows all that was decoded: of a DICOM film with a window, what that window holds.
    Lungs: the grey levels inside both lungs; bones and mediastinum: those between and around them,
    from the middle of the lungs up. Fixed ones where no upright lungs are known.
    """
    import cv2
    import numpy as np

    first = "The file's window" if _has_window(reading.facts) else "Full range"
    lungs = reading.lungs
    dark, bright = (10.0, 150.0), (100.0, 255.0)
    if lungs is not None and lungs.found and not lungs.quarters:
        cells = lungs.masks.any(axis=-1).astype(np.uint8)
        size = (pixels.shape[1], pixels.shape[0])
        inside = cv2.resize(cells, size, interpolation=cv2.INTER_NEAREST).astype(bool)
        if inside.any() and not inside.all():
            low, middle, high = (float(x) for x in np.percentile(pixels[inside], (1, 50, 97)))
            dark = (low, max(high, low + 16))
            bright = (middle, max(float(np.percentile(pixels[~inside], 99.5)), middle + 16))
    return {first: FULL_RANGE, "Lungs": dark, "Bones and mediastinum": bright}


def legend_html(reading: Reading | None = None) -> str:
    """The colours of the map and what it does not say; of a cleared film, that it is muted."""
    caption = CAPTION
    if reading is not None and reading.decision == Decision.NORMAL:
        caption = f"{MUTED_CAPTION} {CAPTION}"
    return (
        '<div class="pn-legend"><div role="img" aria-label="Colours of the map: black is no '
        'evidence for pneumonia, yellow the most."><span>no evidence</span>'
        f"<i></i><span>strongest</span></div><p>{caption}</p></div>"
    )


def show_stepper(shown: Entry, entries: list[Entry]) -> None:
    """Name and place in the worklist, with buttons (and arrow keys) where there are several."""
    note = badge("Synthetic") if shown.origin else ""
    keys = [entry.key for entry in entries]
    show_steps(
        shown.key, keys, state.open_film, key="diagnose", title=f"{escape(shown.name)} {note}"
    )


def show_film_steps(film: str, order: Sequence[str], go: Callable[[str], None], key: str) -> None:
    """The same for a film of a folder, named by its path there, among the films of a gallery."""
    show_steps(film, order, go, key=key, title=escape(film.rpartition("/")[2]))


def show_steps(
    shown: str, order: Sequence[str], go: Callable[[str], None], *, key: str, title: str
) -> None:
    """`title` (HTML), the place of `shown` in `order`, and buttons that go to its neighbours.

    key: of this row of buttons; where `shown` is not in `order` there is nowhere to go.
    """
    at = order.index(shown) if shown in order else -1
    with st.container(horizontal=True, vertical_alignment="center", key="stepper"):
        st.html(f'<p class="pn-name">{title}</p>')
        if at >= 0 and len(order) > 1:
            _step("Previous", "Left", order, at - 1, go, key)
            st.html(f'<p class="pn-place">{at + 1:,} of {len(order):,}</p>', width="content")
            _step("Next", "Right", order, at + 1, go, key)


def has_map(reading: Reading) -> bool:
    """Whether a map is shown: never on an image out of distribution, where it would mislead."""
    return reading.cam is not None and reading.gate_ok


def is_wide() -> bool:
    """Whether the image needs most of the page: two side by side do."""
    return state.picture.get()[0] == SIDE_BY_SIDE


def _keep(shown: Shown) -> None:
    """Remember what was chosen, for the next film too."""
    state.picture.set((shown.view, shown.opacity))
    state.outline.set(shown.outline)


def _levels(reading: Reading, shape: tuple[int, ...]) -> str:
    """The map as it is shown, a grey PNG with the proportions of the film, as a data URI."""
    import numpy as np

    from pneumo_core.inference.saliency import shown_map, upsample

    cam = shown_map(reading)
    if cam is None:
        return ""
    scale = MAP_SIDE / max(shape)
    size = [max(1, round(scale * side)) for side in shape]
    levels = np.rint(255 * upsample(cam, tuple(size))).astype(np.uint8)
    return data_uri(png(levels), "image/png")


def _outlines(reading: Reading, shape: tuple[int, ...]) -> list[Outline]:
    import numpy as np

    from pneumo_core.inference.saliency import outlines

    size = np.array(shape[::-1])
    return [
        Outline(f"rgb{colour}", np.round((points + 0.5) / size, 4).tolist())
        for colour, points in outlines(reading, shape)
    ]


def _has_window(facts: SourceFacts | None) -> bool:
    """Whether a DICOM file brings the window that it was decoded with."""
    without = ("no window", "window outside")
    return (
        facts is not None
        and facts.format == "DICOM"
        and not any(note.startswith(without) for note in facts.notes)
    )


def _described(entry: Entry) -> str:
    if entry.record.hidden is not None:
        return f"The film {entry.name}"
    words = f"The film {entry.name}, {outcome_of(entry.reading).words.lower()}"
    if not has_map(entry.reading):
        return words
    return f"{words}: the model responded to {entry.reading.where or 'no single region'}"


def _step(  # noqa: PLR0913, PLR0917 - a button
    label: str, shortcut: str, order: Sequence[str], to: int, go: Callable[[str], None], key: str
) -> None:
    inside = 0 <= to < len(order)
    st.button(
        label,
        key=f"{key}.{label.lower()}",
        shortcut=shortcut,
        disabled=not inside,
        on_click=go,
        args=(order[to] if inside else "",),
    )
