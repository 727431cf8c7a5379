"""Whose films a model was made from: what is said of it wherever it is spoken of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pneumo_core import DISCLAIMER
from pneumo_core.bundle.integrity import FILM_HASHES, FILMS
from pneumo_core.bundle.untrusted_zip import refused
from pneumo_core.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pneumo_core.bundle.registry import Bundle


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


ROLES = ("t", "v", "tv")
DIGITS = 16
_HASH = re.compile(r"[0-9a-f]{64}")
_LINES = {
    file: re.compile(rf"([0-9a-f]{{{digits}}}) ({'|'.join(ROLES)})\n")
    for file, digits in ((FILMS, DIGITS), (FILM_HASHES, 64))
}


def films_text(films: Mapping[str, str]) -> str:
    """The content of films.sha256, of each film's whole SHA-256 (hex) and its role.

    Raises BundleError on what is neither.
    """
    return _text(films, "SHA-256", DIGITS)


def film_hashes_text(films: Mapping[str, str]) -> str:
    """The content of films.phash, of each film's perceptual hash (hex) and its role.

    Raises BundleError on what is neither.
    """
    return _text(films, "perceptual hash", 64)


def _text(films: Mapping[str, str], what: str, digits: int) -> str:
    roles: dict[str, str] = {}
    for whole, role in films.items():
        if not _HASH.fullmatch(whole) or role not in ROLES:
            raise BundleError(
                f"Expected a {what} of 64 hexadecimal digits and a role out of "
                f"{', '.join(ROLES)} for each film, got {whole[:70]!r} and {role[:10]!r}. "
                "Correct the list of films."
            )
        short = whole[:digits]
        roles[short] = "".join(sorted({*role, *roles.get(short, "")}))
    return "".join(f"{short} {role}\n" for short, role in sorted(roles.items()))


def read_film_roles(path: Path) -> dict[str, str]:
    """Role by hash of one of the two lists, in films.sha256 the first DIGITS digits of it.

    Raises BundleError on a line without a hash and a role: the file is damaged.
    """
    roles = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        match = _LINES[path.name].fullmatch(f"{line}\n")
        if match is None:
            raise BundleError(
                f"Model {path.parent.name}: expected a hash and a role on each line of "
                f"{path.name}, got {line[:40]!r}. Restore the bundle or train it again."
            )
        roles[match[1]] = match[2]
    return roles


def inspect_films(path: Path) -> None:
    """Raise BundleError unless a stranger's file has a hash and a role on each line, sorted."""
    what, before = f"a list of films in {path.name}", ""
    with path.open(encoding="utf-8", errors="replace", newline="\n") as stream:
        for number, line in enumerate(stream, start=1):
            match = _LINES[path.name].fullmatch(line)
            if match is None:
                raise refused(what, f"its line {number} is no hash and role of a film")
            if match[1] <= before:
                raise refused(what, f"its line {number} is out of order")
            before = match[1]


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
