"""From calibrated probabilities to a decision and the words that carry it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from pneumo_core.formatting import per_cent, per_cent_range, told_apart

if TYPE_CHECKING:
    from pneumo_core.bundle import OperatingPoints


class Decision(StrEnum):
    """What a reading says of a film."""

    NORMAL = "NORMAL"
    PNEUMONIA = "PNEUMONIA"
    REFER = "REFER"


def decide(p: float, low: float, high: float, points: OperatingPoints) -> tuple[Decision, str]:
    """The decision on a film and its reason in plain words.

    `p` is P(pneumonia) of the film, `low` and `high` its range over small re-framings, all 0..1.
    NORMAL below the screening point, PNEUMONIA at or above the ruling-in point, REFER between
    them, and REFER where the range reaches from one side to the other. A range that crosses one
    point alone changes nothing, and is said to.
    """
    span = per_cent_range(low, high)
    share, screening, ruling_in = told_apart(p, points.screening, points.ruling_in)
    beyond = crossing(p, low, high, points.screening, points.ruling_in)
    if low < points.screening and high >= points.ruling_in:
        return Decision.REFER, (
            f"Refer: small re-framings of this film change the answer ({share} as it is, {span} "
            "when cropped, shifted or mirrored a little). A radiologist should read it."
        )
    if p < points.screening:
        return Decision.NORMAL, (
            f"No sign of pneumonia: {share} ({span} under small re-framings), below the screening "
            f"point of {screening}.{beyond} This does not rule pneumonia out."
        )
    if p >= points.ruling_in:
        return Decision.PNEUMONIA, (
            f"Signs of pneumonia: {share} ({span} under small re-framings), at or above the "
            f"ruling-in point of {ruling_in}.{beyond}"
        )
    return Decision.REFER, (
        f"Refer: {share} ({span} under small re-framings) lies between the screening point of "
        f"{screening} and the ruling-in point of {ruling_in}. A radiologist should read it."
    )


def crossing(p: float, low: float, high: float, screening: float, ruling_in: float) -> str:
    """A sentence, with a blank before it, where a film is not referred though its range crosses the
    point that it was judged by; "" where it does not.
    """
    if p < screening <= high:
        where = f"reach {per_cent(high)}, above the screening and below the ruling-in point"
    elif p >= ruling_in > low:
        where = f"fall to {per_cent(low)}, below the ruling-in and above the screening point"
    else:
        return ""
    return f" Small re-framings {where}: only a film that crosses both points is referred for that."
