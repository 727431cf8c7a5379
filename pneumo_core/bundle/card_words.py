"""Values of a card as a person reads them."""

from __future__ import annotations

from typing import Any

# Figures that are not rates, told by their label: shown as decimals, not per cents.
_DECIMAL = ("auc", "brier", "ece", "error", "loss", "temperature")


def bullets(lines: list[str]) -> str:
    """A list in Markdown."""
    return "\n".join(f"- {line}" for line in lines)


def facts(part: dict[str, Any]) -> str:
    """A part of the card as a list, a line a key."""
    return bullets([f"{spoken(key)}: {told(value)}" for key, value in part.items()])


def table(heads: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown; what would end a cell is taken out of its text."""
    lines = [heads, ["---"] * len(heads), *rows]
    cells = [[" ".join(cell.split()).replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def spoken(key: str) -> str:
    """A key as words: "ruling_in" → "ruling in"."""
    return key.replace("_", " ")


def told(value: Any) -> str:
    """Any value as text: numbers short, None as "not known"."""
    if isinstance(value, dict):
        return ", ".join(f"{spoken(key)} {told(part)}" for key, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(told(part) for part in value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "not known" if value is None else str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def figure(label: str, value: Any) -> str:
    """A number or {"value", "low", "high"} for reading: "95.1 % [92.4–96.9]", "0.994 [0.99–1]".

    A value with an interval is a rate 0..1 and shown in per cent, unless its label names one that
    is not (an AUC, a Brier score…).
    """
    if not isinstance(value, dict):
        return told(value)
    if value.get("low") is None or value.get("high") is None:
        return told(value.get("value"))
    ends = [float(value[key]) for key in ("value", "low", "high")]
    if any(word in label.lower() for word in _DECIMAL):
        return "{:.3f} [{:.3f}–{:.3f}]".format(*ends)
    return "{:.1f} % [{:.1f}–{:.1f}]".format(*(100 * end for end in ends))
