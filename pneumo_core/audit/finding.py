"""A finding of the audit, as a person can act on it; and the cache of findings."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pneumo_core.storage import write_atomic

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from pneumo_core.dataset.catalogue import Catalogue


Harm = Literal["high", "medium", "low", "none"]
HARMS: tuple[Harm, ...] = ("high", "medium", "low", "none")
NOTHING = "Nothing: the decision is yours."


@dataclass(frozen=True)
class Finding:
    """What a check found.

    code: the check's name; title: what was looked for; count: how many were found, of `unit`;
    films: which, as paths below the folder, or folders where the finding is about folders; harm to
    training or evaluation if nothing were done, "none" for a check without hits; why: why it
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


def finding(  # noqa: PLR0913 - the parts of a finding
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
    """A finding; count: that of its films unless given; where it is 0, the harm is "none"."""
    n = len(films) if count is None else count
    return Finding(code, title, n, films, harm if n else "none", why, done, unit)


def films_by(films: pd.DataFrame, column: str) -> tuple[str, ...]:
    """Paths of the films, those that share a value of `column` beside each other."""
    return tuple(map(str, films.sort_values([column, "film"])["film"]))


NAMES = ("integrity", "shortcuts")  # of the cached parts
_ROOMS = ("audit", "metrics", "dataset")


def cached_rows(
    catalogue: Catalogue, name: str, make: Callable[[], list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """The rows that `make` gives, read from the cache beside the catalogue where they are there.

    The cache is valid for the catalogue's key and for the source code of `_code`.
    """
    path = _path(catalogue, name)
    with suppress(OSError, ValueError):
        rows: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))
        return rows
    rows = make()
    with suppress(OSError):  # not cached, which costs time only
        for older in catalogue.folder.glob(f"{name}-*.json"):
            older.unlink(missing_ok=True)
        write_atomic(path, json.dumps(rows))
    return rows


def audit_ready(catalogue: Catalogue) -> bool:
    """Whether findings and shortcuts of `catalogue` are cached."""
    return all(_path(catalogue, name).exists() for name in NAMES)


def _path(catalogue: Catalogue, name: str) -> Path:
    return catalogue.folder / f"{name}-{_code()}.json"


@cache
def _code() -> str:
    """12 hexadecimal digits that change with any file that the audit is computed from: its own,
    and those of metrics, formatting and dataset, whose limits and words it uses.
    """
    digest = hashlib.sha256()
    for path in _sources():
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _sources() -> list[Path]:
    core = Path(__file__).parents[1]
    return sorted(chain([core / "formatting.py"], *((core / room).glob("*.py") for room in _ROOMS)))
