"""Borderline-SMOTE without the pixels: which images a synthetic image lies between, and where."""

from typing import Any, Self

import numpy as np
from imblearn.over_sampling import BorderlineSMOTE
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.neighbors import NearestNeighbors

from oral_cancer.data.training_set import Images
from oral_cancer.resampling.distances import squared_distances

IMAGES_AT_ONCE = 16


def borderline_weights(
    images: Images,
    majority: NDArray[np.int64],
    minority: NDArray[np.int64],
    k_neighbors: int,
    m_neighbors: int,
    random_state: int,
) -> csr_array:
    """imbalanced-learn's `BorderlineSMOTE`, kind "borderline-1", on flattened pixels.

    It interpolates between the rows it is given. So an image may go in as a row with a single 1, provided
    that neighbours are found by pixels: the synthetic rows that come out are the weights of the images they
    lie between. They are those of a run on the pixels themselves, except where two different images are
    equally far from a third; which of them is the nearer is left open there too.

    Args:
        images: uint8 (N, H, W, 3).
        majority: rows of the majority, more than of the minority; a row may come more than once.
        minority: rows of the minority, more than `k_neighbors`; with the majority more than `m_neighbors`.
        k_neighbors: nearest images of the minority to interpolate with.
        m_neighbors: nearest images of both. An image is "in danger" if half of them or more, but not all, are
            of the majority; only such images are interpolated from.
        random_state: seed, 0 to 2^32 - 1.

    Returns:
        (len(majority) - len(minority), N): the weights of `images` in each synthetic image, one or two in a
        row, summing to 1, first that of the image in danger; (0, N) if no image of the minority is in danger.
    """
    rows = np.concatenate([majority, minority])
    distances = squared_distances(images, rows)
    sampler = _Remembering(
        kind="borderline-1",
        k_neighbors=OneHotNeighbors(k_neighbors + 1, distances),
        m_neighbors=OneHotNeighbors(m_neighbors + 1, distances),
        random_state=random_state,
    )
    classes = np.repeat([0, 1], [len(majority), len(minority)])
    resampled, _ = sampler.fit_resample(np.eye(len(rows)), classes)
    weights = resampled[len(rows) :]
    synthetic, column = weights.nonzero()
    if len(weights):
        order = np.lexsort((column != sampler.origins[synthetic], synthetic))
        synthetic, column = synthetic[order], column[order]
    starts = np.searchsorted(synthetic, np.arange(len(weights) + 1))
    return csr_array((weights[synthetic, column], rows[column], starts), (len(weights), len(images)))


class _Remembering(BorderlineSMOTE):  # type: ignore[misc]
    """Knows from which of its rows, each with a single 1, the synthetic ones set out."""

    origins: NDArray[np.int64]

    def _generate_samples(self, X: NDArray[np.float64], data: Any, numbers: Any, rows: Any, *more: Any) -> Any:
        self.origins = X[rows].argmax(axis=1)
        return super()._generate_samples(X, data, numbers, rows, *more)


class OneHotNeighbors(NearestNeighbors):  # type: ignore[misc]
    """Nearest neighbours among rows of an identity matrix, by the distances between what the rows stand for.

    Args:
        n_neighbors: neighbours to find, the row itself counted.
        distances: (R, R), for rows with R columns.
    """

    def __init__(self, n_neighbors: int, distances: NDArray[np.float64]) -> None:
        super().__init__(n_neighbors=n_neighbors, metric="precomputed")
        self.distances = distances

    def fit(self, X: NDArray[np.float64], y: None = None) -> Self:
        """Fit on rows (n, R), each with a single 1."""
        self.fitted_ = X.argmax(axis=1)
        super().fit(self.distances[np.ix_(self.fitted_, self.fitted_)])
        return self

    def kneighbors(self, X: NDArray[np.float64], n_neighbors: int | None = None, return_distance: bool = True) -> Any:
        """As `NearestNeighbors.kneighbors`, for rows (n, R), each with a single 1."""
        distances = self.distances[np.ix_(X.argmax(axis=1), self.fitted_)]
        return super().kneighbors(distances, n_neighbors, return_distance)


def weighted_sums(images: Images, weights: csr_array) -> NDArray[np.uint8]:
    """Weighted sums of images, rounded to whole values.

    Args:
        images: uint8 (N, H, W, 3).
        weights: (S, N), at least 0, each row summing to 1.

    Returns:
        uint8 (S, H, W, 3).
    """
    shape = images.shape[1:]
    sums = np.empty((weights.shape[0], *shape), np.uint8)
    for start in range(0, len(sums), IMAGES_AT_ONCE):
        block = weights[start : start + IMAGES_AT_ONCE].astype(np.float32)
        used = np.unique(block.indices)
        pixels = images[used].reshape(len(used), -1).astype(np.float32)
        sums[start : start + IMAGES_AT_ONCE] = np.rint(block[:, used] @ pixels).reshape(-1, *shape)
    return sums


def wrapped_sums(images: Images, weights: csr_array) -> NDArray[np.uint8]:
    """What imbalanced-learn makes of images between two others where it is given their pixels in 8 bits.

    From x, a share r of the way to n, that is trunc(x + r ((n - x) mod 256)) mod 256: a difference below 0 becomes one
    of up to 255, and the pixel as bright as no pixel between. M3's training sets in PLOS ONE e0310304 were made so.

    Args:
        images: uint8 (N, H, W, 3).
        weights: (S, N), as `borderline_weights` gives them.

    Returns:
        uint8 (S, H, W, 3).
    """
    firsts, lasts = weights.indptr[:-1], weights.indptr[1:] - 1
    origins, neighbours, shares = weights.indices[firsts], weights.indices[lasts], weights.data[lasts]
    made = np.empty((len(firsts), *images.shape[1:]), np.uint8)
    for start in range(0, len(made), IMAGES_AT_ONCE):
        some = slice(start, start + IMAGES_AT_ONCE)
        origin = images[origins[some]]
        differences = images[neighbours[some]] - origin  # in 8 bits
        moved = origin + shares[some, None, None, None] * differences
        made[some] = moved.astype(np.int64).astype(np.uint8)
    return made
