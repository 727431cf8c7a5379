"""TensorBoard over all runs: started, shown in the page or in a tab of its own, ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pneumo_core.server.board import PASSES, board_link
from pneumo_core.training.runs.tensorboard import (
    find_board,
    keep_board,
    start_board,
    stop_board,
)

if TYPE_CHECKING:
    from pneumo_core.config import Settings

_HEIGHT = 760  # pixels
_LINK = "training.board.link"  # of the frame: another one would load it anew


def show_tensorboard(settings: Settings) -> None:
    """TensorBoard, folded away: start it, look at it, end it."""
    with st.expander("TensorBoard", key="training.board"):
        running = find_board(settings) is not None
        st.caption("The curves of all runs in TensorBoard. In a terminal:")
        st.code(f"tensorboard --logdir {settings.runs_dir.name}", language=None)
        if not running:
            st.session_state.pop(_LINK, None)
            if st.button("Start here", key="training.board.start"):
                with st.spinner("Starting TensorBoard: about ten seconds…"):
                    start_board(settings)
                st.rerun()
            return
        keep_board(settings)
        _show(settings)


def _show(settings: Settings) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        shown = st.toggle("Show it here", key="training.board.shown")
        st.link_button("Open in a tab", board_link(PASSES.give()), icon=":material/open_in_new:")
        if st.button("Stop", key="training.board.stop"):
            stop_board(settings)
            st.rerun()
    st.caption(
        "It answers under this server's own address, to those who may train, and ends half an hour "
        "after anybody last looked at it or at this screen."
    )
    if not shown:
        st.session_state.pop(_LINK, None)
        return
    link = st.session_state.setdefault(_LINK, board_link(PASSES.give()))
    st.iframe(link, height=_HEIGHT, alt="TensorBoard over all runs")
