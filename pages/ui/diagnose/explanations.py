"""Explanations side by side: other maps of the film, how far they agree, and a sanity check."""

from __future__ import annotations

from html import escape
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from pages.ui import cache, state
from pages.ui.diagnose.reread import is_old
from pages.ui.diagnose.viewer import has_map
from pages.ui.html import data_uri, jpeg
from pages.ui.page import plain, plain_words
from pneumo_core.formatting import count, per_cent
from pneumo_core.inference.predict import Decision

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pages.ui.session_film import Entry
    from pneumo_core.bundle import Bundle
    from pneumo_core.inference.explain import Explanation
    from pneumo_core.inference.explain_worker import Request
    from pneumo_core.inference.predict import Reading

CAM = "cam"
_SIDE = 420  # pixels of a picture
_SECONDS = 1.0  # between two looks at maps that are being computed
_FOLDED = 3  # pairs of methods from which their agreement is folded
GRADIENT_METHODS = ("gradcam", "gradcam++", "scorecam", "smoothgrad")
ABOUT = (
    "CAM comes with every reading. The other methods take seconds to a minute each, in a process "
    "of their own. Gradient methods scale each map to its own maximum; here it is multiplied "
    "by the probability of the class explained, so that a low probability gives a faint map."
)
SANITY = "Sanity check: the same maps from a network with randomised weights"


def show_explanations(entry: Entry, bundle: Bundle | None) -> None:
    """The part below the film, folded; nothing where the film has no map."""
    if bundle is None or not has_map(entry.reading) or not entry.picture:
        return
    part = st.expander("Compare explanations", key="explanations", on_change="rerun")
    if not part.open:
        return
    with part:
        if is_old(entry, bundle):
            st.info("Another model gave this answer. Read the film again, then compare the maps.")
            return
        request = state.explained.get().get(entry.content)
        pending = request is not None and request.active
        st.fragment(_compare, run_every=_SECONDS if pending else None)(entry.key, bundle)


def _compare(key: str, bundle: Bundle) -> None:
    """What may be asked for, what is being computed, and the maps so far."""
    entry = state.films().get(key)
    if entry is None:
        return
    with plain_words():
        request = state.explained.get().get(entry.content)
        if request is not None and request.active:
            _pending(request)
        elif request is not None and state.explaining.take():
            st.rerun()  # all of the page: nothing is polled any more
        else:
            _ask(entry, bundle)
        if request is not None and request.error:
            st.error(plain(request.error))
        _results(entry, request)


def _ask(entry: Entry, bundle: Bundle) -> None:
    from pneumo_core.inference.explain import TITLES, targets

    choices = targets(bundle.classes)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        methods = st.pills(
            "Methods",
            GRADIENT_METHODS,
            selection_mode="multi",
            default=["gradcam++"],
            format_func=TITLES.__getitem__,
            key="explain.methods",
            help=ABOUT,
        )
        target = st.selectbox("Explain", choices, key="explain.target", width=160)
        sanity = st.checkbox(SANITY, key="explain.sanity")
        if st.button("Compute the maps", key="explain.start", icon=":material/layers:"):
            _start(entry, bundle, (CAM, *methods), target, sanity=sanity)
            st.rerun()


def _start(
    entry: Entry, bundle: Bundle, methods: tuple[str, ...], target: str, *, sanity: bool
) -> None:
    from pneumo_core.inference.explain import network_input
    from pneumo_core.inference.explain_worker import Request

    explainer = cache.explainer()
    for request in state.explained.get().values():  # one at a time for each session
        explainer.stop(request)
    film = network_input(bundle, entry.pixels(), entry.reading.window)
    request = explainer.submit(Request(bundle, film, methods, target, sanity))
    state.keep_explained(entry.content, request)
    state.explaining.set(True)


def _pending(request: Request) -> None:
    from pneumo_core.inference.explain import TITLES

    done, total = len(request.found), len(request.methods)
    what = TITLES[request.methods[min(done, total - 1)]]
    words = "Waiting for other sessions" if request.state == "waiting" else f"Computing {what}"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(done / total, f"{words}, {done + 1} of {total}")
        st.button("Stop", key="explain.stop", on_click=cache.explainer().stop, args=(request,))


def _results(entry: Entry, request: Request | None) -> None:
    """The maps side by side with what is known of each; below them how far they agree."""
    found = [] if request is None else list(request.found)
    figures = [explanation_html(entry, one) for one in found]
    if not figures:
        figures = [_own_map(entry)]
    st.html(f'<div class="pn-maps">{"".join(figures)}</div>')
    if len(found) > 1:
        st.html(agreement_html(found))
    if found and found[0].target != "pneumonia":
        st.caption(
            f"These maps explain {found[0].target} against all other classes. A radiograph cannot "
            "reliably tell bacterial from viral pneumonia."
        )


def explanation_html(entry: Entry, one: Explanation) -> str:
    """One map on the film: method, share of the evidence inside the lungs, sanity check."""
    from pneumo_core.imaging.lung_frame import on_film
    from pneumo_core.inference.explain import TITLES, sanity_words
    from pneumo_core.inference.saliency import MUTED

    reading = entry.reading
    cam = on_film(one.cam, reading.window)
    if one.method == CAM and reading.decision == Decision.NORMAL:  # as in the viewer
        cam = np.asarray(MUTED * cam, dtype=np.float32)
    lines = [f"Probability of {one.target} {per_cent(one.probability)}"]
    if float(cam.max()) == 0:
        lines.append("The map is empty: no evidence for this class.")
    elif inside := _inside(reading, cam):
        lines.append(inside)
    if one.randomised is not None or one.randomised_flat:
        lines.append(sanity_words(one))
    return _figure(entry, cam, TITLES[one.method], lines)


def agreement_html(found: list[Explanation]) -> str:
    """How far each two of the maps agree, in words; folded where there are many pairs."""
    from pneumo_core.inference.explain import pair_words

    items = [f"<li>{pair_words(one, other)}</li>" for one, other in combinations(found, 2)]
    listed = f'<ul class="pn-problems">{"".join(items)}</ul>'
    if len(items) <= _FOLDED:
        return listed
    pairs = count(len(items), "pairs of methods")
    return f"<details><summary>Agreement of {pairs}</summary>{listed}</details>"


def _own_map(entry: Entry) -> str:
    """The map that the reading brought."""
    from pneumo_core.inference.saliency import shown_map

    cam = shown_map(entry.reading)
    assert cam is not None  # noqa: S101 - else nothing is offered
    inside = _inside(entry.reading, cam)
    return _figure(entry, cam, "CAM", [inside] if inside else [])


def _inside(reading: Reading, cam: NDArray[np.float32]) -> str:
    from pneumo_core.inference.saliency import share_inside

    if reading.lungs is None or reading.inside_lungs is None:
        return ""
    return f"{per_cent(share_inside(cam, reading.lungs.masks))} of the evidence inside the lungs"


def _figure(entry: Entry, cam: NDArray[np.float32], title: str, lines: list[str]) -> str:
    from pneumo_core.imaging.decode import fit_to_side
    from pneumo_core.inference.saliency import overlay

    pixels = fit_to_side(entry.pixels(), _SIDE)
    picture = data_uri(jpeg(overlay(pixels, cam, opacity=0.6), quality=85))
    words = "".join(f"<p>{escape(line)}</p>" for line in lines)
    return (
        f'<figure><img src="{picture}" alt="{escape(title)} on the film {escape(entry.name)}">'
        f"<figcaption><strong>{escape(title)}</strong>{words}</figcaption></figure>"
    )
