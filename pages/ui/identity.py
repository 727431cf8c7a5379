"""Who is at the screen: sign-in by the identity provider, the role, and the pages it opens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pneumo_core.access import NOBODY, Person, Right, Role, current, is_demo
from pneumo_core.config import load_settings
from pneumo_core.server.roles import read_access

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamlit.navigation.page import StreamlitPage

OWNER = Person("local user", Role.ADMIN)
VISITOR = Person("visitor", Role.READER)


def who_acts() -> Person:
    """The person of this session; without PNEUMO_ACCESS, whoever reached the page owns it."""
    path = load_settings().access_file
    if path is None:
        return VISITOR if is_demo() else OWNER
    if get_script_run_ctx() is None:
        return NOBODY
    return read_access(path).person(_user())


def may(right: Right) -> bool:
    """Whether the person at the screen has a right: what has none is not shown."""
    return current().may(right)


SIGN_IN = "Sign in"
# File, title, and the right that a page asks for.
PAGES = (
    ("pages/diagnose.py", "Diagnose", Right.READ),
    ("pages/dataset.py", "Dataset", Right.TRAIN),
    ("pages/training.py", "Training", Right.TRAIN),
    ("pages/metrics.py", "Metrics", Right.VIEW),
    ("pages/models.py", "Models", Right.VIEW),
)


def pages_for_role() -> list[StreamlitPage]:
    """The pages that the person may use; for somebody without a role, the one to sign in on."""
    shown = [(path, title) for path, title, right in PAGES if may(right)]
    if not shown:
        return [st.Page("pages/sign_in.py", title=SIGN_IN, default=True)]
    _show_account()
    return [
        st.Page(path, title=title, default=number == 0)
        for number, (path, title) in enumerate(shown)
    ]


def check_page(title: str) -> None:
    """Stop a page that was opened by its address, without the router, and is not this person's."""
    right = next((right for _, name, right in PAGES if name == title), Right.MANAGE)
    if may(right) or title == SIGN_IN:
        return
    if current().role is None:
        show_sign_in()
    else:
        st.warning(f"Your role does not include the page {title}.", icon=":material/lock:")
    st.stop()


def show_sign_in() -> None:
    """The button to sign in; for somebody who did and has no role, what to do."""
    if _user().get("is_logged_in"):
        st.warning(
            f"{current().name} has no role in this installation. Ask its administrator for one.",
            icon=":material/lock:",
        )
        st.button("Sign out", key="identity.out", on_click=st.logout)
    else:
        st.markdown("Sign in to read films and to see how the models do.")
        st.button("Sign in", key="identity.in", type="primary", on_click=st.login)


def _show_account() -> None:
    """Who is signed in, and the way out."""
    if load_settings().access_file is None:
        return
    person = current()
    with st.sidebar:
        st.caption(f"{person.name} · {person.role}")
        st.button("Sign out", key="identity.out", on_click=st.logout)


def _user() -> Mapping[str, Any]:
    return st.user.to_dict()
