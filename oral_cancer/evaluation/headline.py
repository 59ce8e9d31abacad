"""The estimate of a composition that a study reports, with an interval over all that it rests on."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm, t

from oral_cancer.evaluation.bootstrap import LEVEL, interval
from oral_cancer.evaluation.choice import Choice, choose, deviations
from oral_cancer.evaluation.composition import Composition
from oral_cancer.evaluation.drawing import drawn_weights
from oral_cancer.evaluation.estimators import Estimator, on_simplex
from oral_cancer.evaluation.known_images import PARTS, KnownImages

Floats = NDArray[np.float64]

N_RESAMPLES = 500
"""In each of which the estimator is fitted anew."""
FAR = 0.05
"""How far a proportion may lie from mixtures and pure classes that are known, and count as one of them."""


@dataclass(frozen=True)
class Deviations:
    """How far off the chosen estimator is on known images that had no part in the fit: what resampling cannot show.

    Attributes:
        pure, mixed: (D, K), of each class and of each mixture, as far as they exceed their standard error.
        groups: (D, K), of each group's images of a label; none where there are no groups.
    """

    pure: Floats
    mixed: Floats
    groups: Floats

    @classmethod
    def of(cls, name: str, known: KnownImages) -> Self:
        """Those of an estimator, by cross-validation over whole units."""
        parts = known.parts()
        left_out = [parts == part for part in range(PARTS)]
        by_label: dict[str, list[Floats]] = defaultdict(list)
        for label, deviation in deviations(name, known, left_out, known.labels):
            by_label[label].append(deviation)
        of_labels = {label: _beyond_error(np.array(of_parts)) for label, of_parts in by_label.items()}
        populations = np.array([f"{label}/{unit}" for label, unit in zip(known.labels, known.units, strict=True)])
        of_groups = deviations(name, known, left_out, populations) if known.grouped else ()

        def stacked(values: Iterable[Floats]) -> Floats:
            return np.array(list(values)).reshape(-1, known.targets.shape[1])

        return cls(
            stacked(value for label, value in of_labels.items() if label not in known.mixtures),
            stacked(value for label, value in of_labels.items() if label in known.mixtures),
            stacked(value for _, value in of_groups),
        )


@dataclass(frozen=True)
class Headline:
    """The estimator chosen for an experiment, fitted on its known images and on resamples of them.

    In each resample the known images (or their groups), the networks and the images of the population are drawn again,
    the networks alike for fit and population. The choice of the estimator is not made again.

    Attributes:
        choice: by cross-validation.
        fitted: on the known images as they are.
        resampled: B fits.
        network_weights: (B, F).
        deviations: of known images from their labels.
        mixtures: the known ones, and their proportions (K,).
        seed: of the random generator for the populations.
    """

    choice: Choice
    fitted: Estimator
    resampled: Estimator
    network_weights: Floats
    deviations: Deviations
    mixtures: Mapping[str, Floats]
    seed: int

    @classmethod
    def of(cls, known: KnownImages, n_resamples: int = N_RESAMPLES, seed: int = 0) -> Self:
        """Choose by cross-validation and fit; the same images and seed give the same fits."""
        choice = choose(known)
        generator = np.random.default_rng(seed)
        networks = drawn_weights(np.full(known.n_networks, known.n_networks), n_resamples, generator)
        units = drawn_weights(known.units_beside, n_resamples, generator)
        weights = units[:, known.units] * networks[:, known.networks]
        return cls(
            choice,
            choice.estimator.fit(known.probabilities, known.targets, known.labels),
            choice.estimator.fit(known.probabilities, known.targets, known.labels, weights),
            networks,
            Deviations.of(choice.name, known),
            known.mixtures,
            seed,
        )

    def composition(self, probabilities: Floats, groups: ArrayLike | None = None) -> Composition:
        """The proportions of a population, and the ends of their intervals, which are NaN for a single image.

        To each resample the deviation of a known class, mixture or group is added, to either side: of a group where the
        study's images have groups, and the population is of one, or nobody knows of how many. Ends are widened from the
        normal distribution's to Student's for the number of images or groups (Hesterberg, What teachers should know
        about the bootstrap, The American Statistician 69, 2015, section 4.6).

        Args:
            probabilities: (n, F, K), of its images by each network, in the order of `KnownImages.networks`.
            groups: (n,), of its images; None where there are none or nobody knows.
        """
        n_images, n_networks, n_classes = probabilities.shape
        rows = probabilities.reshape(-1, n_classes)
        estimate = self.fitted.predict(rows)
        generator = np.random.default_rng(self.seed + 1)
        units, n_groups = _units(n_images, groups)
        n_units = units.max() + 1
        weights = drawn_weights(np.full(n_units, n_units), len(self.network_weights), generator)
        weights = (weights[:, units, None] * self.network_weights[:, None, :]).reshape(-1, n_images * n_networks)
        resampled = self.resampled.predict(rows, weights)
        deviations, freedom = self._deviations(estimate, n_groups), n_units - 1
        if len(deviations):
            drawn = deviations[generator.integers(len(deviations), size=len(resampled))]
            resampled = resampled + drawn * generator.choice([-1, 1], (len(drawn), 1))
        if deviations is self.deviations.groups:
            freedom = min(freedom, len(deviations) - 1)
        if freedom < 1:
            nothing = np.full(n_classes, np.nan)
            return Composition(estimate, nothing, nothing)
        wider = t.ppf((1 + LEVEL) / 2, freedom) / norm.ppf((1 + LEVEL) / 2)
        low, high = (np.clip(estimate + wider * (end - estimate), 0, 1) for end in interval(resampled))
        return Composition(estimate, np.minimum(low, estimate), np.maximum(high, estimate))

    def _deviations(self, estimate: Floats, n_groups: int) -> Floats:
        """Those that a population with this estimate may have too."""
        if n_groups < 2 and len(self.deviations.groups):
            return self.deviations.groups
        return self.deviations.pure if estimate.max() > 1 - FAR else self.deviations.mixed

    def is_outside(self, proportions: Floats) -> bool:
        """Whether proportions (K,) are neither a pure class nor between the known mixtures, each to within `FAR`."""
        if proportions.max() > 1 - FAR:
            return False
        if not self.mixtures:
            return True
        ends = np.array(list(self.mixtures.values()))
        return bool(np.abs(on_simplex(ends, proportions) @ ends - proportions).max() > FAR)


def _units(n_images: int, groups: ArrayLike | None) -> tuple[NDArray[np.intp], int]:
    """The number of what is drawn with each image, (n,), and the number of groups; images of one are drawn singly."""
    if groups is None:
        return np.arange(n_images), 1
    names, places = np.unique(np.asarray(groups), return_inverse=True)
    return (places if len(names) > 1 else np.arange(n_images)), len(names)


def _beyond_error(deviations: Floats) -> Floats:
    """The mean deviation (K,) over parts (P, K), less what the scatter between these explains."""
    mean = deviations.mean(axis=0)
    if len(deviations) < 2:
        return np.asarray(mean)
    error = deviations.var(axis=0, ddof=1) / len(deviations)
    return np.asarray(np.sign(mean) * np.sqrt(np.maximum(mean**2 - error, 0)))
