"""The decisions as they are shown: a sign, words and a colour, never one without the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumo_core import palette
from pneumo_core.inference.predict import Decision

if TYPE_CHECKING:
    from pneumo_core.inference.predict import Reading


@dataclass(frozen=True)
class Outcome:
    """How one outcome looks: its sign, its words, its CSS class and its colour in tables, on which
    white letters read.
    """

    sign: str
    words: str
    name: str
    colour: str

    @property
    def title(self) -> str:
        """Sign and words: "▲ Signs of pneumonia"."""
        return f"{self.sign} {self.words}"


PNEUMONIA = Outcome("▲", "Signs of pneumonia", "pneumonia", palette.PNEUMONIA.light)
REFER = Outcome("◆", "Refer", "refer", palette.REFER.light)
NORMAL = Outcome("●", "No sign of pneumonia", "normal", palette.NORMAL.light)
UNREAD = Outcome("✕", "Not read", "unread", palette.UNREAD.light)

OUTCOMES = (PNEUMONIA, REFER, NORMAL, UNREAD)
_OF_DECISION = {
    Decision.PNEUMONIA: PNEUMONIA,
    Decision.REFER: REFER,
    Decision.NORMAL: NORMAL,
}


def outcome_of(reading: Reading) -> Outcome:
    """How the outcome of a reading is shown; without a decision the film was not read."""
    return UNREAD if reading.decision is None else _OF_DECISION[Decision(reading.decision)]


def why_unread(reading: Reading) -> str:
    """The reason why a film was not read, opening with "Not read:" exactly once."""
    message = reading.message
    return message if message.startswith(f"{UNREAD.words}:") else f"{UNREAD.words}: {message}"
