"""How many, of what, and how large: what a data set holds, in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from pneumo_core.dataset.catalogue import Catalogue

_MEASURES = (
    *("width", "height", "aspect", "bytes", "bytes_per_pixel", "quality"),
    *("mean", "contrast", "border_mean", "border_contrast"),
)


def counts(index: pd.DataFrame) -> dict[str, Any]:
    """Films and patients of an index, in all and by split, with every unreadable file named.

    `exact_duplicates` is how many films are there more than once.
    """
    readable = index[index["readable"]]
    duplicates = readable[readable.duplicated("sha256", keep=False)]
    return {
        "films": len(index),
        "groups": int(index["group"].nunique()),
        "exact_duplicates": int(duplicates["sha256"].nunique()),
        "splits": {
            str(split): {
                "films": len(part),
                "groups": int(part["group"].nunique()),
                "labels": {str(k): int(n) for k, n in part["label"].value_counts().items()},
                "subtypes": {str(k): int(n) for k, n in part["subtype"].value_counts().items()},
            }
            for split, part in index.groupby("split")
        },
        "unreadable": [
            {"film": str(row.film), "problem": str(row.problem)}
            for row in index[~index["readable"]].itertuples()
        ],
    }


def facts(catalogue: Catalogue) -> dict[str, Any]:
    """Formats, films per patient, and the least, middle and largest of each measure.

    Sizes in pixels and bytes, grey levels 0..255; of readable films; {} for a measure none has.
    """
    films = catalogue.readable
    measured = {name: films[name].dropna() for name in _MEASURES}
    return {
        "made": catalogue.made,
        "key": catalogue.key,
        "formats": {str(k): int(n) for k, n in films["format"].value_counts().items()},
        "most_films_of_a_patient": int(films["group"].value_counts().max()) if len(films) else 0,
        "measures": {
            name: {
                "least": float(values.min()),
                "middle": float(values.median()),
                "largest": float(values.max()),
            }
            if len(values)
            else {}
            for name, values in measured.items()
        },
    }
