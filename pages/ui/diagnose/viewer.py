"""The image: the film, the saliency map over it, the map alone, or film and map side by side."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import state
from pages.ui.html import badge
from pages.ui.images import jpeg
from pages.ui.outcomes import outcome_of
from pages.ui.page import plain_words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pages.ui.session_film import Entry
    from pneumo_core.inference.predict import Reading


FILM, BLEND, MAP, SIDE_BY_SIDE = VIEWS = ("Film", "Blend", "Map", "Side by side")
CAPTION = "The map shows what the model responded to. It does not outline a lesion."
LEGEND = (
    '<div class="pn-legend"><div role="img" aria-label="Colours of the map: black is no evidence '
    'for pneumonia, yellow the most."><span>no evidence</span>'
    "<i></i><span>strongest</span></div>"
    f"<p>{CAPTION}</p></div>"
)


@st.fragment
def show_film(key: str) -> None:
    """The picture of one film with its switch and slider; moving them reruns this alone."""
    entry = state.films().get(key)
    if entry is None or not entry.picture:
        return
    with plain_words():
        if has_map(entry.reading):
            _with_map(entry)
        else:
            with st.container(key="film"):
                why = "was not read" if entry.reading.decision is None else "is out of distribution"
                _picture(entry.picture, f"The picture {entry.name}, which {why}")


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


def _with_map(entry: Entry) -> None:
    last_view, last_opacity = state.picture.get()
    view = st.segmented_control(
        "Picture",
        VIEWS,
        default=last_view,
        required=True,
        key="diagnose.view",
        label_visibility="collapsed",
    )
    place = st.container(key="film")
    left, right = st.columns([3, 2], gap="medium")
    opacity = left.slider(
        "Opacity of the map",
        0,
        100,
        last_opacity,
        5,
        format="%d %%",
        key="diagnose.opacity",
        disabled=view in {FILM, MAP},
    )
    right.html(LEGEND)
    state.picture.set((view, opacity))
    if entry.reading.lungs is not None:
        outline = left.toggle(
            "Outline the lungs and what the model saw",
            state.outline.get(),
            key="diagnose.outline",
            help="Right lung blue, left lung orange, as the finder marks them. White frame: the "
            "part that the model was given.",
        )
        state.outline.set(outline)
    if SIDE_BY_SIDE in {view, last_view} and view != last_view:
        st.rerun()  # all of the page: its columns change
    with place:
        _show(entry, view, opacity / 100)


def _show(entry: Entry, view: str, opacity: float) -> None:
    if view == FILM:
        _film(entry)
    elif view == SIDE_BY_SIDE:
        film, blend = st.columns(2)
        with film:
            _film(entry)
        with blend:
            _picture(_mapped(entry, opacity), _described(entry))
    else:
        _picture(_mapped(entry, None if view == MAP else opacity), _described(entry))


def _mapped(entry: Entry, opacity: float | None) -> bytes:
    """JPEG of the map over the film, or of the map alone."""
    from pneumo_core.inference.saliency import heat, outlined, overlay

    pixels, cam = entry.pixels(), entry.reading.cam
    if cam is None:
        return entry.picture
    drawn = heat(cam, pixels.shape) if opacity is None else overlay(pixels, cam, opacity=opacity)
    return jpeg(outlined(drawn, entry.reading) if state.outline.get() else drawn)


def _film(entry: Entry) -> None:
    from pneumo_core.inference.saliency import outlined

    film = entry.picture
    if state.outline.get():
        film = jpeg(outlined(entry.pixels(), entry.reading))
    _picture(film, f"The film {entry.name}")


def _picture(data: bytes, alt: str) -> None:
    st.image(data, width="stretch", alt=alt)


def _described(entry: Entry) -> str:
    return (
        f"Map of the film {entry.name}, {outcome_of(entry.reading).words.lower()}: "
        f"the model responded to {entry.reading.where or 'no single region'}"
    )


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
