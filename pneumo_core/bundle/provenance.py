"""Provenance: the films a model was trained on, how they are described, and their hashes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pneumo_core import DISCLAIMER
from pneumo_core.bundle.integrity import FILM_HASHES, FILMS
from pneumo_core.errors import BundleError
from pneumo_core.untrusted_zip import refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pneumo_core.bundle.card import Card
    from pneumo_core.bundle.registry import Bundle


PUBLISHED = (
    "Children of 1–5 years, antero-posterior films, one hospital (Guangzhou Women and Children's "
    "Medical Center); labels by two physicians (Kermany et al., Cell 2018)."
)
NO_DEVICE = "Research demonstration. Not a medical device."
SYNTHETIC = "Synthetic films made by Pneumo; no child's film."
ROLES = ("t", "v", "tv")  # trained on, validation, both
DIGITS = 16  # of a SHA-256
_HASH = re.compile(r"[0-9a-f]{64}")
_LINES = {
    file: re.compile(rf"([0-9a-f]{{{digits}}}) ({'|'.join(ROLES)})\n")
    for file, digits in ((FILMS, DIGITS), (FILM_HASHES, 64))
}


def made_from_published(card: Card) -> bool:
    """Whether the model was trained on the published data set, as far as its card says."""
    return card.data.source is None


def synthetic_share(card: Card) -> float:
    """The share of synthetic films in the training data, 0..1; 0 where the card counts none.

    Those of the model that the training started from count as well.
    """
    if card.data.films is None:
        return 0.0
    facts = card.document.get("data", {})
    films = card.data.films + _count(facts, "parent_films")
    synthetic = (card.data.synthetic_films or 0) + _count(facts, "parent_drawn_films")
    return synthetic / films if 0 < synthetic <= films else 0.0


def _count(facts: Mapping[str, object], name: str) -> int:
    value = facts.get(name)
    return value if isinstance(value, int) and value > 0 else 0


def population_of(card: Card) -> str:
    """The population of the training films: the published data set's, or what the card says.

    Then whom calibration and thresholds were fitted to, where that is another.
    """
    fitted = fitted_words(card)
    return _population(card) + (f" Calibration and thresholds {fitted}." if fitted else "")


def _population(card: Card) -> str:
    if synthetic_share(card) == 1.0:
        return SYNTHETIC
    if card.data.source is not None:
        return card.data.source
    second = card.data.second_source
    return f"{PUBLISHED} Upper layers and thresholds: also {second}." if second else PUBLISHED


def data_licence_of(card: Card) -> str:
    """The licence of the training films: "CC BY 4.0", that they are synthetic, or "" (unknown)."""
    if synthetic_share(card) == 1.0:
        return f"{SYNTHETIC[:1].lower()}{SYNTHETIC[1:].rstrip('.')}"
    return "CC BY 4.0" if made_from_published(card) else ""


def disclaimer_of(card: Card) -> str:
    """The sentence at the foot of every statement of the model, on one line."""
    fitted = fitted_words(card)
    return _disclaimer(card) + (f" Calibration and thresholds {fitted}." if fitted else "")


def _disclaimer(card: Card) -> str:
    if synthetic_share(card) == 1.0:
        return f"{NO_DEVICE} Trained on synthetic films only, none of them a child's."
    if made_from_published(card):
        second = card.data.second_source
        also = f", its upper layers and thresholds also on {second}" if second else ""
        return f"{DISCLAIMER.rstrip('.')}{also}."
    return f"{NO_DEVICE} Trained on: {' '.join(population_of(card).split())}"


def training_film_count(card: Card) -> int | None:
    """How many films the delivered network was trained on; None where the card does not say."""
    films, folds, data = card.data.films, card.training.folds, card.data
    held_out = data.validation_films if data.held_out_films is None else data.held_out_films
    if films is None or not folds:
        return None
    if folds > 1:  # the delivered network follows those of the folds, and is trained on all films
        return films
    return None if held_out is None else films - held_out


def training_summary(card: Card) -> str:
    """What the model was trained and validated on, in one or two sentences; "" where unknown."""
    trained, held_out = training_film_count(card), card.data.validation_films
    if trained is None:
        return ""
    if card.fitted_to is not None:
        return (
            f"Its network was trained on {trained:,} films. Its figures are from "
            f"{card.fitted_to.films:,} films of {card.fitted_to.site}, each answered by a fit that "
            "had not seen its patient."
        )
    if card.training.folds == 1:
        whole, stopped = card.data.held_out_films, ""
        others = f"{held_out:,} other films"
        if whole is not None and held_out is not None and held_out < whole:
            others = f"{held_out:,} of {whole:,} other films"
            stopped = " The run was stopped by hand: the rest of these films was not read."
        return (
            f"It was trained on {trained:,} films. Its figures are from {others}, of patients "
            f"outside the training set.{stopped}"
        )
    sentence = f"It was trained on all {trained:,} films."
    if held_out is None:
        return sentence
    networks = card.training.measured_folds or card.training.folds or 0
    others = f"{networks} other networks" if networks > 1 else "another network"
    return (
        f"{sentence} Its figures are from {others} of the same recipe on {held_out:,} of these "
        "films, each read by a network that was not trained on its patient."
    )


def films_text(films: Mapping[str, str]) -> str:
    """The content of films.sha256, from each film's full SHA-256 (hex) to its role.

    Raises BundleError on anything else.
    """
    return _text(films, "SHA-256", DIGITS)


def film_hashes_text(films: Mapping[str, str]) -> str:
    """The content of films.phash, from each film's perceptual hash (hex) to its role.

    Raises BundleError on anything else.
    """
    return _text(films, "perceptual hash", 64)


def read_film_roles(path: Path) -> dict[str, str]:
    """Role by hash in one of the two lists; films.sha256 holds the first DIGITS digits.

    Raises BundleError on a damaged line.
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


def joined_film_roles(path: Path, hashes: Iterable[str], *, role: str) -> str:
    """The content of films.sha256 after films of these SHA-256 (hex) have played `role` as well.

    path: of that list, which may be missing. Raises BundleError on anything else.
    """
    roles = read_film_roles(path) if path.is_file() else {}
    for short, one in _roles(dict.fromkeys(hashes, role), "SHA-256", DIGITS).items():
        roles[short] = "".join(sorted({*one, *roles.get(short, "")}))
    return _lines(roles)


def fitted_words(card: Card) -> str:
    """Whom it was fitted to: "fitted to 240 films of General Hospital"; "" for no hospital."""
    fitted = card.fitted_to
    return "" if fitted is None else f"fitted to {fitted.films:,} films of {fitted.site}"


def inspect_films(path: Path) -> None:
    """Raise BundleError unless an untrusted file has a hash and a role on each line, sorted."""
    what, before = f"a list of films in {path.name}", ""
    with path.open(encoding="utf-8", errors="replace", newline="\n") as stream:
        for number, line in enumerate(stream, start=1):
            match = _LINES[path.name].fullmatch(line)
            if match is None:
                raise refused(what, f"its line {number} is no hash and role of a film")
            if match[1] <= before:
                raise refused(what, f"its line {number} is out of order")
            before = match[1]


def is_published(bundle: Bundle) -> bool:
    """`made_from_published` of the bundle's card."""
    return made_from_published(bundle.card)


def population(bundle: Bundle) -> str:
    """`population_of` the bundle's card."""
    return population_of(bundle.card)


def disclaimer(bundle: Bundle) -> str:
    """`disclaimer_of` the bundle's card."""
    return disclaimer_of(bundle.card)


def _text(films: Mapping[str, str], what: str, digits: int) -> str:
    return _lines(_roles(films, what, digits))


def _roles(films: Mapping[str, str], what: str, digits: int) -> dict[str, str]:
    """Role by the first digits of a hash, checked."""
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
    return roles


def _lines(roles: Mapping[str, str]) -> str:
    return "".join(f"{short} {role}\n" for short, role in sorted(roles.items()))
