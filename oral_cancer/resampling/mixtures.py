"""Labels as the treatments' options name them, and the training images of each."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from oral_cancer.errors import UserError, refuse
from oral_cancer.labels import in_files

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Pair = TypeVar("Pair", bound="DataclassInstance")
Multiples = Mapping[str, float] | str
AUTO = "auto"
"""Instead of multiples: as many as raise every label to the images of the most frequent."""


def read_multiples(multiples: Multiples) -> dict[str, float] | None:
    """Check the images to add to each class or mixture, as multiples of its training images.

    Args:
        multiples: by label, each finite and at least 0; or "auto".

    Returns:
        The multiples by label, or None for "auto".

    Raises:
        UserError: for a value that is no such multiple.
    """
    if multiples == AUTO:
        return None
    if not isinstance(multiples, Mapping):
        raise UserError(f"resampling.multiples={multiples}: must be {AUTO}, or a number for each label")
    refuse(
        [
            f"resampling.multiples.{key}={value}: must be a finite number of at least 0"
            for key, value in multiples.items()
            if not (type(value) in (int, float) and math.isfinite(value) and value >= 0)
        ]
    )
    return {str(key): value for key, value in multiples.items()}


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


class Rows:
    """The training images of each class and mixture.

    Args:
        labels: str (N,), the name of each training image's class or mixture.
    """

    def __init__(self, labels: NDArray[np.str_]) -> None:
        self.by_label = {str(name): np.flatnonzero(labels == name) for name in dict.fromkeys(labels.tolist())}
        self._forms = {form: name for name in self.by_label for form in (name.replace(":", "_"), in_files(name), name)}

    def name(self, given: str) -> str:
        """The label that an option names; "3_1" and "3to1" are forms of "3:1" that Hydra's command line can name."""
        return self._forms.get(given, given)

    def __getitem__(self, given: str) -> NDArray[np.int64]:
        return self.by_label[self.name(given)]

    def insist(self, needed: Iterable[str]) -> None:
        """Raise a `UserError` for every label of which a treatment needs images and there is none."""
        present = ", ".join(self.by_label)
        refuse(
            [
                f"resampling: the training set has no image of {name}, but of {present}; change resampling.multiples "
                "and resampling.pairs, or choose other data or resampling=none"
                for name in dict.fromkeys(needed)
                if self.name(name) not in self.by_label
            ]
        )

    def to_add(self, multiples: Mapping[str, float] | None) -> dict[str, int]:
        """How many images to add to each label, in whole images.

        Raises:
            UserError: where a label is named twice or has no image.
        """
        if multiples is None:
            most = max(map(len, self.by_label.values()))
            return {name: most - len(rows) for name, rows in self.by_label.items()}
        self.insist(multiples)
        names = [self.name(given) for given in multiples]
        refuse(
            [
                f"resampling.multiples.{given}: names {name} a second time; keep one of the two"
                for given, name in zip(multiples, names, strict=True)
                if names.count(name) > 1
            ]
        )
        return {
            name: round(multiple * len(self[name])) for name, multiple in zip(names, multiples.values(), strict=True)
        }
