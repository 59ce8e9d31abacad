"""The labels of a data set: its classes and mixtures, and what each says of the composition of an image.

A class is one kind of cells; its images are pure. A mixture is a known mix of kinds. A soft label is the proportion of
each class in an image, in the order of the data set's classes.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from math import lcm
from typing import Any, Literal
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from oral_cancer.counting import counted
from oral_cancer.errors import refuse
from oral_cancer.spreadsheets import REASON, is_formula

ImageSet = Literal["homo", "hetero"]
"""Pure images ("homo"), whose label is a class, and mixed ones ("hetero")."""
Split = Literal["train", "val", "test"]
EVALUATED_SPLITS: tuple[Split, ...] = ("val", "test")

FEWEST, MOST = 2, 50  # classes
TOLERANCE = 1e-3  # between soft labels that are the same
PARTS = 60  # the most that a ratio's name is made of, such as 7:53


@dataclass(frozen=True)
class Labels:
    """What the images of a data set can be called.

    Attributes:
        classes: their names, in the order of every soft label.
        mixtures: by name, the proportion of each class, summing to 1.
    """

    classes: tuple[str, ...]
    mixtures: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        refuse(_problems(self.classes, self.mixtures))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Classes, then mixtures, the simplest ratios first."""
        return (*self.classes, *by_simplicity(self.mixtures))

    @cached_property
    def proportions(self) -> dict[str, tuple[float, ...]]:
        """The soft label of each name."""
        pure = np.eye(len(self.classes)).tolist()
        return {
            name: self.mixtures[name] if name in self.mixtures else tuple(pure[self.classes.index(name)])
            for name in self.names
        }

    def soft_label(self, name: str) -> NDArray[np.float32]:
        """The soft label of a class or mixture, float32 (K,)."""
        return np.asarray(self.proportions[name], np.float32)

    def image_set(self, name: str) -> ImageSet:
        """Whether images of this name are pure or mixed."""
        return "homo" if name in self.classes else "hetero"

    def record(self) -> dict[str, Any]:
        """What a manifest says of them."""
        return {"classes": list(self.classes), "mixtures": {name: list(p) for name, p in self.mixtures.items()}}


def of_parts(classes: Sequence[str], parts: Mapping[str, float]) -> tuple[float, ...]:
    """The proportions of a mixture of these parts, of any scale.

    >>> of_parts(("a", "b", "c"), {"a": 1, "c": 3})
    (0.25, 0.0, 0.75)
    """
    total = sum(parts.values())
    return tuple(parts.get(name, 0.0) / total for name in classes)


def mixing(classes: Sequence[str], mixtures: Mapping[str, Any]) -> list[str]:
    """The classes that some mixture holds, by the proportions of each mixture.

    >>> mixing(("a", "b", "c"), {"1:3": (0.25, 0.0, 0.75)})
    ['a', 'c']
    """
    return [name for k, name in enumerate(classes) if any(parts[k] > 0 for parts in mixtures.values())]


def ratio(proportions: Iterable[float]) -> str:
    """A mixture's name by the parts of the classes that it holds; a pure one has a single part.

    >>> ratio([1 / 3, 2 / 3, 0.0]), ratio([0.25, 0.25, 0.5])
    ('1:2', '1:1:2')
    """
    shares = _fractions(proportions)
    whole = lcm(*(share.denominator for share in shares))
    return ":".join(str(share * whole) for share in shares if share)


def by_simplicity(mixtures: Mapping[str, Iterable[float]]) -> list[str]:
    """The names of mixtures, those of few parts first, then by the share of the first class, of the second and so on.

    >>> by_simplicity({"3:1": (0.75, 0.25), "2:1": (2 / 3, 1 / 3), "1:2": (1 / 3, 2 / 3)})
    ['1:2', '2:1', '3:1']
    """

    def key(name: str) -> tuple[int, list[Fraction]]:
        shares = _fractions(mixtures[name])
        return lcm(*(share.denominator for share in shares)), shares

    return sorted(mixtures, key=key)


def in_files(name: str) -> str:
    """A label as part of a file's name: letters, digits and a few signs.

    >>> in_files("1:3"), in_files("T cell / B cell")
    ('1to3', 'T_cell_B_cell')
    """
    return re.sub(r"[^\w.+-]+", "_", name.replace(":", "to")).strip("_.") or "_"


def _fractions(proportions: Iterable[float]) -> list[Fraction]:
    return [Fraction(float(share)).limit_denominator(PARTS) for share in proportions]


def _problems(classes: Sequence[str], mixtures: Mapping[str, Sequence[float]]) -> list[str]:
    names = [*classes, *mixtures]
    problems = [fault for name in names if (fault := _fault(name))]
    problems += [
        f"source: the class {name} is named as a mixture is; describe its parts in source.mixtures, or rename it"
        for name in classes
        if re.fullmatch(r"[\d.]+(:[\d.]+)+", name)
    ]
    problems += _clashes(classes)
    if not FEWEST <= len(classes) <= MOST:
        named = f" ({', '.join(classes[:MOST])})" if classes else ""
        found = counted(len(classes), "class", "classes")
        problems.append(f"source: {found}{named}; there must be {FEWEST} to {MOST}, a folder or a label each")
    by_form: dict[str, list[str]] = {}
    for name in names:
        by_form.setdefault(in_files(normalize("NFC", name)).casefold(), []).append(name)
    problems += [
        f"source: the labels {' and '.join(alike)} are alike as file names ({form}); rename all but one, or "
        "give them one name if they are one"
        for form, alike in by_form.items()
        if len(alike) > 1
    ]
    problems += [
        f"source: the mixture {name} has the proportions {list(parts)}; give one of each class, not negative, 1 in sum"
        for name, parts in mixtures.items()
        if len(parts) != len(classes) or min(parts) < 0 or abs(sum(parts) - 1) > TOLERANCE
    ]
    return problems


COLUMNS = frozenset(
    (
        *("experiment", "fold", "split_seed", "seed", "group", "split", "set", "file", "label", "ensemble"),
        *("mixture", "class", "calibrated", "n", "estimator", "headline", "covered", "width", "ratio"),
        *(
            "population",
            "predicted",
            "images",
            "unlike_training",
            "left_out",
            "remark",
            "brightness",
            "contrast",
            "micrometres",
            "feature_distance",
            "feature_percentile",
            "features",
        ),
    )
)
"""Of the tables, beside those of the classes."""
DERIVED = ("true_{}", "predicted_{}", "{}_sd", "{}_low", "{}_high", "{}_calibrated", "{}_controls")


def _clashes(classes: Sequence[str]) -> list[str]:
    """One line for each class that would be called as another column of a table."""
    derived = {form.format(name) for name in classes for form in DERIVED}
    return [
        f"source: the class {name!r} is called as a column of the tables; rename it"
        for name in classes
        if name in COLUMNS or name in derived
    ]


def _fault(name: str) -> str:
    """What is wrong with a label's name, "" where nothing is."""
    if not name.strip() or name != name.strip():
        return f"source: the label {name!r} is empty, or begins or ends with a space; rename it"
    if name.startswith(".") or re.search(r"[/\\\x00-\x1f]", name):
        return f"source: the label {name!r} is a path or has a character that does not print; rename it"
    return f"source: the label {name!r}: {REASON}; rename it" if is_formula(name) else ""
