"""`films.sha256`, which a bundle may hold: the films it was made with, a line a film, sorted.

    <first 16 hexadecimal digits of the file's SHA-256> <role>

Roles: "t" trained on, "v" validation (calibration, operating points or the best epoch were chosen
on it), "tv" both: cross-validated, and trained on in the end. `pneumo_core.review.seen` tells by it
whether films are new to a model. Eight bytes of hash are enough: with 100,000 films on each side
the chance of any false match is below one in a thousand million.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pneumo_core.bundle.archive import refused
from pneumo_core.bundle.integrity import FILMS
from pneumo_core.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

WHAT = f"a list of films in {FILMS}"
ROLES = ("t", "v", "tv")
DIGITS = 16
_HASH = re.compile(r"[0-9a-f]{64}")
_LINE = re.compile(rf"([0-9a-f]{{{DIGITS}}}) ({'|'.join(ROLES)})\n")


def films_text(films: Mapping[str, str]) -> str:
    """The content of the file, of each film's whole SHA-256 (hex) and its role.

    Raises BundleError on what is neither.
    """
    roles: dict[str, str] = {}
    for whole, role in films.items():
        if not _HASH.fullmatch(whole) or role not in ROLES:
            raise BundleError(
                "Expected a SHA-256 of 64 hexadecimal digits and a role out of "
                f"{', '.join(ROLES)} for each film, got {whole[:70]!r} and {role[:10]!r}. "
                "Correct the list of films."
            )
        short = whole[:DIGITS]
        roles[short] = "".join(sorted({*role, *roles.get(short, "")}))
    return "".join(f"{short} {role}\n" for short, role in sorted(roles.items()))


def film_roles(path: Path) -> dict[str, str]:
    """Role by the first DIGITS digits of each film's hash.

    Raises BundleError on a line without a hash and a role: the file is damaged.
    """
    roles = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        match = _LINE.fullmatch(f"{line}\n")
        if match is None:
            raise BundleError(
                f"Model {path.parent.name}: expected a hash and a role on each line of {FILMS}, "
                f"got {line[:40]!r}. Restore the bundle or train it again."
            )
        roles[match[1]] = match[2]
    return roles


def inspect_films(path: Path) -> None:
    """Raise BundleError unless a stranger's file has a hash and a role on each line, sorted."""
    before = ""
    with path.open(encoding="utf-8", errors="replace", newline="\n") as stream:
        for number, line in enumerate(stream, start=1):
            match = _LINE.fullmatch(line)
            if match is None:
                raise refused(WHAT, f"its line {number} is no hash and role of a film")
            if match[1] <= before:
                raise refused(WHAT, f"its line {number} is out of order")
            before = match[1]
