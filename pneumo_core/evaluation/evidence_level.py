"""Evidence level: whether figures are those of a test, of validation or of training films."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from pneumo_core.evaluation.leakage import FilmRoles, film_roles
from pneumo_core.formatting import times

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from pneumo_core.bundle import Bundle
    from pneumo_core.evaluation.test_log import LoggedEvaluation

Kind = Literal["validation", "training", "test", "other", "drawn"]


@dataclass(frozen=True)
class EvidenceLevel:
    """What the films of some figures are to the model.

    badge: a short label; words: a sentence or two; warning: what the figures do not show, "" if
    there is nothing to warn of; evaluations: how often this test split has been evaluated, this
    time included; by_hash: whether films were identified by their hashes; synthetic: how many
    films are synthetic and show no patient.
    """

    kind: Kind
    badge: str
    words: str
    warning: str
    evaluations: int = 0
    by_hash: bool = True
    synthetic: int = 0

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "kind": self.kind,
            "badge": self.badge,
            "words": self.words,
            "warning": self.warning,
            "looks": self.evaluations,
            "sure": self.by_hash,
            "drawn": self.synthetic,
        }


def evidence_of_shipped(bundle: Bundle) -> EvidenceLevel:
    """The evidence level of a bundle's own predictions."""
    if bundle.card.populations:
        return _of_population(bundle.card.populations[-1])
    where = bundle.card.points_fitted_on or "validation films"
    folds = bundle.card.training.folds or 1
    whose = (
        "Each film was read by a network of the same recipe that was not trained on it"
        if folds > 1
        else "The model was not trained on these films"
    )
    return EvidenceLevel(
        "validation",
        _VALIDATION_BADGE,
        f"{whose}, but temperature and thresholds were chosen on them: {where}.",
        _NO_TEST,
    )


def evidence_elsewhere(bundle: Bundle) -> EvidenceLevel:
    """The evidence level of the predictions of another hospital that a bundle brings."""
    return _of_population(bundle.card.populations[0])


def _of_population(population: Mapping[str, Any]) -> EvidenceLevel:
    """The card says how each of its populations was held out."""
    estimated = str(population["evidence"]).startswith("estimate")
    held_out = "an estimate, not a measurement" if estimated else "held out by patient"
    return EvidenceLevel(
        "validation",
        f"{held_out}; thresholds were chosen on these films",
        f"{population['name']}: {population['evidence']}. Thresholds were chosen on these films.",
        _NO_TEST,
    )


def evidence_level(
    bundle: Bundle,
    table: pd.DataFrame,
    *,
    split: str,
    evaluations: Sequence[LoggedEvaluation] = (),
) -> EvidenceLevel:
    """The evidence level of films (film, split, label, and hashes if known) evaluated as `split`.

    A column `synthetic` (bool) marks films that show no patient. evaluations: those logged of
    these very films, this one included. Raises BundleError as `film_roles`.
    """
    n, synthetic = len(table), n_synthetic(table)
    if synthetic == n > 0:
        return EvidenceLevel("drawn", "synthetic films", _SYNTHETIC_WORDS, _SYNTHETIC, synthetic=n)
    found = _of_films(bundle, table, split, evaluations)
    if not synthetic:
        return found
    mixed = f"{synthetic:,} of {n:,} films are synthetic: they do not measure performance."
    return replace(found, warning=f"{mixed} {found.warning}".rstrip(), synthetic=synthetic)


def n_synthetic(table: pd.DataFrame) -> int:
    """How many films are synthetic, by the column `synthetic`; 0 without it."""
    return int(table["synthetic"].sum()) if "synthetic" in table else 0


_VALIDATION_BADGE = "validation: thresholds were chosen on these films"
_NO_TEST = "Expect lower performance on other films. This is not a test."
_SYNTHETIC = "These films are synthetic: they do not measure performance."
_SYNTHETIC_WORDS = (
    "They show no patient and serve to try the program. Their evaluation is not logged, whatever "
    "their split is called."
)
_NOT_LISTED = (
    "The bundle does not list its training films: if the model was trained on any of these, the "
    "figures are too high."
)


def _of_films(
    bundle: Bundle, table: pd.DataFrame, split: str, evaluations: Sequence[LoggedEvaluation]
) -> EvidenceLevel:
    """The evidence level, synthetic or not."""
    found = film_roles(bundle, table)
    called = " although the split is called test" if split == "test" else ""
    if found.trained.any():
        return EvidenceLevel(
            "training",
            "training films",
            f"{_share_of(found.trained)} were used for training{called}{_how(found)}",
            "These figures show how well the model remembers, not how it performs on new films.",
            by_hash=found.by_hash,
        )
    if found.chosen.any():
        return EvidenceLevel(
            "validation",
            _VALIDATION_BADGE,
            "Temperature and thresholds were chosen on "
            f"{_share_of(found.chosen).lower()}{called}{_how(found)}",
            _NO_TEST,
            by_hash=found.by_hash,
        )
    if split == "test":
        return _test(found, evaluations)
    return EvidenceLevel(
        "other",
        "other data",
        f"None of these films was used to train or calibrate the model{_how(found)}",
        "" if found.by_hash else _NOT_LISTED,
        by_hash=found.by_hash,
    )


def _test(found: FilmRoles, evaluations: Sequence[LoggedEvaluation]) -> EvidenceLevel:
    often = times(len(evaluations))
    versions = len({one.digest for one in evaluations})
    by = f", with {versions} versions of the model" if versions > 1 else ""
    warning = "" if found.by_hash else _NOT_LISTED
    if len(evaluations) > 1:
        warning = (
            "Repeated evaluation invites selection on the test split: if anything was changed "
            f"because of an earlier result, this is no longer a test. {warning}"
        ).strip()
    return EvidenceLevel(
        "test",
        f"test: evaluated {often}",
        f"The thresholds were locked before. This test split has been evaluated {often}{by}.",
        warning,
        evaluations=len(evaluations),
        by_hash=found.by_hash,
    )


def _share_of(these: npt.NDArray[np.bool_]) -> str:
    k, n = int(these.sum()), these.size
    return f"All {n:,} films" if k == n > 1 else f"{k:,} of {n:,} films"


def _how(found: FilmRoles) -> str:
    return "." if found.by_hash else ", as far as file names show."
