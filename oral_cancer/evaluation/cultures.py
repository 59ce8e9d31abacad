"""Cultures of known composition that had no part in any training: the test images of a class or mixture."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oral_cancer.evaluation.known_images import of_networks
from oral_cancer.evaluation.predictions import classes_of, labels, mean_label, mixtures_of, probabilities

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Culture:
    """The test images of one class or mixture, as an experiment's networks see them.

    Attributes:
        name: of the class or mixture.
        mixed: whether it is a mixture.
        truth: (K,).
        probabilities: (n, F, K).
        groups: (n,), of its images; None where there are none.
    """

    name: str
    mixed: bool
    truth: Floats
    probabilities: Floats
    groups: NDArray[np.str_] | None

    def by_group(self) -> list[Self]:
        """The images of each group; nothing where there are none."""
        if self.groups is None:
            return []
        parts = (self.groups == group for group in np.unique(self.groups))
        return [replace(self, probabilities=self.probabilities[part], groups=self.groups[part]) for part in parts]


def cultures_of(frame: pd.DataFrame) -> list[Culture]:
    """Those of one experiment, from the predictions of all its runs, classes after mixtures."""
    members = of_networks(frame)
    tested = members[members["split"] == "test"].sort_values("file", kind="stable")
    return [_culture(name, tested[tested["label"] == name]) for name in names_of(tested)]


def names_of(tested: pd.DataFrame) -> list[str]:
    """The mixtures among images, the simplest first, then the classes, as far as there are any."""
    pure = set(tested.loc[tested["set"] == "homo", "label"])
    return [*mixtures_of(tested), *(name for name in classes_of(tested) if name in pure)]


def _culture(name: str, tested: pd.DataFrame) -> Culture:
    by_network = [part for _, part in tested.groupby("network")]
    images = by_network[0]
    return Culture(
        name,
        bool((images["set"] == "hetero").all()),
        mean_label(labels(images)),
        np.stack([probabilities(part) for part in by_network], axis=1),
        images["group"].to_numpy(str) if "group" in images else None,
    )
