"""Whose films a model was made from: what a report says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumo_core import DISCLAIMER

if TYPE_CHECKING:
    from pneumo_core.bundle import Bundle

PUBLISHED = (
    "Children of 1–5 years, antero-posterior films, one hospital (Guangzhou Women and Children's "
    "Medical Center); labels by two physicians (Kermany et al., Cell 2018)."
)


def is_published(bundle: Bundle) -> bool:
    """Whether the card says that the model was made from the published data set."""
    return "source" not in bundle.card.get("data", {})


def population(bundle: Bundle) -> str:
    """Whose films the model learnt from: of the published data set, or what the card says."""
    if is_published(bundle):
        return PUBLISHED
    return str(bundle.card["data"]["source"])


def disclaimer(bundle: Bundle) -> str:
    """The sentence at the foot of what is said of this model.

    The usual one speaks of the published data set; a model of other films says what its card says.
    """
    if is_published(bundle):
        return DISCLAIMER
    return f"Research demonstration. Not a medical device. Trained on: {population(bundle)}"
