"""Which films a bundle was made with: two lists that it may hold, a line a film, sorted.

films.sha256    <first 16 hexadecimal digits of the file's SHA-256> <role>
films.phash     <perceptual hash of the film, 64 hexadecimal digits> <role>

Roles: "t" trained on, "v" validation (calibration, operating points or the best epoch were chosen
on it), "tv" both: cross-validated, and trained on in the end. `pneumo_core.review.seen` tells by
them whether films are new to a model. Eight bytes of SHA-256 are enough: with 100,000 films on each
side the chance of any false match is below one in a thousand million. They know the file alone; the
perceptual hash (`pneumo_core.dataset.similarity`) knows the film in another file as well, as the
full-size original of a copy that was trained on.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pneumo_core.bundle.archive import refused
from pneumo_core.bundle.integrity import FILM_HASHES, FILMS
from pneumo_core.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

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
