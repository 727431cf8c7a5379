"""What can be done with a model on the shelf."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import cache, state
from pages.ui.html import caution_html
from pages.ui.models import inventory
from pages.ui.models.card_facts import headline
from pages.ui.page import plain, plain_words
from pneumo_core.bundle.reliability import judge
from pneumo_core.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumo_core.bundle import Bundle, BundleStatus


_NAMED = 3  # models that are told by name


def reliable(found: BundleStatus) -> bool:
    """Whether the model is whole and nothing in its card speaks against it."""
    return found.bundle is not None and not found.fault and judge(found.bundle.card).sound


def what_is_lost(found: BundleStatus) -> str:
    """How good the model is that would be gone."""
    if found.bundle is None or found.fault:
        return "It is damaged and reads no film as it is."
    against = judge(found.bundle.card)
    if not against.sound:
        return f"Its own card speaks against it: {against.labels}."
    figures = ", ".join(f"{label} {value}" for label, value in headline(found.bundle.card))
    return "Nothing in its card speaks against it" + (f": {figures}." if figures else ".")


def what_remains(others: Sequence[BundleStatus]) -> str:
    """Which models would still be there, and whether any of them could be relied on."""
    if not others:
        return "No model remains: no film can be read until one is imported or trained."
    count = f"{len(others):,} models remain" if len(others) > 1 else "1 model remains"
    good = [other.name for other in others if reliable(other)]
    if not good:
        which = {1: "it should not", 2: "neither should"}.get(len(others), "none of them should")
        return f"{count}, and {which} be relied on."
    named = ", ".join(good[:_NAMED])
    more = f" and {len(good) - _NAMED:,} more" if len(good) > _NAMED else ""
    return f"{count}; nothing speaks against {named}{more}."


def verify(name: str) -> None:
    """Read every file again and compare its hash."""
    with st.spinner(f"Reading every file of {name}…"):
        found = inventory.check_again(name).found
    good = f"{name}: every file is there and as it was recorded."
    state.set_models_message(f"{name} is damaged; its card says how." if found.fault else good)
    st.rerun()


def export(name: str) -> bytes:
    """The model as a zip, made when the button is clicked."""
    from pneumo_core.bundle.transfer import export_bundle

    return export_bundle(name)


def readme_of(bundle: Bundle) -> str:
    """The text of the model card; BundleError where it cannot be read."""
    from pneumo_core.bundle.integrity import read_bytes

    return read_bytes(bundle.path, "README.md").decode("utf-8", errors="replace")


@st.dialog("Delete this model?", on_dismiss=state.cancel_delete)
def confirm_removal(name: str) -> None:
    """Ask first: a model that is deleted does not come back."""
    from pneumo_core.bundle import remove_bundle

    shelf = [checked.found for checked in inventory.shelf()]
    found = next(one for one in shelf if one.name == name)
    usable = found.bundle is not None and not found.fault
    back = "Unless you export it first, it cannot be got back." if usable else ""
    st.markdown(
        f"**{name}** and all its files will be gone for good. {back} {plain(what_is_lost(found))}"
    )
    remains = what_remains([one for one in shelf if one.name != name])
    if reliable(found):
        st.warning(plain(remains), icon=":material/warning:")
    else:
        st.markdown(plain(remains))
    st.caption("How often its test films were looked at stays on record.")
    with st.container(horizontal=True):
        if usable:
            st.download_button(
                "Export it first",
                data=partial(export, name),
                file_name=f"{name}.zip",
                mime="application/zip",
                key="models.delete.export",
                on_click="ignore",
            )
        # Nobody is led to delete a model that is of use.
        kept = st.button("Keep it", key="models.delete.no", type="primary")
        gone = st.button("Delete for good", key="models.delete.yes")
    if gone or kept:
        state.cancel_delete()
        if gone:
            remove_bundle(name)
            state.set_models_message(f"{name} is deleted.")
        st.rerun()


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
