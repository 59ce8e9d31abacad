"""Composition of a population of images: how much of each class it holds, on the mean."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oral_cancer.evaluation.bootstrap import N_RESAMPLES, interval_over, resampled_means


@dataclass(frozen=True)
class Composition:
    """Proportions of each class, float64 (..., K), and the ends of a 95 % interval."""

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def composition(
    probabilities: NDArray[np.float64], n_resamples: int = N_RESAMPLES, seed: int = 0, groups: ArrayLike | None = None
) -> Composition:
    """Mean proportions of one population, with a percentile bootstrap interval over its images.

    The interval covers the choice of images, not a network's bias: `headline` is about that.

    Args:
        probabilities: (N, K), 0 to 1, or (N, M, K) for M ensembles that saw the same N images; N at least 1.
        n_resamples: bootstrap resamples.
        seed: of the random generator.
        groups: (N,), of each image, drawn as wholes, see `interval_over`; None draws images.
    """
    n_images = len(probabilities)
    flat = probabilities.reshape(n_images, -1)

    def resampled(drawn: ArrayLike | None) -> NDArray[np.float64]:
        means = resampled_means(flat, np.zeros(n_images), n_resamples, seed, drawn)
        return means.reshape(n_resamples, *probabilities.shape[1:])

    return Composition(probabilities.mean(axis=0), *interval_over(groups, resampled))
