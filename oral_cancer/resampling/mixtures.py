"""Mixtures as the treatments' options name them, and the training images of each."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from oral_cancer.errors import UserError, refuse
from oral_cancer.labels import MIXTURES, group_names

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Pair = TypeVar("Pair", bound="DataclassInstance")


def read_multiples(multiples: Mapping[str, float]) -> dict[str, float]:
    """Check the images to add to each mixture, as multiples of the mixture's training images.

    Args:
        multiples: by mixture, each finite and at least 0. A mixture may be written "3:1" or "3_1", the
            form that Hydra's command line can name.

    Returns:
        The multiples by mixture, written "3:1".

    Raises:
        UserError: for an unknown mixture, one named twice, or a value that is no such multiple.
    """
    read: dict[str, float] = {}
    problems = []
    for key, value in multiples.items():
        mixture = str(key).replace("_", ":")
        if mixture not in MIXTURES:
            allowed = ", ".join(f'"{name.replace(":", "_")}"' for name in MIXTURES)
            problems.append(f"resampling.multiples: {key!r} is no mixture; choose from {allowed}, in quotes")
        elif mixture in read:
            problems.append(f"resampling.multiples: {key!r} names a mixture a second time; keep one of the two")
        elif not (type(value) in (int, float) and math.isfinite(value) and value >= 0):
            problems.append(f"resampling.multiples.{key}: {value!r}; give a finite number of at least 0")
        read[mixture] = value
    refuse(problems)
    return read


def read_pairs(kind: type[Pair], pairs: Sequence[Mapping[str, Any]]) -> list[Pair]:
    """The pairs of an option as records of a data class.

    Raises:
        UserError: for a pair with a field missing or too many.
    """
    names = [field.name for field in fields(kind)]
    refuse(
        [
            f"resampling.pairs: {dict(pair)} does not have the fields of a pair; give {', '.join(names)}"
            for pair in pairs
            if set(pair) != set(names)
        ]
    )
    return [kind(**pair) for pair in pairs]


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
