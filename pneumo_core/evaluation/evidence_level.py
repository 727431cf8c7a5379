"""What a set of figures may be called: a test, or something that looks better than one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from pneumo_core.evaluation.leakage import FilmRoles, film_roles

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from pneumo_core.bundle import Bundle
    from pneumo_core.evaluation.test_log import Look

Kind = Literal["validation", "training", "test", "other", "drawn"]


@dataclass(frozen=True)
class Standing:
    """What the films of some figures are to the model.

    badge: some words for a label; words: a sentence or two; warning: what must not be concluded,
    "" where nothing speaks against it; looks: how often a test split has been looked at, this
    time included; sure: whether films were told by their hashes; drawn: how many of
    the films Pneumo drew itself, which show no child.
    """

    kind: Kind
    badge: str
    words: str
    warning: str
    looks: int = 0
    sure: bool = True
    drawn: int = 0

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return dict(self.__dict__)


def standing_of_shipped(bundle: Bundle) -> Standing:
    """The standing of a bundle's own predictions."""
    where = bundle.card["operating_points"].get("fitted_on", "validation films")
    folds = bundle.card.get("training", {}).get("folds", 1)
    whose = (
        "Each film was read by a network of the same recipe that had not learnt from it"
        if isinstance(folds, int) and folds > 1
        else "The model did not learn from these films"
    )
    return Standing(
        "validation",
        "validation: thresholds were chosen on these films",
        f"{whose}, but temperature and thresholds were chosen on them: {where}.",
        "Expect somewhat worse figures on other films. This is not a test.",
    )


def standing(
    bundle: Bundle, table: pd.DataFrame, *, split: str, looks: Sequence[Look] = ()
) -> Standing:
    """The standing of films (film, split, label, and hashes if known) that were asked as `split`.

    A column `drawn` (bool) tells the films that Pneumo drew, see `films.drawn`. looks: those at
    these very films, this one included. Raises BundleError as `film_roles`.
    """
    n, drawn = len(table), drawn_films(table)
    if drawn == n > 0:
        return Standing("drawn", "drawn films: no child's", _DRAWN_WORDS, _DRAWN, drawn=n)
    found = _of_films(bundle, table, split, looks)
    if not drawn:
        return found
    mixed = f"{drawn:,} of {n:,} films were drawn by Pneumo: how well a model reads is not measured"
    return replace(found, warning=f"{mixed} on them. {found.warning}".rstrip(), drawn=drawn)


def drawn_films(table: pd.DataFrame) -> int:
    """How many films of the table its column `drawn` says Pneumo drew; 0 without the column."""
    return int(table["drawn"].sum()) if "drawn" in table else 0


def _of_films(bundle: Bundle, table: pd.DataFrame, split: str, looks: Sequence[Look]) -> Standing:
    """The standing, whoever made the films."""
    found = film_roles(bundle, table)
    if found.trained.any():
        return _training(found, split)
    if found.chosen.any():
        return _validation(found, split)
    if split == "test":
        return _test(found, looks)
    return Standing(
        "other",
        "other data",
        "None of these films is among those the model was made with" + _how(found),
        "" if found.by_hash else _NOT_LISTED,
        sure=found.by_hash,
    )


_DRAWN = "These films were drawn by Pneumo: how well a model reads is not measured on them."
_DRAWN_WORDS = (
    "They show no child; they are there to try the program. A look at them is not counted, "
    "whatever their split is called."
)
_NOT_LISTED = (
    "The bundle does not list its training films: if the model was trained on any of these, "
    "the figures flatter it."
)


def _training(found: FilmRoles, split: str) -> Standing:
    n, k = found.trained.size, int(found.trained.sum())
    test = " although the split is called test" if split == "test" else ""
    return Standing(
        "training",
        "training films",
        f"{_of(k, n)} were trained on{test}" + _how(found),
        "These figures say how well the model remembers, not how well it reads new films.",
        sure=found.by_hash,
    )


def _validation(found: FilmRoles, split: str) -> Standing:
    n, k = found.chosen.size, int(found.chosen.sum())
    test = " although the split is called test" if split == "test" else ""
    return Standing(
        "validation",
        "validation: thresholds were chosen on these films",
        f"Temperature and thresholds were chosen on {_of(k, n).lower()}{test}" + _how(found),
        "Expect somewhat worse figures on other films. This is not a test.",
        sure=found.by_hash,
    )


def _test(found: FilmRoles, looks: Sequence[Look]) -> Standing:
    times = "once" if len(looks) == 1 else f"{len(looks)} times"
    versions = len({look.digest for look in looks})
    by = f", with {versions} versions of the model" if versions > 1 else ""
    warning = "" if found.by_hash else _NOT_LISTED
    if len(looks) > 1:
        warning = (
            "Each look at a test split makes choosing by it easier: if anything was changed "
            f"because of an earlier look, this is no longer a test. {warning}"
        ).strip()
    return Standing(
        "test",
        f"test: looked at {times}",
        f"The thresholds were locked before. This test split has been looked at {times}{by}.",
        warning,
        looks=len(looks),
        sure=found.by_hash,
    )


def _of(k: int, n: int) -> str:
    return f"All {n:,} films" if k == n > 1 else f"{k:,} of {n:,} films"


def _how(found: FilmRoles) -> str:
    return "." if found.by_hash else ", as far as their names tell."
