"""Estimators of a composition: from what a network says of a population's images to the proportions of the classes.

Each is fitted on images of known labels that the network was not trained on, pure ones and mixtures, and every label
has the same weight, however many images it has. Weights (..., N) may have leading axes: one fit then stands for as
many, each with weights of its own, as resampling needs them.

Methods that count images, such as hard counts, EMQ or KDEy, have no place here: they take each image for one class, and
here each image is itself a mixture.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize, nnls
from scipy.special import log_softmax, softmax

Floats = NDArray[np.float64]

LEAST_PROBABILITY = 1e-6
"""Below which a logarithm says no more of an image than of the digits that its probability was written with."""
RIDGE = 1e-3
MOST_STEPS = 20
CLOSE = 1e-3  # of a coefficient's last step
_NUMBERS_AT_ONCE = 4_000_000  # 32 MB of float64


class Estimator(Protocol):
    """What every estimator can do."""

    def fit(self, probabilities: Floats, targets: Floats, labels: ArrayLike, weights: Floats | None = None, /) -> Self:
        """Learn from images of known composition.

        Args:
            probabilities: (N, K), 0 to 1, of images that the network was not trained on.
            targets: (N, K), their proportions.
            labels: (N,), the class or mixture of each, all of which weigh the same.
            weights: (..., N), of the images within their label, not negative; None weighs them alike.

        Raises:
            ValueError: where the labels do not tell all classes apart.
        """

    def predict(self, probabilities: Floats, weights: Floats | None = None, /) -> Floats:
        """The proportions (..., K) of one population, 0 to 1, from its images (N, K) and their weights (..., N)."""


class RawMean:
    """The mean of the predicted probabilities, as the paper has it; it learns nothing."""

    def fit(self, probabilities: Floats, targets: Floats, labels: ArrayLike, weights: Floats | None = None, /) -> Self:
        self.fits = () if weights is None else weights.shape[:-1]
        return self

    def predict(self, probabilities: Floats, weights: Floats | None = None, /) -> Floats:
        mean = _mean(probabilities, weights)
        return np.broadcast_to(mean, np.broadcast_shapes(mean.shape, (*self.fits, mean.shape[-1])))


class Unmixing:
    """The proportions whose mixture of the classes' mean probabilities comes nearest to the population's.

    What a network says on the mean is taken for linear in the composition: the mean of a mixture is that of its
    classes, in its proportions. The classes' means follow by least squares from pure images and mixtures, or from pure
    ones alone. The method is known as adjusted counts (Forman, Quantifying counts and costs via classification, Data
    Mining and Knowledge Discovery 17, 2008; with probabilities Bella et al., ICDM 2010) and as linear unmixing.

    Attributes:
        ends: (..., K, K), a row for the mean probabilities of each pure class.
    """

    ends: Floats

    def fit(self, probabilities: Floats, targets: Floats, labels: ArrayLike, weights: Floats | None = None, /) -> Self:
        _insist_on_all_classes(targets)
        weighted = label_weights(labels, weights)[..., None] * targets
        self.ends = np.asarray(np.linalg.solve(_crossed(weighted, targets), _crossed(weighted, probabilities)))
        return self

    def predict(self, probabilities: Floats, weights: Floats | None = None, /) -> Floats:
        return on_simplex(self.ends, _mean(probabilities, weights))


@dataclass
class DirichletCalibration:
    """The mean of probabilities that a softmax regression on their logarithms has calibrated.

    Source: Kull et al., Beyond temperature scaling: obtaining well-calibrated multi-class probabilities with Dirichlet
    calibration, NeurIPS 2019; here with soft targets, and drawn towards the map that changes nothing.

    Attributes:
        ridge: weight of the squared distance from that map, beside the mean cross entropy in nats.
        coefficients: (..., K, K + 1), of the logarithms, the last of the intercept.
    """

    ridge: float = RIDGE
    coefficients: Floats = field(init=False, repr=False)

    def fit(self, probabilities: Floats, targets: Floats, labels: ArrayLike, weights: Floats | None = None, /) -> Self:
        _insist_on_all_classes(targets)
        logs = _logs(probabilities)
        shared = label_weights(labels, weights)
        self.coefficients = self._minimum(logs, targets, shared.reshape(-1, shared.shape[-1]).mean(axis=0))
        if shared.ndim > 1:  # from the common minimum each is a few of Newton's steps away
            flat = shared.reshape(-1, shared.shape[-1])
            step = max(1, _NUMBERS_AT_ONCE // targets.size)
            parts = [self._stepped(logs, targets, flat[first : first + step]) for first in range(0, len(flat), step)]
            self.coefficients = np.concatenate(parts).reshape(*shared.shape[:-1], *self.coefficients.shape)
        return self

    def predict(self, probabilities: Floats, weights: Floats | None = None, /) -> Floats:
        weights = np.ones(len(probabilities)) if weights is None else weights
        total = np.zeros(self.coefficients.shape[-2])
        step = max(1, _NUMBERS_AT_ONCE // (self.coefficients[..., 0].size))
        for first in range(0, len(probabilities), step):
            rows = slice(first, first + step)
            total = total + (weights[..., None, rows] @ self.calibrated(probabilities[rows]))[..., 0, :]
        return np.asarray(total / weights.sum(axis=-1)[..., None])

    def calibrated(self, probabilities: Floats) -> Floats:
        """The calibrated probabilities (..., N, K) of images (N, K)."""
        return np.asarray(softmax(_logs(probabilities) @ self.coefficients.swapaxes(-1, -2), axis=-1))

    def _minimum(self, logs: Floats, targets: Floats, weights: Floats) -> Floats:
        start = np.eye(targets.shape[1], logs.shape[1])

        def loss(values: Floats) -> tuple[float, Floats]:
            moved = values.reshape(start.shape) - start
            scores = logs @ (start + moved).T
            entropy = -(weights[:, None] * targets * log_softmax(scores, axis=1)).sum()
            slope = (weights[:, None] * (softmax(scores, axis=1) - targets)).T @ logs
            return float(entropy + self.ridge * (moved**2).sum()), (slope + 2 * self.ridge * moved).ravel()

        found = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 1000}).x
        return np.asarray(found.reshape(start.shape))

    def _stepped(self, logs: Floats, targets: Floats, weights: Floats) -> Floats:
        """The minima (B, K, K + 1) for weights (B, N), by Newton's method with the curvature where they begin."""
        inverse = np.linalg.inv(self._curvature(logs, weights))
        start, coefficients = np.eye(*self.coefficients.shape), self.coefficients[None]
        for _ in range(MOST_STEPS):
            errors = softmax(logs @ coefficients.swapaxes(-1, -2), axis=-1) - targets
            slope = (weights[..., None] * errors).swapaxes(-1, -2) @ logs + 2 * self.ridge * (coefficients - start)
            step = (inverse @ slope.reshape(len(weights), -1, 1)).reshape(slope.shape)
            longest = np.abs(step).max(axis=(1, 2), keepdims=True)
            coefficients = coefficients - step / np.maximum(longest, 1.0)
            if longest.max() < CLOSE:
                break
        return np.asarray(coefficients)

    def _curvature(self, logs: Floats, weights: Floats) -> Floats:
        """The second derivatives (B, K (K + 1), K (K + 1)) at the common minimum, for weights (B, N)."""
        size = self.coefficients.size
        total = np.zeros((len(weights), size**2))
        step = max(1, _NUMBERS_AT_ONCE // size**2)
        for first in range(0, len(logs), step):
            rows = logs[first : first + step]
            shares = softmax(rows @ self.coefficients.T, axis=1)
            spread = shares[:, :, None] * (np.eye(shares.shape[1]) - shares[:, None, :])
            of_images = np.einsum("nij,nd,ne->nidje", spread, rows, rows)
            total += weights[:, first : first + step] @ of_images.reshape(len(rows), -1)
        return np.asarray(total.reshape(-1, size, size) + 2 * self.ridge * np.eye(size))


class CalibratedUnmixing:
    """Unmixing of probabilities that Dirichlet calibration has brought near to linear, by images of the same fit."""

    def __init__(self) -> None:
        self.calibration, self.unmixing = DirichletCalibration(), Unmixing()

    def fit(self, probabilities: Floats, targets: Floats, labels: ArrayLike, weights: Floats | None = None, /) -> Self:
        calibrated = self.calibration.fit(probabilities, targets, labels, weights).calibrated(probabilities)
        self.unmixing.fit(calibrated, targets, labels, weights)
        return self

    def predict(self, probabilities: Floats, weights: Floats | None = None, /) -> Floats:
        return on_simplex(self.unmixing.ends, self.calibration.predict(probabilities, weights))


ESTIMATORS: Mapping[str, type[Estimator]] = {
    "raw": RawMean,
    "unmixing": Unmixing,
    "dirichlet": DirichletCalibration,
    "dirichlet_unmixing": CalibratedUnmixing,
}
"""By the names that tables have for them."""


def label_weights(labels: ArrayLike, weights: Floats | None = None) -> Floats:
    """Weights (..., N) of images that sum to 1, and to the same for each of their labels (N,) that has any."""
    names, of_image = np.unique(np.asarray(labels), return_inverse=True)
    within = np.ones(len(of_image)) if weights is None else weights
    totals = within @ np.eye(len(names))[of_image]
    shares = np.divide(1.0, totals, out=np.zeros_like(totals), where=totals > 0) / (totals > 0).sum(-1, keepdims=True)
    return np.asarray(within * np.take(shares, of_image, axis=-1))


def on_simplex(ends: Floats, means: Floats) -> Floats:
    """The proportions (..., K), not negative and 1 in sum, whose mixtures of ends are nearest to means.

    Args:
        ends: (..., K, D), a row each.
        means: (..., D).
    """
    heavy = 1e3  # weight of the sum, far beyond that of the distance
    shape = np.broadcast_shapes(ends.shape[:-2], means.shape[:-1])
    ends, means = np.broadcast_to(ends, (*shape, *ends.shape[-2:])), np.broadcast_to(means, (*shape, means.shape[-1]))
    n_ends = ends.shape[-2]
    sides = np.concatenate([ends, np.full((*shape, n_ends, 1), heavy)], axis=-1).reshape(-1, n_ends, ends.shape[-1] + 1)
    aims = np.concatenate([means, np.full((*shape, 1), heavy)], axis=-1).reshape(len(sides), -1)
    found = np.array([nnls(side.T, aim)[0] for side, aim in zip(sides, aims, strict=True)])
    return np.asarray((found / found.sum(axis=1, keepdims=True)).reshape(*shape, n_ends))


def _mean(values: Floats, weights: Floats | None) -> Floats:
    """Weighted means (..., K) of values (..., N, K)."""
    if weights is None:
        return np.asarray(values.mean(axis=-2))
    return np.asarray((weights[..., None, :] @ values)[..., 0, :] / weights.sum(axis=-1)[..., None])


def _crossed(left: Floats, right: Floats) -> Floats:
    return np.asarray(left.swapaxes(-1, -2) @ right)


def _logs(probabilities: Floats) -> Floats:
    """The logarithms (..., N, K), and a column of ones."""
    logs = np.log(np.clip(probabilities, LEAST_PROBABILITY, None))
    return np.concatenate([logs, np.ones((*logs.shape[:-1], 1))], axis=-1)


def _insist_on_all_classes(targets: Floats) -> None:
    if np.linalg.matrix_rank(targets) < targets.shape[1]:
        raise ValueError("the labels must tell all classes apart: give pure images of each, or as many mixtures")
