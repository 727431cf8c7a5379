"""On how many films a model learnt, and on how many which networks were measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def films_learnt_from(card: Mapping[str, Any]) -> int | None:
    """How many films the network itself learnt from; None where its card does not say."""
    films, held_out, folds = _counts(card)
    if films is None or folds is None:
        return None
    if folds > 1:  # a network of all films follows those of the folds
        return films
    return None if held_out is None else films - held_out


def learnt_from(card: Mapping[str, Any]) -> str:
    """One or two sentences, the same wherever it is told; "" where the card does not say."""
    learnt, (_, held_out, folds) = films_learnt_from(card), _counts(card)
    if learnt is None or folds is None:
        return ""
    if folds == 1:
        return (
            f"It learnt from {learnt:,} films. Its figures are its own on {held_out:,} other "
            "films, of patients that it did not learn from."
        )
    told = f"It learnt from all {learnt:,} films."
    if held_out is None:
        return told
    networks = _whole(card.get("training", {}).get("measured_folds")) or folds
    others = f"{networks} other networks" if networks > 1 else "another network"
    return (
        f"{told} Its figures are those of {others} of the same recipe on {held_out:,} of these "
        "films, each read by a network that did not learn from its patient."
    )


def _counts(card: Mapping[str, Any]) -> tuple[int | None, int | None, int | None]:
    """Films, those of them that were held out, folds."""
    data, folds = card.get("data", {}), _whole(card.get("training", {}).get("folds"))
    return _whole(data.get("films")), _whole(data.get("validation_films")), folds or None


def _whole(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None
