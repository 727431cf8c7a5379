"""What is lost with a model that is deleted, and what then remains; words alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pages.ui.models.facts import headline
from pneumo_core.bundle.reliability import judge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumo_core.bundle import Found

_NAMED = 3  # models that are told by name


def reliable(found: Found) -> bool:
    """Whether the model is whole and nothing in its card speaks against it."""
    return found.bundle is not None and not found.fault and judge(found.bundle.card).sound


def what_is_lost(found: Found) -> str:
    """How good the model is that would be gone."""
    if found.bundle is None or found.fault:
        return "It is damaged and reads no film as it is."
    against = judge(found.bundle.card)
    if not against.sound:
        return f"Its own card speaks against it: {against.labels}."
    figures = ", ".join(f"{label} {value}" for label, value in headline(found.bundle.card))
    return "Nothing in its card speaks against it" + (f": {figures}." if figures else ".")


def what_remains(others: Sequence[Found]) -> str:
    """Which models would still be there, and whether any of them could be relied on."""
    if not others:
        return "No model remains: no film can be read until one is imported or trained."
    count = f"{len(others):,} models remain" if len(others) > 1 else "1 model remains"
    good = [other.name for other in others if reliable(other)]
    if not good:
        which = {1: "it should not", 2: "neither should"}.get(len(others), "none of them should")
        return f"{count}, and {which} be relied on."
    named = ", ".join(good[:_NAMED])
    more = f" and {len(good) - _NAMED:,} more" if len(good) > _NAMED else ""
    return f"{count}; nothing speaks against {named}{more}."
