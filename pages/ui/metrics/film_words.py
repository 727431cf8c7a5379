"""What is said of one film behind a number: the verdict, what reading it adds, its facts."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from pages.ui import outcomes
from pages.ui.charts.theme import NORMAL, PNEUMONIA, SUBTYPES
from pages.ui.outcomes import sense_of, why_unread
from pneumo_core.formatting import per_cent_range, told_apart

if TYPE_CHECKING:
    from pages.ui.outcomes import Sense
    from pneumo_core.bundle import OperatingPoints
    from pneumo_core.inference.predict import Reading

SAME = 0.02  # a reading further than this from the table is of another file, or another network
CALLS = {
    (True, True): "pneumonia, found",
    (True, False): "pneumonia, missed",
    (False, True): "normal, a false alarm",
    (False, False): "normal, cleared",
}


def verdict_html(row: Any, threshold: float, points: OperatingPoints) -> str:
    """What the model said, against what the film is, with two answers and with three."""
    sick, called = row.label == "pneumonia", row.p_pneumonia >= threshold
    look = PNEUMONIA if sick else NORMAL
    side = "at or above" if called else "below"
    p, at = told_apart(row.p_pneumonia, threshold)
    return (
        f'<section class="pn-verdict"><h2><span class="pn-{look.words}">{look.sign}</span> '
        f"{CALLS[sick, called].capitalize()}</h2>"
        f'<p class="pn-number"><strong>{p}</strong> probability of '
        f"pneumonia<br><span>{side} the threshold of {at}</span><br>"
        f"<span>with three answers: {_three(row.p_pneumonia, points).title}</span></p></section>"
    )


def _three(p: float, points: OperatingPoints) -> Sense:
    """The answer at the locked points, of this one number: re-framings and film check apart."""
    if p >= points.ruling_in:
        return outcomes.PNEUMONIA
    return outcomes.REFER if p >= points.screening else outcomes.NORMAL


def reading_html(reading: Reading, row: Any, *, learnt: bool) -> str:
    """What reading the file now adds. learnt: the network that reads it, which the map is of,
    learnt from this film; the number in the figures is of one that had not seen it.
    """
    sense = sense_of(reading)
    if reading.p_pneumonia is None:
        return f'<p class="pn-hint">{escape(why_unread(reading))}</p>'
    low, high = reading.p_low or 0.0, reading.p_high or 0.0
    counted, now = told_apart(row.p_pneumonia, reading.p_pneumonia)
    rows = []
    if learnt:
        rows += [
            ("In the figures", f"{counted}, by a network that had not seen this film"),
            (
                "Of this map",
                f"{now}, by the shipped network; it learnt from this film: not counted",
            ),
        ]
    elif abs(reading.p_pneumonia - row.p_pneumonia) > SAME:
        rows += [
            ("In the figures", counted),
            ("Of this map", f"{now}. The file here is not the one that was measured"),
        ]
    rows += [
        ("On Diagnose", f'<span class="pn-{sense.name}">{sense.title}</span>'),
        ("Re-framed", f"{per_cent_range(low, high)} under small re-framings"),
        ("Looked at", escape(reading.where or "no single place")),
    ]
    return _facts(rows)


def facts_html(row: Any, facts: dict[str, Any]) -> str:
    """What is known of the film."""
    look = SUBTYPES.get(row.subtype)
    kind = f" ({look.words})" if look and row.label == "pneumonia" else ""
    rows = [
        ("Label", f"{escape(row.label)}{kind}"),
        ("Patient", escape(str(row.group))),
        ("Split", escape(str(row.split))),
    ]
    if facts.get("width"):
        rows.append(("Size", f"{facts['width']:,} × {facts['height']:,} pixels"))
    rows.append(("File", escape(row.film)))
    return _facts(rows)


def _facts(rows: list[tuple[str, str]]) -> str:
    inner = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows)
    return f'<dl class="pn-facts">{inner}</dl>'
