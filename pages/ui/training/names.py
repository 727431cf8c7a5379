"""What a run is called on the screen."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from pages.ui.training.words import BACKBONES, backbone_title
from pneumo_core.errors import TrainingError

if TYPE_CHECKING:
    from pneumo_core.training.runs.run import Run


def run_title(run: Run) -> str:
    """Network, size and moment: "Small CNN, 128 px, 20 Nov 18:57:23"."""
    try:
        config = run.config()
    except TrainingError:
        return run.id
    recipe = config.get("recipe", {})
    backbone = str(recipe.get("backbone"))
    name = backbone_title(backbone) if backbone in BACKBONES else backbone
    return f"{name}, {recipe.get('size')} px, {moment(config.get('created', ''))}"


def moment(iso: str) -> str:
    """A moment in this machine's time: "20 Nov 18:57:23"."""
    try:
        at = datetime.fromisoformat(iso).astimezone()
    except ValueError:
        return ""
    return f"{at.day} {at:%b %H:%M:%S}"


def rate_in_words(found: dict[str, Any] | None, *, whole: bool) -> str | None:
    """An estimate with its 95 % interval: "80 % [67–89]", or "0.656 [0.454–0.815]"."""
    if not found:
        return None
    value, low, high = (float(found[name]) for name in ("value", "low", "high"))
    if whole:
        return f"{100 * value:.0f} % [{100 * low:.0f}–{100 * high:.0f}]"
    return f"{value:.3f} [{low:.3f}–{high:.3f}]"
