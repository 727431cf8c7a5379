"""Whose films a model was made from: what is said of it wherever it is spoken of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumo_core import DISCLAIMER

if TYPE_CHECKING:
    from collections.abc import Mapping

PUBLISHED = (
    "Children of 1–5 years, antero-posterior films, one hospital (Guangzhou Women and Children's "
    "Medical Center); labels by two physicians (Kermany et al., Cell 2018)."
)
NO_DEVICE = "Research demonstration. Not a medical device."
DRAWN = "Drawn by Pneumo; no child's film."


def made_from_published(card: Mapping[str, Any]) -> bool:
    """Whether the card says that the model was made from the published data set."""
    return "source" not in card.get("data", {})


def share_drawn(card: Mapping[str, Any]) -> float:
    """Which share of the films that the model was made from Pneumo drew itself, 0..1.

    0 where the card does not say that any was.
    """
    data = card.get("data", {})
    drawn, films = data.get("drawn_films"), data.get("films")
    if type(drawn) is not int or type(films) is not int or not 0 < drawn <= films:
        return 0.0
    return drawn / films


def population_of(card: Mapping[str, Any]) -> str:
    """Whose films the model learnt from: of the published data set, or what the card says."""
    if share_drawn(card) == 1.0:
        return DRAWN
    return PUBLISHED if made_from_published(card) else str(card["data"]["source"])


def data_licence_of(card: Mapping[str, Any]) -> str:
    """The licence of the films, as far as it is known: "CC BY 4.0", who drew them, or ""."""
    if share_drawn(card) == 1.0:
        return f"{DRAWN[:1].lower()}{DRAWN[1:].rstrip('.')}"
    return "CC BY 4.0" if made_from_published(card) else ""


def disclaimer_of(card: Mapping[str, Any]) -> str:
    """The sentence at the foot of what is said of the model, on one line.

    The usual one speaks of the published data set; a model of other films says what its card says.
    """
    if share_drawn(card) == 1.0:
        return f"{NO_DEVICE} Trained on films drawn by Pneumo, none of them a child's."
    if made_from_published(card):
        return DISCLAIMER
    return f"{NO_DEVICE} Trained on: {' '.join(population_of(card).split())}"
