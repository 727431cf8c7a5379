"""Whose films a model was made from: what a report says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumo_core.bundle.disclaimer import (
    PUBLISHED,
    disclaimer_of,
    made_from_published,
    population_of,
)

if TYPE_CHECKING:
    from pneumo_core.bundle import Bundle

__all__ = ["PUBLISHED", "disclaimer", "is_published", "population"]


def is_published(bundle: Bundle) -> bool:
    """Whether the card says that the model was made from the published data set."""
    return made_from_published(bundle.card)


def population(bundle: Bundle) -> str:
    """Whose films the model learnt from: of the published data set, or what the card says."""
    return population_of(bundle.card)


def disclaimer(bundle: Bundle) -> str:
    """The sentence at the foot of what is said of this model; see `bundle.disclaimer`."""
    return disclaimer_of(bundle.card)
