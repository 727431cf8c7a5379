"""What can be done with a model: verify, export, delete, put in service, import from a zip."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.ui import cache, state
from pages.ui.html import caution_html
from pages.ui.identity import may
from pages.ui.models import inventory
from pages.ui.models.card_facts import headline
from pages.ui.page import plain, plain_words
from pneumo_core.access import Right, acting_as, current
from pneumo_core.bundle.reliability import judge
from pneumo_core.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from pneumo_core.access import Person
    from pneumo_core.bundle import Bundle, BundleStatus

_NAMED = 3  # models that are named
UNRELIABLE = "This model has reliability warnings:"
MAX_MEGABYTES = 1024
WHAT_IS_CHECKED = (
    "Before import, every file is compared with its hash, the network is scanned for executable "
    "code and tried on a synthetic film. The model is not put in service. Hashes reveal damage, "
    "not the author: compare the SHA-256 with the sender's."
)


def verify(name: str) -> None:
    """Read every file again and compare its hash."""
    with st.spinner(f"Verifying every file of {name}…"):
        found = inventory.check_again(name).found
    good = f"{name}: all files are present and unaltered."
    state.models_message.set(
        f"{name} is damaged; see its entry for details." if found.fault else good
    )
    st.rerun()


def export(name: str, person: Person) -> bytes:
    """The model as a zip, made when `person` has clicked the button: outside of the session."""
    from pneumo_core.bundle.transfer import export_bundle

    with acting_as(person):
        return export_bundle(name)


def readme_of(bundle: Bundle) -> str:
    """The text of the model card; BundleError where it cannot be read."""
    from pneumo_core.bundle.integrity import read_bytes

    return read_bytes(bundle.path, "README.md").decode("utf-8", errors="replace")


def put_in_service(bundle: Bundle) -> None:
    """Put a model in service; asks first where it has reliability warnings."""
    if judge(bundle.card).sound:
        _activate(bundle)
    else:
        state.activation_request.set(bundle.name)
    st.rerun()


def ask_about_service() -> None:
    """Ask for confirmation where a model waits for it; called at the end of a page."""
    from pneumo_core.bundle import load_bundle

    name = state.activation_request.get()
    if name:
        try:
            bundle = load_bundle(name, verify=False)
        except BundleError:  # gone meanwhile, which the page says
            state.activation_request.clear()
        else:
            _confirm(bundle)


@st.dialog("Delete this model?", on_dismiss=state.delete_request.clear)
def confirm_deletion(name: str) -> None:
    """Ask first: a deleted model cannot be restored."""
    from pneumo_core.bundle import remove_bundle

    listed = [checked.found for checked in inventory.all_models()]
    found = next(one for one in listed if one.name == name)
    usable = found.bundle is not None and not found.fault
    back = "Export it first to be able to restore it." if usable else ""
    st.markdown(
        f"**{name}** and all its files will be deleted permanently. {back} "
        f"{plain(loss_sentence(found))}"
    )
    remains = remaining_sentence([one for one in listed if one.name != name])
    if reliable(found):
        st.warning(plain(remains), icon=":material/warning:")
    else:
        st.markdown(plain(remains))
    st.caption("The record of its test-set evaluations is kept.")
    with st.container(horizontal=True):
        if usable:
            st.download_button(
                "Export first",
                data=partial(export, name, current()),
                file_name=f"{name}.zip",
                mime="application/zip",
                key="models.delete.export",
                on_click="ignore",
            )
        keep = st.button("Keep", key="models.delete.no", type="primary")
        delete = st.button("Delete permanently", key="models.delete.yes")
    if delete or keep:
        state.delete_request.clear()
        if delete:
            remove_bundle(name)
            state.models_message.set(f"{name} is deleted.")
        st.rerun()


def reliable(found: BundleStatus) -> bool:
    """Whether the model is intact and its card has no reliability warnings."""
    return found.bundle is not None and not found.fault and judge(found.bundle.card).sound


def loss_sentence(found: BundleStatus) -> str:
    """The quality of the model that would be deleted."""
    if found.bundle is None or found.fault:
        return "It is damaged and cannot be used."
    judgement = judge(found.bundle.card)
    if not judgement.sound:
        return f"It has reliability warnings: {judgement.labels}."
    figures = ", ".join(f"{label} {value}" for label, value in headline(found.bundle.card))
    return "It has no reliability warnings" + (f": {figures}." if figures else ".")


def remaining_sentence(others: Sequence[BundleStatus]) -> str:
    """Which models would remain, and which of them are reliable."""
    if not others:
        return "No model remains: no film can be read until one is imported or trained."
    count = f"{len(others):,} models remain" if len(others) > 1 else "1 model remains"
    good = [other.name for other in others if reliable(other)]
    if not good:
        which = "it has" if len(others) == 1 else "all have"
        return f"{count}, but {which} reliability warnings or damage."
    named = ", ".join(good[:_NAMED])
    more = f" and {len(good) - _NAMED:,} more" if len(good) > _NAMED else ""
    return f"{count}; without reliability warnings: {named}{more}."


@st.dialog("Put this model in service?", on_dismiss=state.activation_request.clear)
def _confirm(bundle: Bundle) -> None:
    st.markdown(f"From then on, {bundle.name} reads the films of all users of this installation.")
    st.html(caution_html(bundle.card, UNRELIABLE))
    with st.container(horizontal=True):
        cancel = st.button("Cancel", key="models.service.no", type="primary")
        confirm = st.button("Put in service anyway", key="models.service.yes")
    if cancel or confirm:
        state.activation_request.clear()
        with plain_words():
            if confirm:
                _activate(bundle)
            st.rerun()


def _activate(bundle: Bundle) -> None:
    """Let every session use this model from now on, once it has loaded."""
    from pneumo_core.bundle import activate

    with st.spinner(f"Putting {bundle.name} in service: verifying files, loading…"):
        cache.reader_of(bundle)
        activate(bundle.name)
    state.models_message.set(
        f"{bundle.name} {bundle.version} is in service: Diagnose uses it from now on."
    )


def show_import(names: list[str], in_service: str) -> None:
    """The drop zone, for who may import; `names` are those of the models that are there."""
    if not may(Right.MANAGE):
        return
    _expect_a_model()
    with st.container(key="models-intake"):
        file = st.file_uploader(
            "Import a model: drop an exported zip here",
            key=state.import_zone_key(),
            max_upload_size=MAX_MEGABYTES,
        )
        if file is not None:
            state.import_refusal.set("")
            _start_import(file, names, in_service)
        if state.import_refusal.get():
            st.error(plain(state.import_refusal.get()), icon=":material/block:")
        st.caption(WHAT_IS_CHECKED)


def _expect_a_model() -> None:
    """Let this session upload more than a film; see `pneumo_core/server/uploads.py`."""
    from pneumo_core.server.uploads import ASKED

    context = get_script_run_ctx()
    if context is not None:
        ASKED.expect_model(context.session_id)


def _start_import(file: UploadedFile, names: list[str], in_service: str) -> None:
    from pneumo_core.bundle.transfer import name_in_zip

    try:
        name = name_in_zip(file)
    except BundleError as error:
        _end(f"{file.name}: nothing was imported. {error}")
        return
    if name not in names:
        _import(file, name, replace=False)
        return
    at_once = " That model is in service: the new one would read films at once." * (
        name == in_service
    )
    st.warning(
        f"{plain(file.name)} holds a model named {name}, which exists already. Import it under "
        f"another name, or replace the existing model permanently.{at_once}",
        icon=":material/content_copy:",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        other = st.text_input(
            "Name of the import", _free(name, names), key="models.name", width=260
        )
        rename = st.button("Import under this name", key="models.rename", type="primary")
        replace = st.button(f"Replace {name}", key="models.replace")
        cancel = st.button("Cancel", key="models.leave")
    if rename or replace:
        _import(file, name if replace else other.strip(), replace=replace)
    if cancel:
        _end("")


def _import(file: UploadedFile, name: str, *, replace: bool) -> None:
    from pneumo_core.bundle.transfer import import_bundle

    with st.status(f"Importing {plain(file.name)}: a few seconds", expanded=False) as status:
        try:
            made = import_bundle(
                file,
                name=name,
                replace=replace,
                report=lambda step: status.update(
                    label=f"{plain(file.name)}: {step[0].lower()}{step[1:]}…"
                ),
            )
        except BundleError as error:
            _end(f"{file.name}: {error}")
    state.models_message.set(
        f"{made.name} {made.version} is imported. Put it in service to use it on Diagnose."
    )
    _end("")


def _end(refusal: str) -> None:
    """Empty the drop zone and start the page anew."""
    state.import_refusal.set(refusal)
    state.empty_import_zone()
    st.rerun()


def _free(name: str, names: list[str]) -> str:
    """A name like `name` that no model has."""
    return next(
        candidate
        for number in range(2, len(names) + 3)
        if (candidate := f"{name[:60]}-{number}") not in names
    )
