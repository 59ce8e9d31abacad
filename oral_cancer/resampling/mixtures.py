"""Mixtures as the treatments' options name them, and the training images of each."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from oral_cancer.errors import UserError, refuse
from oral_cancer.labels import MIXTURES, group_names


def images_to_add(multiple: float, count: int) -> int:
    """A multiple of `count` images, rounded to whole images."""
    return round(multiple * count)


def rows_by_group(soft_labels: NDArray[np.float32], needed: Iterable[str]) -> dict[str, NDArray[np.int64]]:
    """The rows of each class and mixture in a training set, ascending.

    Args:
        soft_labels: float32 (N, 3), proportions of `labels.CLASSES`.
        needed: classes and mixtures that a treatment cannot do without.

    Raises:
        UserError: if the set has no mixture at all, or no image of a needed group.
    """
    names = group_names(soft_labels)
    rows = {str(name): np.flatnonzero(names == name) for name in np.unique(names)}
    if not rows.keys() & set(MIXTURES):
        raise UserError(
            "resampling: this treatment works on mixtures, and the training set has none; "
            "choose data=homo_hetero or resampling=none"
        )
    refuse(
        [
            f"resampling: the training set has no image of {name}; add some, or take {name} out of "
            "resampling.multiples and resampling.pairs"
            for name in dict.fromkeys(needed)
            if name not in rows
        ]
    )
    return rows
