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


def sign_in() -> None:
    """Nothing more of the page for somebody who has to sign in first, or has no role."""
    if load_settings().access_file is None:
        return
    person = who_acts()
    if person.role is not None:
        with st.sidebar:
            st.caption(f"{person.name} · {person.role}")
            st.button("Sign out", key="identity.out", on_click=st.logout)
        return
    if _user().get("is_logged_in"):
        st.warning(
            f"{person.name} has no role in this installation. Ask its administrator for one.",
            icon=":material/lock:",
        )
        st.button("Sign out", key="identity.out", on_click=st.logout)
    else:
        st.html("<h1>Pneumo</h1><p>Sign in to read films and to see how the models do.</p>")
        st.button("Sign in", key="identity.in", type="primary", on_click=st.login)
    st.stop()


def pages_for_role() -> list[StreamlitPage]:
    """The pages that the person may use, the first of them the one to begin with."""
    every = (
        ("pages/diagnose.py", "Diagnose", Right.READ),
        ("pages/dataset.py", "Dataset", Right.TRAIN),
        ("pages/training.py", "Training", Right.TRAIN),
        ("pages/metrics.py", "Metrics", Right.VIEW),
        ("pages/models.py", "Models", Right.VIEW),
    )
    shown = [(path, title) for path, title, right in every if may(right)]
    return [
        st.Page(path, title=title, default=number == 0)
        for number, (path, title) in enumerate(shown)
    ]


def _user() -> Mapping[str, Any]:
    return st.user.to_dict()
