"""Sign in: what somebody without a role sees of Pneumo."""

from __future__ import annotations

from pages.ui.identity import SIGN_IN, show_sign_in
from pages.ui.page import heading, page_frame

with page_frame(SIGN_IN):
    heading(SIGN_IN)
    show_sign_in()
