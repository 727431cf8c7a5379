"""The mapping kept for a folder: beside its films, or in the cache where it cannot be written."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from pneumo_core.config import load_settings
from pneumo_core.dataset.labels.label_map import FILE, Labels, read_map, write_map

if TYPE_CHECKING:
    from pathlib import Path

    from pneumo_core.config import Settings


def kept_labels(base: Path, settings: Settings | None = None) -> Labels | None:
    """The labels kept for the folder `base`, None where there are none. Raises DataSetError."""
    for path in (base / FILE, _elsewhere(base, settings or load_settings())):
        if path.is_file():
            return read_map(path)
    return None


def keep_labels(base: Path, labels: Labels, settings: Settings) -> Path:
    """Keep the labels for the folder: every command and screen reads them from then on.

    Returns where: beside the films, or in the cache where that folder cannot be written. Raises
    OSError where neither can.
    """
    elsewhere = _elsewhere(base, settings)
    try:
        write_map(labels, base / FILE)
    except OSError:
        write_map(labels, elsewhere)
        return elsewhere
    elsewhere.unlink(missing_ok=True)
    return base / FILE


def _elsewhere(base: Path, settings: Settings) -> Path:
    key = hashlib.sha256(os.fsencode(base.resolve())).hexdigest()[:16]
    return settings.cache_dir / "mappings" / f"{key}.toml"
