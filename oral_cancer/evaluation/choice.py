"""The estimator by which a study reports compositions: chosen by cross-validation on validation images."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oral_cancer.evaluation.estimators import ESTIMATORS, Estimator
from oral_cancer.evaluation.known_images import PARTS, KnownImages

Floats = NDArray[np.float64]

KINDS = ("mixtures", "unseen", "pure")


@dataclass(frozen=True)
class Choice:
    """An estimator, and how far off each of them is.

    Attributes:
        name: of `ESTIMATORS`.
        errors: for each estimator that was tried, by cross-validation, the mean absolute error of a proportion: of
            mixtures, of mixtures of a ratio left out of the fit ("unseen"), of pure cultures. NaN where there are none.
    """

    name: str
    errors: Mapping[str, Mapping[str, float]]

    @property
    def estimator(self) -> Estimator:
        """A new one, to be fitted."""
        return ESTIMATORS[self.name]()


def choose(known: KnownImages) -> Choice:
    """The estimator of the least error, the mean of those of `KINDS` that there are.

    Without mixtures it is unmixing by pure ends, since calibration on pure images alone would push mixtures to them;
    without images that tell the classes apart, the raw mean.
    """
    if not known.tell_classes_apart:
        return Choice("raw", {})
    names = list(ESTIMATORS) if known.mixed.any() else ["raw", "unmixing"]
    errors = {name: cross_validated(name, known) for name in names}
    if not known.mixed.any():
        return Choice("unmixing", errors)
    means = {name: np.nanmean(list(of_kinds.values())) for name, of_kinds in errors.items()}
    return Choice(min(means, key=lambda name: means[name]), errors)


def cross_validated(name: str, known: KnownImages) -> dict[str, float]:
    """The mean absolute errors of an estimator by `KINDS`, NaN where there are no such images.

    Images are left out part by part, and a label's estimate is the mean of those of its parts. Ratios are unseen when
    all of their images are left out at once.
    """
    parts, mixtures = known.parts(), known.mixtures
    by_part = _errors(name, known, [parts == part for part in range(PARTS)])
    by_ratio = _errors(name, known, [known.labels == mixture for mixture in mixtures]) if len(mixtures) > 1 else {}
    found = (
        [error for label, error in by_part.items() if label in mixtures],
        list(by_ratio.values()),
        [error for label, error in by_part.items() if label not in mixtures],
    )
    return {kind: float(np.mean(errors)) if errors else np.nan for kind, errors in zip(KINDS, found, strict=True)}


def deviations(
    name: str, known: KnownImages, left_out: Iterable[NDArray[np.bool_]], populations: NDArray[np.str_]
) -> Iterator[tuple[str, Floats]]:
    """For each population among rows that are left out of a fit, their estimate (K,) less their composition.

    Args:
        name: of an estimator.
        known: all images.
        left_out: (N,), the rows of each fit; passed over where the others do not suffice for one.
        populations: (N,), the name of each row's population.
    """
    left_out = [rows for rows in left_out if rows.any() and known.where(~rows).tell_classes_apart]
    if not left_out:
        return
    fitted_on = (~np.array(left_out)).astype(np.float64)
    fits = ESTIMATORS[name]().fit(known.probabilities, known.targets, known.labels, fitted_on)
    for fit, rows in enumerate(left_out):
        for population in np.unique(populations[rows]):
            members = rows & (populations == population)
            estimate = fits.predict(known.probabilities[members])[fit]
            yield str(population), estimate - known.targets[members].mean(axis=0)


def _errors(name: str, known: KnownImages, left_out: Iterable[NDArray[np.bool_]]) -> dict[str, float]:
    """The error of each label's mean estimate."""
    found: dict[str, list[Floats]] = defaultdict(list)
    for label, deviation in deviations(name, known, left_out, known.labels):
        found[label].append(deviation)
    return {label: float(np.abs(np.mean(of_label, axis=0)).mean()) for label, of_label in found.items()}
