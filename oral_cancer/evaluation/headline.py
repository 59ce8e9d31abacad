"""The estimate of a composition that a study reports, with an interval over all that it rests on."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm, t

from oral_cancer.evaluation.bootstrap import LEVEL, interval
from oral_cancer.evaluation.choice import Choice, choose, deviations
from oral_cancer.evaluation.composition import Composition
from oral_cancer.evaluation.cultures import Culture
from oral_cancer.evaluation.drawing import drawn_weights
from oral_cancer.evaluation.estimators import Estimator, on_simplex
from oral_cancer.evaluation.known_images import PARTS, KnownImages

Floats = NDArray[np.float64]

N_RESAMPLES = 500
"""In each of which the estimator is fitted anew."""
PURE = 0.95
"""The raw mean of a class at which a culture counts as pure, unless a known mixture has as much."""
FAR = 0.05
"""How far a proportion may lie from mixtures and pure classes that are known, and count as one of them."""


@dataclass(frozen=True)
class Deviations:
    """How far off the chosen estimator is on images that had no part in the fit: what resampling cannot show.

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
        n_classes = known.targets.shape[1]
        return cls(
            _stacked((value for label, value in of_labels.items() if label not in known.mixtures), n_classes),
            _stacked((value for label, value in of_labels.items() if label in known.mixtures), n_classes),
            _stacked((value for _, value in of_groups), n_classes),
        )

    def in_place_of(self, others: Self) -> Self:
        """These, and others of a kind that there is none of here; groups of both are groups."""
        pure, mixed = (
            ours if len(ours) else theirs for ours, theirs in ((self.pure, others.pure), (self.mixed, others.mixed))
        )
        return replace(self, pure=pure, mixed=mixed, groups=np.concatenate([others.groups, self.groups]))

    def of_one_like(self, estimate: Floats) -> Floats:
        """Those (D, K) that a population with this estimate (K,) may have; what seems mixed may be pure, and off."""
        impurity = 1 - estimate.max()
        chosen = [self.mixed] if impurity >= FAR or not len(self.pure) else []
        chosen += [self.pure] if impurity < FAR + np.abs(self.pure).max(initial=0.0) or not len(self.mixed) else []
        return np.concatenate(chosen)


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
        mixed_up_to: the greatest raw mean of a class in a known mixture; 0 without any.
        seed: of the random generator for the populations.
        tried: those of cultures that it was tried on, in the place of `deviations`; None before, see `tried_on`.
        of_plate: (K,), the classes of which known images are of the population's own plate; of a population that holds
            no others, `tried` is not asked. None where there are none.
    """

    choice: Choice
    fitted: Estimator
    resampled: Estimator
    network_weights: Floats
    deviations: Deviations
    mixtures: Mapping[str, Floats]
    mixed_up_to: float
    seed: int
    tried: Deviations | None = None
    of_plate: NDArray[np.bool_] | None = None

    @classmethod
    def of(
        cls, known: KnownImages, n_resamples: int = N_RESAMPLES, seed: int = 0, choice: Choice | None = None
    ) -> Self:
        """Choose by cross-validation, unless that is done, and fit; the same images and seed give the same fits."""
        choice = choice or choose(known)
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
            max([0.0, *(known.probabilities[known.labels == name].mean(axis=0).max() for name in known.mixtures)]),
            seed,
        )

    def tried_on(self, cultures: Sequence[Culture]) -> Self:
        """The same estimate, whose interval also covers how far off it is on cultures that no network has seen.

        Networks answer otherwise to each new culture, which validation images, of the cultures that trained, cannot
        show. How far off few cultures are says little of the next one: so their deviations are widened to Student's
        distribution for their number.

        Args:
            cultures: of known composition. Those that it was tried on before are forgotten.
        """
        n_classes = self.deviations.pure.shape[1]
        pure, mixed = (
            _stacked((self._off(one) for one in cultures if one.mixed == kind), n_classes) for kind in (False, True)
        )
        groups = _stacked((self._off(part) for one in cultures for part in one.by_group()), n_classes)
        of_cultures = Deviations(pure * widening(len(pure)), mixed * widening(len(mixed)), groups)
        return replace(self, tried=of_cultures.in_place_of(self.deviations) if cultures else None)

    def _off(self, culture: Culture) -> Floats:
        """How far off (K,) a culture is, beyond the error of its estimate."""
        parts = _units(len(culture.probabilities), culture.groups)[0] % PARTS
        estimates = [self._estimated(self.fitted, culture.probabilities[parts == part]) for part in np.unique(parts)]
        return _beyond_error(np.array(estimates) - culture.truth)

    def composition(self, probabilities: Floats, groups: ArrayLike | None = None) -> Composition:
        """The proportions of a population, and the ends of their intervals, which are NaN for a single image.

        Where the raw mean says that a culture is pure, the class has at least `PURE`: what is lacking there may be the
        error of correcting. The interval knows nothing of that, and holds what the estimator itself says.

        To each resample a deviation is added, to either side: of a class or mixture that it was tried on, else of a
        known one; of a group where the study's images have groups, and the population is of one, or nobody knows of how
        many. Ends are widened from the normal distribution's to Student's for the number of images or groups
        (Hesterberg, What teachers should know about the bootstrap, The American Statistician 69, 2015, section 4.6).

        Args:
            probabilities: (n, F, K), of its images by each network, in the order of `KnownImages.networks`.
            groups: (n,), of its images; None where there are none or nobody knows.
        """
        units, n_groups = _units(len(probabilities), groups)
        estimate = self._estimated(self.fitted, probabilities)
        shown = self._kept_pure(estimate, probabilities.mean(axis=(0, 1)))
        generator = np.random.default_rng(self.seed + 1)
        drawn = self._drawn(units, generator)
        resampled = self._estimated(self.resampled, probabilities, drawn[..., None] * self.network_weights[:, None])
        deviations, of_groups = self._deviations(estimate, n_groups)
        freedom = min(units.max(), len(deviations) - 1) if of_groups else units.max()
        if freedom < 1:
            nothing = np.full(len(estimate), np.nan)
            return Composition(shown, nothing, nothing)
        ends = interval(resampled + _to_either_side(deviations, len(resampled), generator))
        low, high = (np.clip(estimate + widening(freedom) * (end - estimate), 0, 1) for end in ends)
        return Composition(shown, np.minimum(low, shown), np.maximum(high, shown))

    def squared_widths(self, probabilities: Floats, groups: ArrayLike | None = None) -> tuple[Floats, Floats]:
        """Of the proportions of a population: the squared widths (K,) of intervals over its images, and over the rest.

        The first is that of a single image, or of a single group where they are of several: of n it is an n-th. The
        rest is the images that the estimator was fitted on, the networks, and the deviations of known images. Both are
        independent, and so their sum is roughly that of the whole interval, before Student's distribution widens it.

        Args:
            probabilities: (n, F, K), as for `composition`.
            groups: (n,), likewise.
        """
        units, n_groups = _units(len(probabilities), groups)
        generator = np.random.default_rng(self.seed + 1)
        drawn = np.repeat(self._drawn(units, generator)[..., None], probabilities.shape[1], axis=-1)
        of_images = self._estimated(self.fitted, probabilities, drawn)
        alike = np.ones((1, len(probabilities), 1)) * self.network_weights[:, None]
        others = self._estimated(self.resampled, probabilities, alike)
        deviations, _ = self._deviations(self._estimated(self.fitted, probabilities), n_groups)
        of_rest = others + _to_either_side(deviations, len(others), generator)
        over_images, over_rest = (np.subtract(*interval(resampled)[::-1]) ** 2 for resampled in (of_images, of_rest))
        return over_images * (units.max() + 1), over_rest

    def _drawn(self, units: NDArray[np.intp], generator: np.random.Generator) -> Floats:
        """Weights (B, n) of images that are of these units."""
        n_units = units.max() + 1
        return drawn_weights(np.full(n_units, n_units), len(self.network_weights), generator)[:, units]

    def _estimated(self, estimator: Estimator, probabilities: Floats, weights: Floats | None = None) -> Floats:
        """Proportions (..., K) of images (n, F, K) with weights (B, n, F)."""
        rows = probabilities.reshape(-1, probabilities.shape[-1])
        return estimator.predict(rows, None if weights is None else weights.reshape(len(weights), -1))

    def _kept_pure(self, estimate: Floats, raw: Floats) -> Floats:
        """An estimate (K,), moved towards the class that the raw mean has nearly alone, until that has `PURE`.

        It is moved in full where the raw mean has `PURE` and more than any known mixture, and from `FAR` below, or what
        known mixtures have, in proportion: cultures that hardly differ have estimates that hardly do.
        """
        k = int(raw.argmax())
        beyond = max(PURE - FAR, self.mixed_up_to)
        share = np.clip((raw[k] - beyond) / (PURE - beyond), 0, 1) if beyond < PURE else float(raw[k] > beyond)
        if share == 0 or estimate[k] >= PURE:
            return estimate
        kept = estimate * (1 - PURE) / (1 - estimate[k])
        kept[k] = PURE
        return np.asarray(estimate + share * (kept - estimate))

    def _deviations(self, estimate: Floats, n_groups: int) -> tuple[Floats, bool]:
        """Those that a population of so many groups with this estimate may have too; whether as one more group."""
        on_its_plate = self.of_plate is not None and estimate[~self.of_plate].sum() <= FAR
        known = self.deviations if on_its_plate or self.tried is None else self.tried
        of_groups = n_groups < 2 and len(known.groups) > 0
        return (known.groups if of_groups else known.of_one_like(estimate)), of_groups

    def is_outside(self, proportions: Floats) -> bool:
        """Whether proportions (K,) are neither a pure class nor between the known mixtures, each to within `FAR`."""
        if proportions.max() > 1 - FAR:
            return False
        if not self.mixtures:
            return True
        ends = np.array(list(self.mixtures.values()))
        return bool(np.abs(on_simplex(ends, proportions) @ ends - proportions).max() > FAR)


def _stacked(values: Iterable[Floats], n_classes: int) -> Floats:
    return np.array(list(values)).reshape(-1, n_classes)


def widening(freedom: int) -> float:
    """By how much Student's distribution is wider than the normal one, at `LEVEL`, for so many degrees of freedom."""
    return float(t.ppf((1 + LEVEL) / 2, freedom) / norm.ppf((1 + LEVEL) / 2))


def _to_either_side(deviations: Floats, n_resamples: int, generator: np.random.Generator) -> Floats:
    """One of the deviations (D, K) for each resample, with either sign, (B, K); none where there are none."""
    if not len(deviations):
        return np.zeros((n_resamples, deviations.shape[1]))
    drawn = deviations[generator.integers(len(deviations), size=n_resamples)]
    return np.asarray(drawn * generator.choice([-1, 1], (n_resamples, 1)))


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
