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


def made_from_published(card: Mapping[str, Any]) -> bool:
    """Whether the card says that the model was made from the published data set."""
    return "source" not in card.get("data", {})


def population_of(card: Mapping[str, Any]) -> str:
    """Whose films the model learnt from: of the published data set, or what the card says."""
    return PUBLISHED if made_from_published(card) else str(card["data"]["source"])


def disclaimer_of(card: Mapping[str, Any]) -> str:
    """The sentence at the foot of what is said of the model, on one line.

    The usual one speaks of the published data set; a model of other films says what its card says.
    """
    if made_from_published(card):
        return DISCLAIMER
    source = " ".join(population_of(card).split())
    return f"Research demonstration. Not a medical device. Trained on: {source}"
