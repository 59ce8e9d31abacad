"""Exact distances between images as vectors of pixels."""

import math
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from oral_cancer.data.training_set import Images

CHUNK = 1024  # pixel values at once: few enough for a core's cache, and for exact sums


def squared_distances(images: Images, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Squared Euclidean distances between images, flattened to vectors of pixel values.

    Args:
        images: uint8 (N, H, W, 3).
        rows: (R,), rows of `images`; one that comes more than once is read once.

    Returns:
        float64 (R, R), whole numbers, exact.
    """
    distinct, place = np.unique(rows, return_inverse=True)
    (distances,) = squared_distances_of_pairs(images, [distinct], [(0,)])
    return distances[np.ix_(place, place)]


def squared_distances_of_pairs(
    images: Images,
    groups: Sequence[NDArray[np.int64]],
    pairs: Sequence[tuple[int, ...]],
    unasked: Collection[int] = (),
) -> list[NDArray[np.float64]]:
    """Squared Euclidean distances within pairs of groups of images; what pairs have in common is computed once.

    |a - b|^2 = |a|^2 + |b|^2 - 2ab, of pixels less 128, which changes no distance. The result is exact, so
    that no BLAS library and no number of threads can change a neighbour: a product of two such values is at
    most 2^14, the sum over a chunk of 1024 at most 2^24, and up to that float32 holds every whole number;
    float64 does so up to 2^53, enough for the sum over the chunks, in whatever order. Each thread takes chunks of
    its own, with one BLAS thread: on chunks this small, more would mostly wait for each other.

    Args:
        images: uint8 (N, H, W, 3).
        groups: the rows of `images` in each group.
        pairs: which groups make up a pair, or a triple, or are alone.
        unasked: groups whose own images nobody asks how far they are apart.

    Returns:
        For each pair float64 (R, R), whole numbers; its R rows are those of its groups, in the pair's order. Those
        within an `unasked` group are not distances, but for their diagonal of zeros.
    """
    import torch  # late, for it takes seconds, and the refusal of a treatment's options needs none of it

    blocks = sorted({block for pair in pairs for block in combinations_with_replacement(sorted(pair), 2)})
    threads = torch.get_num_threads()  # a run's share of the cores

    def products_of(thread: int) -> list[NDArray[np.float64]]:
        products = [np.zeros((len(groups[i]), len(groups[j]))) for i, j in blocks]
        chunks = [np.empty((len(group), CHUNK), np.float32) for group in groups]
        for start in range(thread * CHUNK, math.prod(images.shape[1:]), threads * CHUNK):
            parts = [group[:, start : start + CHUNK] for group in pixels]
            centred = [
                np.subtract(part, 128, chunk[:, : part.shape[1]], dtype=np.float32)
                for part, chunk in zip(parts, chunks, strict=True)
            ]
            for (i, j), product in zip(blocks, products, strict=True):
                if i == j and i in unasked:
                    product += np.diag(np.einsum("rp,rp->r", centred[i], centred[i]))
                else:
                    product += centred[i] @ centred[j].T
        return products

    with threadpool_limits(1, "blas"), ThreadPoolExecutor(threads) as pool:
        pixels = list(pool.map(lambda rows: images[rows].reshape(len(rows), -1), groups))
        sums = [np.add.reduce(parts) for parts in zip(*pool.map(products_of, range(threads)), strict=True)]
    products = dict(zip(blocks, sums, strict=True))
    products |= {(j, i): product.T for (i, j), product in products.items()}
    return [_from_products(np.block([[products[i, j] for j in pair] for i in pair])) for pair in pairs]


def _from_products(products: NDArray[np.float64]) -> NDArray[np.float64]:
    norms = products.diagonal()
    distances: NDArray[np.float64] = norms[:, None] + norms - 2 * products
    return distances
