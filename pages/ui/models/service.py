"""Put a model in service: at once where nothing speaks against it, else after a question."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import cache, state
from pages.ui.html import caution_html
from pages.ui.page import plain_words
from pneumo_core.bundle.reliability import judge
from pneumo_core.errors import BundleError

if TYPE_CHECKING:
    from pneumo_core.bundle import Bundle

DOUBT = "Do not rely on this model:"
_WANTED = "models.wanted"


def put_in_service(bundle: Bundle) -> None:
    """What the button does; of a model that something speaks against it asks first."""
    if judge(bundle.card).sound:
        _activate(bundle)
    else:
        st.session_state[_WANTED] = bundle.name
    st.rerun()


def ask_about_service() -> None:
    """Ask, where a model waits for it, whether it is meant; called at the end of a page."""
    from pneumo_core.bundle import load_bundle

    name = str(st.session_state.get(_WANTED, ""))
    if name:
        try:
            bundle = load_bundle(name, verify=False)
        except BundleError:  # gone meanwhile, which the page says
            _forget()
        else:
            _confirm(bundle)


def _forget() -> None:
    st.session_state.pop(_WANTED, None)


@st.dialog("Put this model in service?", on_dismiss=_forget)
def _confirm(bundle: Bundle) -> None:
    st.markdown(
        f"From then on, everybody's films on this installation are read with {bundle.name}."
    )
    st.html(caution_html(bundle.card, DOUBT))
    with st.container(horizontal=True):
        kept = st.button("Leave it", key="models.service.no", type="primary")
        meant = st.button("Put it in service all the same", key="models.service.yes")
    if kept or meant:
        _forget()
        with plain_words():
            if meant:
                _activate(bundle)
            st.rerun()


def _activate(bundle: Bundle) -> None:
    """Let every session read with this model from now on; first see that it can be read with."""
    from pneumo_core.bundle import activate

    with st.spinner(f"Putting {bundle.name} in service: its files are checked, it is loaded…"):
        cache.reader_of(bundle)
        activate(bundle.name)
    state.set_models_message(
        f"{bundle.name} {bundle.version} is in service: Diagnose reads with it from now on."
    )
