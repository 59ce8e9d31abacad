"""Exact distances between images as vectors of pixels."""

import os
from concurrent.futures import ThreadPoolExecutor

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
    float64 does so up to 2^53, enough for the sum over the chunks, in whatever order. Each core takes chunks of
    its own, with one BLAS thread: on chunks this small, more would mostly wait for each other.

    Args:
        images: uint8 (N, H, W, 3).
        rows: (R,), rows of `images`; one that comes more than once is read once.

    Returns:
        float64 (R, R), whole numbers.
    """
    distinct, place = np.unique(rows, return_inverse=True)
    pixels = images[distinct].reshape(len(distinct), -1)
    cores = os.cpu_count() or 1

    def products_of(core: int) -> NDArray[np.float64]:
        products = np.zeros((len(distinct), len(distinct)))
        for start in range(core * CHUNK, pixels.shape[1], cores * CHUNK):
            centred = np.subtract(pixels[:, start : start + CHUNK], 128, dtype=np.float32)
            products += centred @ centred.T
        return products

    with threadpool_limits(1, "blas"), ThreadPoolExecutor(cores) as pool:
        products = np.add.reduce(list(pool.map(products_of, range(cores))))
    norms = products.diagonal()
    distances: NDArray[np.float64] = norms[:, None] + norms - 2 * products
    return distances[np.ix_(place, place)]
