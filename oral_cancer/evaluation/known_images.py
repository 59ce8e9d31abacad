"""Images of known composition that networks were not trained on: what an estimator of compositions is fitted on.

A pure validation image has one such row, of the network of the one fold that left it out; a mixed one has a row of
every network, since no fold trains on it. Both are rows of single networks, which answer more sharply than the mean of
several. So estimators are fitted on the rows of single networks, all folds together, and new images too go through them
network by network: what an ensemble estimates is the mean over its networks. What was trained on all folds has seen its
validation images, and has no known ones.
"""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oral_cancer.evaluation import predictions
from oral_cancer.evaluation.ensembles import member_folds
from oral_cancer.evaluation.predictions import ALL_FOLDS, TRAINING

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

PARTS = 5
ROWS = ("probabilities", "targets", "labels", "mixed", "units", "networks")


@dataclass(frozen=True)
class KnownImages:
    """N rows, each an image as one of F networks sees it.

    Attributes:
        probabilities, targets: (N, K).
        labels: (N,), their classes and mixtures.
        mixed: (N,), whether an image is a mixture.
        units: (N,), numbers from 0 of what is drawn as a whole: the image, or its group where there are groups.
        networks: (N,), numbers from 0 to F - 1.
        n_networks: F.
        grouped: whether units are groups.
    """

    probabilities: Floats
    targets: Floats
    labels: NDArray[np.str_]
    mixed: NDArray[np.bool_]
    units: Places
    networks: Places
    n_networks: int
    grouped: bool = False

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Self:
        """Those of one experiment's predictions, as `predictions.columns`, by the networks of its ensemble."""
        members = of_networks(frame)
        known = members[(members["split"] == "val") & (members["fold"] != ALL_FOLDS)]
        return cls(
            predictions.probabilities(known),
            predictions.labels(known),
            known["label"].to_numpy(str),
            (known["set"] == "hetero").to_numpy(bool),
            np.unique(known["group" if "group" in known else "file"].to_numpy(str), return_inverse=True)[1],
            known["network"].to_numpy(np.intp),
            members["network"].nunique(),
            "group" in known,
        )

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def tell_classes_apart(self) -> bool:
        """Whether an estimator can be fitted on them."""
        return len(self) > 0 and int(np.linalg.matrix_rank(self.targets)) == self.targets.shape[1]

    @property
    def mixtures(self) -> dict[str, Floats]:
        """The mean proportions (K,) of each mixture."""
        names = dict.fromkeys(self.labels[self.mixed])
        return {str(name): predictions.mean_label(self.targets[self.labels == name]) for name in names}

    def where(self, chosen: NDArray[np.bool_]) -> Self:
        """Those rows alone, with the networks' and units' numbers as they are."""
        rows: dict[str, Any] = {name: getattr(self, name)[chosen] for name in ROWS}
        return replace(self, **rows)

    def beside(self, others: Self) -> Self:
        """These rows, and others after them, whose numbers of networks and units mean the same."""
        rows: dict[str, Any] = {name: np.concatenate([getattr(one, name) for one in (self, others)]) for name in ROWS}
        return replace(self, **rows)

    @property
    def units_beside(self) -> Places:
        """Of each unit (U,), how many there are of its label, itself included; of several labels the fewest."""
        fewest = np.full(self.units.max(initial=-1) + 1, len(self))
        for label in np.unique(self.labels):
            members = np.unique(self.units[self.labels == label])
            fewest[members] = np.minimum(fewest[members], len(members))
        return fewest

    def parts(self) -> Places:
        """For each row one of `PARTS` parts, (N,): whole units, those of a label spread over all parts."""
        units, first = np.unique(self.units, return_index=True)
        shuffled = np.random.default_rng(0).permutation(len(units))
        order = np.lexsort((shuffled, self.labels[first]))
        part_of_unit = np.empty(units.max(initial=0) + 1, np.intp)
        part_of_unit[units[order]] = np.arange(len(units)) % PARTS
        return part_of_unit[self.units]


def of_networks(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of the networks that form an experiment's ensemble, with the number of each, from 0, as `network`."""
    members = frame[frame["fold"].isin(member_folds(frame))]
    return members.assign(network=members.groupby(TRAINING, sort=True).ngroup())
