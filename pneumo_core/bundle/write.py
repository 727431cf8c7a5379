"""Write a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import keras
    import pandas as pd

    from pneumo_core.bundle.store import Bundle


def write_bundle(
    model: keras.Model,
    *,
    name: str,
    card: dict[str, Any],
    predictions: pd.DataFrame,
    models_dir: Path | None = None,
    replace: bool = False,
) -> Bundle:
    """Deliver a trained network as the bundle `name`; under construction."""
    raise NotImplementedError
