"""The card of a bundle, `card.json`: its form, its parts, and the whole."""

from pneumo_core.bundle.card.document import (
    FITTED_FORMAT,
    FORMAT,
    POINTS,
    Card,
    check_card,
    parse_card,
)
from pneumo_core.bundle.card.parts import OperatingPoints

__all__ = [
    "FITTED_FORMAT",
    "FORMAT",
    "POINTS",
    "Card",
    "OperatingPoints",
    "check_card",
    "parse_card",
]
