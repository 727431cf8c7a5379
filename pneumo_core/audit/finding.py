"""One finding of the integrity audit, in words that a person can act on."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pneumo_core.storage import write_atomic

if TYPE_CHECKING:
    from collections.abc import Callable

    from pneumo_core.dataset.catalogue import Catalogue


Harm = Literal["high", "medium", "low", "none"]
HARMS: tuple[Harm, ...] = ("high", "medium", "low", "none")
NOTHING = "Nothing: decide yourself."


@dataclass(frozen=True)
class Finding:
    """What a check found.

    code: the check's name; title: what was looked for; count: how many were found, of `unit`;
    films: which, as paths below the folder, or folders where the finding is about these; harm to
    what is learnt or measured if nothing were done, "none" for a check without hits; why: why it
    matters, with the particulars; done: what the program does about it.
    """

    code: str
    title: str
    count: int
    films: tuple[str, ...]
    harm: Harm
    why: str
    done: str
    unit: str = "films"


def harm_words(harm: str) -> str:
    """A finding's harm as every form of the audit says it: "high harm"."""
    return "for information" if harm == "none" else f"{harm} harm"


def found(  # noqa: PLR0913 - the parts of a finding
    code: str,
    title: str,
    films: tuple[str, ...],
    *,
    harm: Harm,
    why: str,
    done: str,
    count: int | None = None,
    unit: str = "films",
) -> Finding:
    """A finding whose count is its films unless another is given, harmless where that is 0."""
    n = len(films) if count is None else count
    return Finding(code, title, n, films, harm if n else "none", why, done, unit)


NAMES = ("integrity", "shortcuts")


def kept(
    catalogue: Catalogue, name: str, make: Callable[[], list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """The rows that `make` gives, read from the catalogue's folder where they are kept already.

    Kept by the catalogue's key and by this package's source: no other code's words are shown.
    """
    path = _path(catalogue, name)
    with suppress(OSError, ValueError):
        rows: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))
        return rows
    rows = make()
    with suppress(OSError):  # not kept, then: it costs time only
        for older in catalogue.folder.glob(f"{name}-*.json"):
            older.unlink(missing_ok=True)
        write_atomic(path, json.dumps(rows))
    return rows


def audit_ready(catalogue: Catalogue) -> bool:
    """Whether the findings and the shortcuts of `catalogue` are there at once."""
    return all(_path(catalogue, name).exists() for name in NAMES)


def _path(catalogue: Catalogue, name: str) -> Path:
    return catalogue.folder / f"{name}-{_code()}.json"


@cache
def _code() -> str:
    """12 hexadecimal digits that change with any file of this package."""
    told = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        told.update(path.read_bytes())
    return told.hexdigest()[:12]
