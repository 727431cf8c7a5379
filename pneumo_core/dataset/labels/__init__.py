"""Labels of films: from the names of folders, or from a table with the films."""

from pneumo_core.dataset.labels.label_map import (
    LabelMap,
    Labels,
    keep_labels,
    kept_labels,
    read_map,
)
from pneumo_core.dataset.labels.table_files import has_tables

__all__ = [
    "LabelMap",
    "Labels",
    "has_tables",
    "keep_labels",
    "kept_labels",
    "read_map",
]
