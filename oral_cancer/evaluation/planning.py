"""How many fields an interval of some width needs, by the spread of cultures whose composition is known."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oral_cancer.evaluation.composition_tables import Composed
from oral_cancer.evaluation.headline import widening

Floats = NDArray[np.float64]

MOST = 100_000
"""Fields, beyond which nobody goes."""


@dataclass(frozen=True)
class Need:
    """What a known culture says of the fields that one like it needs.

    Attributes:
        name: of the culture, a mixture or a class.
        units: how many were tested: images, or groups where they are of several.
        by_group: whether units are groups.
        width: of the interval of its most uncertain proportion with so many.
        least: of the interval with any number.
        needed: the number for the width that is asked; None where no number will do.
        off: how far its most wrong proportion is off.
    """

    name: str
    units: int
    by_group: bool
    width: float
    least: float
    needed: int | None
    off: float


def needs(composed: Composed, width: float) -> Iterator[Need]:
    """What each tested culture needs for an interval of a width, 0 to 1.

    Squared widths are added, and widened to Student's as those of `headline` are.
    """
    for culture, found in zip(composed.cultures, composed.estimates, strict=True):
        of_unit, of_rest = composed.headline.squared_widths(culture.probabilities, culture.groups)
        n_groups = 1 if culture.groups is None else len(np.unique(culture.groups))
        units = n_groups if n_groups > 1 else len(culture.probabilities)
        numbers = np.unique(np.geomspace(2, MOST, 400).astype(int))
        enough = numbers[[width_of(number, of_unit, of_rest) <= width for number in numbers]]
        yield Need(
            culture.name,
            units,
            n_groups > 1,
            width_of(units, of_unit, of_rest),
            width_of(MOST, np.zeros_like(of_unit), of_rest),
            int(enough[0]) if len(enough) else None,
            float(np.abs(found.mean - culture.truth).max()),
        )


def width_of(units: int, of_unit: Floats, of_rest: Floats) -> float:
    """The widest interval, at most 1, from squared widths (K,) of a unit and of what units do not lessen."""
    if units < 2:
        return np.nan
    return min(1.0, float(widening(units - 1) * np.sqrt(of_unit / units + of_rest).max()))
