"""Exact distances between images as vectors of pixels."""

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from oral_cancer.data.training_set import Images

CHUNK = 1024


def squared_distances(images: Images, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Squared Euclidean distances between images, flattened to vectors of pixel values.

    |a - b|^2 = |a|^2 + |b|^2 - 2ab, of pixels less 128, which changes no distance. The result is exact, so
    that no BLAS library and no number of threads can change a neighbour: a product of two such values is at
    most 2^14, the sum over a chunk of 1024 at most 2^24, and up to there float32 holds every whole number;
    float64 does so up to 2^53, enough for the sum over the chunks. One BLAS thread is as fast as two on chunks
    this small, and many times faster where other processes keep the cores busy.

    Args:
        images: uint8 (N, H, W, 3).
        rows: (R,), rows of `images`; one that comes more than once is read once.

    Returns:
        float64 (R, R), whole numbers.
    """
    distinct, place = np.unique(rows, return_inverse=True)
    pixels = images[distinct].reshape(len(distinct), -1)
    products = np.zeros((len(distinct), len(distinct)))
    with threadpool_limits(1, "blas"):
        for start in range(0, pixels.shape[1], CHUNK):
            centred = np.subtract(pixels[:, start : start + CHUNK], 128, dtype=np.float32)
            products += centred @ centred.T
    norms = products.diagonal()
    distances: NDArray[np.float64] = norms[:, None] + norms - 2 * products
    return distances[np.ix_(place, place)]
