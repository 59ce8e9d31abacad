"""Random weights that stand for drawing again: the Bayesian bootstrap.

Units, be they images, groups or networks, get gamma weights instead of counts (Rubin, The Bayesian bootstrap, Annals of
Statistics 9, 1981), so that no label and no network ever drops out of a resample. The shape (n - 2) / n makes the
variance of a mean of n units that of s^2 / n, without the factor (n - 1) / n by which few units would seem too steady.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAST_SHAPE = 0.05
"""Of two units, where the shape would be 0: one of them has nearly all the weight."""


def drawn_weights(sizes: NDArray[Any], n_resamples: int, generator: np.random.Generator) -> Floats:
    """Weights (B, U) of U units in each of B resamples, not negative, to be scaled within what they are a mean of.

    Args:
        sizes: (U,), how many units there are of each one's kind, itself included; the weight of a single one is 1.
        n_resamples: B.
        generator: of random numbers.
    """
    shape = np.maximum((sizes - 2) / np.maximum(sizes, 1), LEAST_SHAPE)
    weights = generator.gamma(shape, size=(n_resamples, len(sizes))) / shape
    return np.where(sizes == 1, 1.0, np.maximum(weights, 1e-12))
