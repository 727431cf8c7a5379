"""The decisions as they are shown: a sign, words and a colour, never one without the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumo_core.inference.predict import Decision

if TYPE_CHECKING:
    from pneumo_core.inference.predict import Reading


@dataclass(frozen=True)
class Sense:
    """How one outcome looks: its sign, its words, its CSS class and its colour in tables.

    The colour in tables is one hex value that reads on dark and light grounds alike; elsewhere
    `style.css` gives each theme its own shade of it.
    """

    sign: str
    words: str
    name: str
    colour: str

    @property
    def title(self) -> str:
        """Sign and words: "▲ Signs of pneumonia"."""
        return f"{self.sign} {self.words}"


PNEUMONIA = Sense("▲", "Signs of pneumonia", "pneumonia", "#b85c00")
REFER = Sense("◆", "Refer", "refer", "#7a4fd0")
NORMAL = Sense("●", "No sign of pneumonia", "normal", "#0b7d72")
UNREAD = Sense("✕", "Not read", "unread", "#666b70")

SENSES = (PNEUMONIA, REFER, NORMAL, UNREAD)
_OF_DECISION = {
    Decision.PNEUMONIA: PNEUMONIA,
    Decision.REFER: REFER,
    Decision.NORMAL: NORMAL,
}


def sense_of(reading: Reading) -> Sense:
    """How the outcome of a reading is shown; without a decision the film was not read."""
    return UNREAD if reading.decision is None else _OF_DECISION[Decision(reading.decision)]


def why_unread(reading: Reading) -> str:
    """The reason why a film was not read, opening with "Not read:" exactly once."""
    message = reading.message
    return message if message.startswith(f"{UNREAD.words}:") else f"{UNREAD.words}: {message}"
