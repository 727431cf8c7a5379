"""The probability of pneumonia on a line from 0 to 100 %, with both operating points."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from pages.ui.outcomes import NORMAL, PNEUMONIA, REFER, sense_of
from pneumo_core.formatting import per_cent, per_cent_range

if TYPE_CHECKING:
    from pneumo_core.inference.predict import Reading

_LABEL = 0.24  # share of the line that a label may need: nearer to an end it is held at the end


def scale_html(reading: Reading) -> str:
    """HTML of the line: three zones, the range under small re-framings, the film's own mark.

    `reading` has a decision, so all its probabilities (0..1) are known. Screen readers get one
    sentence instead of the drawing.
    """
    p, span = reading.p_pneumonia or 0.0, (reading.p_low or 0.0, reading.p_high or 0.0)
    low, high = reading.threshold_low, reading.threshold_high
    sense = sense_of(reading)
    zones = "".join(
        f'<span class="pn-zone pn-{kind.name}" style="{_place(start, end)}"></span>'
        for kind, start, end in ((NORMAL, 0, low), (REFER, low, high), (PNEUMONIA, high, 1))
    )
    points = "".join(f'<span class="pn-point" style="left:{_at(x)}"></span>' for x in (low, high))
    return (
        f'<div class="pn-scale" role="img" aria-label="{escape(in_words(reading))}">'
        f'<div class="pn-line">{zones}{points}'
        f'<span class="pn-range" style="{_place(*span)}"></span>'
        f'<span class="pn-mark pn-{sense.name}" style="left:{_at(p)}">{sense.sign}</span></div>'
        f'<div class="pn-labels">{_screening_label(low)}{_ruling_in_label(high)}</div></div>'
    )


def in_words(reading: Reading) -> str:
    """The whole drawing as one sentence."""
    low, high = reading.threshold_low, reading.threshold_high
    span = spoken_range(reading)
    return (
        f"Probability of pneumonia {per_cent(reading.p_pneumonia or 0.0)}, {span} under small "
        f"re-framings, on a scale from 0 to 100 %. Below {per_cent(low)}: no sign of pneumonia; "
        f"from {per_cent(high)}: signs of pneumonia; between them: refer."
    )


def spoken_range(reading: Reading) -> str:
    """The range under small re-framings."""
    return per_cent_range(reading.p_low or 0.0, reading.p_high or 0.0)


def _screening_label(x: float) -> str:
    """Ends at its point, so that it never meets the other label."""
    side = f"right:{_at(1 - x)}" if x > _LABEL else "left:0"
    return f'<span style="{side}">screening {per_cent(x)}</span>'


def _ruling_in_label(x: float) -> str:
    """Starts at its point."""
    side = f"left:{_at(x)}" if x < 1 - _LABEL else "right:0"
    return f'<span style="{side}">ruling-in {per_cent(x)}</span>'


def _place(start: float, end: float) -> str:
    return f"left:{_at(start)};width:{_at(end - start)}"


def _at(x: float) -> str:
    return f"{100 * min(max(x, 0.0), 1.0):.1f}%"
