"""What can be done with a model on the shelf."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import state
from pages.ui.models import stock
from pages.ui.models.loss import reliable, what_is_lost, what_remains
from pages.ui.page import plain

if TYPE_CHECKING:
    from pneumo_core.bundle import Bundle


def verify(name: str) -> None:
    """Read every file again and compare its hash."""
    with st.spinner(f"Reading every file of {name}…"):
        found = stock.check_again(name).found
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

    shelf = [checked.found for checked in stock.shelf()]
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
