"""The parts of a report, independent of its file format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Cell = str | float | int | None


@dataclass(frozen=True)
class Words:
    """A paragraph; a warning is set apart."""

    text: str
    kind: Literal["text", "warning", "small"] = "text"


@dataclass(frozen=True)
class Table:
    """A table: `rows` for reading, and the same in numbers for CSV and JSON.

    name: of its file; title: above it; note: below it; columns, rows: text; records: a dict a row
    with plain numbers, None where there is none; wide: columns (by number) that need the room.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    records: tuple[Mapping[str, Cell], ...]
    note: str = ""
    wide: tuple[int, ...] = ()


@dataclass(frozen=True)
class Picture:
    """A figure as SVG (for HTML) and PNG (for PDF); `aspect` is its width over its height.

    alt: what it shows, for those who do not see it; half: two of these fit side by side.
    """

    name: str
    title: str
    caption: str
    alt: str
    svg: bytes
    png: bytes
    aspect: float
    half: bool = False


@dataclass(frozen=True)
class Tile:
    """One headline figure: a name, its value, and its interval or what it is of."""

    name: str
    value: str
    detail: str


@dataclass(frozen=True)
class Tiles:
    """The headline in one row."""

    tiles: tuple[Tile, ...]


Block = Words | Table | Picture | Tiles


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Report:
    """A report; `badge` is the evidence level, `disclaimer` is on every page."""

    title: str
    subtitle: str
    badge: str
    badge_kind: Literal["validation", "training", "test", "other", "drawn"]
    disclaimer: str
    sections: tuple[Section, ...]

    @property
    def tables(self) -> list[Table]:
        """All tables, in order."""
        return [b for s in self.sections for b in s.blocks if isinstance(b, Table)]

    @property
    def pictures(self) -> list[Picture]:
        """All figures, in order."""
        return [b for s in self.sections for b in s.blocks if isinstance(b, Picture)]
