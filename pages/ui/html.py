"""What speaks against a model, as it is seen: a quiet block with the reasons."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from pneumo_core.bundle.reliability import judge

if TYPE_CHECKING:
    from pneumo_core.bundle.card import Card

SIGN = "⚠\ufe0e"  # as a letter, not as a coloured picture


def caution_html(card: Card, words: str, *, folded: bool = False) -> str:
    """`words` and the reasons under them, or folded under a line of labels; "" of a sound model."""
    judgement = judge(card)
    if judgement.sound:
        return ""
    reasons = "".join(f"<li>{escape(reason.words)}</li>" for reason in judgement.reasons)
    if folded:
        lead = f"<strong>{SIGN} {escape(words)}</strong> {escape(judgement.labels)}"
        return f'<details class="pn-caution"><summary>{lead}</summary><ul>{reasons}</ul></details>'
    return (
        f'<div class="pn-caution"><strong>{SIGN} {escape(words)}</strong><ul>{reasons}</ul></div>'
    )
