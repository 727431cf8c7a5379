"""One finding of the integrity audit, in words that a person can act on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
