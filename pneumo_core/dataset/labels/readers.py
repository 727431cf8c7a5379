"""One class a film from the rows of several readers, and how far these agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.dataset.labels.label_map import LEAVE_OUT
from pneumo_core.metrics.agreement import fleiss_kappa

if TYPE_CHECKING:
    import pandas as pd

    from pneumo_core.dataset.labels.label_map import Readers
    from pneumo_core.metrics.intervals import Estimate

DISAGREE = "disagree"
KINDS = ("bacterial", "viral", "pneumonia")


class Votes:
    """How many rows give each film each class; films in order of their names.

    votes: DataFrame with the columns film and target (of TARGETS), a row a reader or finding.
    """

    def __init__(self, votes: pd.DataFrame) -> None:
        import pandas as pd

        film, names = pd.factorize(votes["film"], sort=True)
        self.films = pd.Index(names)
        target = votes["target"].to_numpy(str)

        def count(name: str) -> np.ndarray:
            return np.bincount(film[target == name], minlength=len(names))

        self._kinds = np.stack([count(name) for name in KINDS], axis=1)
        self.pneumonia = self._kinds.sum(axis=1)
        self.normal, self.other = count("normal"), count(LEAVE_OUT)
        self.rows = np.bincount(film, minlength=len(names))

    def by_readers(self, how: Readers) -> pd.Series:
        """The class of each film as `LabelMap.readers` says, DISAGREE where there is none."""
        n = self.rows
        if how == "unanimous":
            return self._chosen(self.pneumonia == n, self.normal == n, self.other == n)
        half = n / 2
        sick = self.pneumonia > (0 if how == "any" else half)
        return self._chosen(sick, ~sick & (self.normal > half), ~sick & (self.other > half))

    def by_findings(self) -> pd.Series:
        """The class of each film where a row is a finding: DISAGREE if it is normal and another."""
        normal = self.normal == self.rows
        sick = (self.pneumonia > 0) & (self.normal == 0)
        return self._chosen(sick, normal, self.other == self.rows)

    def kappa(self) -> Estimate:
        """Fleiss' kappa of normal, pneumonia and anything else."""
        return fleiss_kappa(np.stack([self.normal, self.pneumonia, self.other], axis=1))

    def _chosen(self, sick: np.ndarray, normal: np.ndarray, other: np.ndarray) -> pd.Series:
        import pandas as pd

        # Bacterial by one and viral by another is pneumonia.
        one_kind = self._kinds.max(axis=1) == self.pneumonia
        kind = np.where(one_kind, np.array(KINDS)[self._kinds.argmax(axis=1)], "pneumonia")
        chosen = np.select([sick, normal, other], [kind, "normal", LEAVE_OUT], DISAGREE)
        return pd.Series(chosen, index=self.films)
