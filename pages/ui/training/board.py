"""TensorBoard over all runs: the command, and a button that starts it here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pneumo_core.training.runs.tensorboard import (
    find_board,
    start_board,
    stop_board,
    wait_for_board,
)

if TYPE_CHECKING:
    from pneumo_core.config import Settings


def show_board(settings: Settings) -> None:
    """Folded away: it is for those who know it."""
    with st.expander("TensorBoard", key="training.board"):
        board = find_board(settings)
        st.caption("The same curves and more of every run, for those who know it. In a terminal:")
        st.code(f"tensorboard --logdir {settings.runs_dir.name}", language=None)
        with st.container(horizontal=True, vertical_alignment="center"):
            if board is None:
                if st.button("Start it here", key="training.board.start"):
                    with st.spinner("Starting TensorBoard: some ten seconds…"):
                        wait_for_board(start_board(settings))
                    st.rerun()
                return
            st.link_button("Open TensorBoard", board.address, icon=":material/open_in_new:")
            if st.button("End it", key="training.board.stop"):
                stop_board(settings)
                st.rerun()
            st.caption("It answers in a browser on the machine that Pneumo runs on.")
