"""The outcomes as they are shown: a sign, words and a colour, never one without the others.

The decision REFER has two meanings for a person: the model read the film and is uncertain, or the
film lies outside what it can read. On the screen they are two outcomes; so are a file that cannot
be read and a picture of something else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumo_core import palette
from pneumo_core.inference.predict import Decision

if TYPE_CHECKING:
    from pneumo_core.inference.predict import Reading


@dataclass(frozen=True)
class Outcome:
    """How one outcome looks: its sign, its words in full and in a table, its CSS class and its
    colour in tables, on which white letters read.
    """

    sign: str
    words: str
    short: str
    name: str
    colour: str

    @property
    def title(self) -> str:
        """Sign and words: "▲ Signs of pneumonia"."""
        return f"{self.sign} {self.words}"

    @property
    def label(self) -> str:
        """Sign and short words, for a cell of a table: "◆ Uncertain"."""
        return f"{self.sign} {self.short}"


PNEUMONIA = Outcome(
    "▲", "Signs of pneumonia", "Signs of pneumonia", "pneumonia", palette.PNEUMONIA.light
)
UNCERTAIN = Outcome(
    "◆",
    "Uncertain: for a radiologist to report",
    "Uncertain",
    "refer",
    palette.REFER.light,
)
OUTSIDE = Outcome(
    "◇", "Outside what this model can read", "Outside the model", "outside", palette.OUTSIDE.light
)
NORMAL = Outcome(
    "●", "No sign of pneumonia", "No sign of pneumonia", "normal", palette.NORMAL.light
)
UNREAD = Outcome("✕", "Not read", "Not read", "unread", palette.UNREAD.light)
NOT_CHEST = Outcome(
    "✕",
    "Not recognised as a frontal chest X-ray",
    "Not a chest X-ray",
    "unread",
    palette.UNREAD.light,
)

OUTCOMES = (PNEUMONIA, UNCERTAIN, OUTSIDE, NORMAL, UNREAD, NOT_CHEST)  # as the worklist has them
_NO_DECISION = "Not read: "


def outcome_of(reading: Reading) -> Outcome:
    """How the outcome of a reading is shown."""
    if reading.decision is None:
        return NOT_CHEST if reading.status == "rejected" else UNREAD
    if not reading.gate_ok:
        return OUTSIDE
    return {
        Decision.PNEUMONIA: PNEUMONIA,
        Decision.REFER: UNCERTAIN,
        Decision.NORMAL: NORMAL,
    }[Decision(reading.decision)]


def outcome_at(p: float, screening: float, ruling_in: float) -> Outcome:
    """The outcome of a probability (0..1) at both operating points, of a film in distribution."""
    if p >= ruling_in:
        return PNEUMONIA
    return UNCERTAIN if p >= screening else NORMAL


def why_unread(reading: Reading) -> str:
    """The reason why there is no decision, after the outcome's words: "Not read: …"."""
    return f"{outcome_of(reading).words}: {reason_unread(reading)}"


def reason_unread(reading: Reading) -> str:
    """The reason alone, without "Not read:"."""
    return reading.message.removeprefix(_NO_DECISION)
