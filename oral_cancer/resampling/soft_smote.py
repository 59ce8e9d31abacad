"""SMOTE with soft labels: images between two others, labelled by what lies about them.

SMOTE (Chawla et al., 2002) stays within one class. The code of PLOS ONE e0310304 interpolates across two labels, where
what comes out is of neither.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from oral_cancer.data.training_set import Images, TrainingSet
from oral_cancer.errors import refuse
from oral_cancer.resampling.distances import squared_distances, squared_distances_of_pairs
from oral_cancer.resampling.interpolation import weighted_sums
from oral_cancer.resampling.mixtures import Rows
from oral_cancer.settings import checked_arguments
from oral_cancer.settings import resampling as settings
from oral_cancer.settings.resampling import BOTH, OTHER


class Neighbors(NamedTuple):
    """Images to set out from, and the nearest to each.

    Attributes:
        origins: (R,), rows of the training images.
        nearest: (R, n), rows of the training images, the nearest first.
    """

    origins: NDArray[np.int64]
    nearest: NDArray[np.int64]


class SoftSmote:
    """Every training image once, and images between those of two labels.

    From a random image x towards one of its nearest, n, at random: x + r (n - x), r uniform from 0 to 1.

    Args:
        pairs: of labels, such as a class and a mixture, or two mixtures.
        among: "both": x is of either label, and its nearest are the `n_neighbors` - 1 other images of both; the label
            is the mean of theirs and its own. "other": x is of the first label, and its nearest are `n_neighbors`
            images of the second; the label is x's + r (n's - x's), as the pixels are.
        n_neighbors: at least 2, among "both" with x itself.
        multiple: new images, as a multiple of those that x is drawn from.

    Raises:
        UserError: for a value out of range.
    """

    def __init__(self, pairs: Sequence[Sequence[str]], among: str, n_neighbors: int, multiple: float) -> None:
        self.pairs = checked_arguments(settings.SoftSmote, locals(), "resampling.").pairs
        self.among = among
        self.n_neighbors = n_neighbors
        self.multiple = multiple

    def check_labels(self, labels: NDArray[np.str_]) -> None:
        """Raise a `UserError` where the training images lack a label that the options name, or are too few."""
        self._wanted(Rows(labels))

    def _wanted(self, rows: Rows) -> list[tuple[str, str]]:
        pairs = rows.paired(self.pairs)
        refuse([fault for pair in pairs for fault in self._too_few(rows, pair)])
        return pairs

    def _too_few(self, rows: Rows, pair: tuple[str, str]) -> list[str]:
        names = pair if self.among == BOTH else pair[1:]
        number = sum(len(rows[name]) for name in names)
        fault = (
            f"resampling.n_neighbors: {self.n_neighbors} neighbours are more than the {number} images of "
            f"{' and '.join(names)}; choose at most {number}, or add images"
        )
        return [fault] if number < self.n_neighbors else []

    def fit_resample(
        self, images: Images, soft_labels: NDArray[np.float32], random_state: int, labels: NDArray[np.str_]
    ) -> TrainingSet:
        """See `Resampling.fit_resample`; it holds the images of one pair at a time in memory."""
        rng = np.random.default_rng(random_state)
        rows = Rows(labels)
        weights, soft = [csr_array((0, len(images)))], [soft_labels]
        for first, second in self._wanted(rows):
            found = NEIGHBORS[self.among](images, rows[first], rows[second], self.n_neighbors)
            number = round(self.multiple * len(found.origins))
            places = rng.integers(0, len(found.origins), number)
            ends = found.nearest[places, rng.integers(0, found.nearest.shape[1], number)]
            between = interpolated(found.origins[places], ends, rng.uniform(size=number), len(images))
            weights.append(between)
            about = np.column_stack([found.origins, found.nearest])[places]
            of_new = soft_labels[about].mean(axis=1) if self.among == BOTH else between @ soft_labels
            soft.append(of_new.astype(np.float32))
        synthetic = weighted_sums(images, csr_array(vstack(weights)))
        return TrainingSet(np.arange(len(images)), synthetic, np.concatenate(soft))


def neighbors_among_both(images: Images, first: NDArray[np.int64], second: NDArray[np.int64], number: int) -> Neighbors:
    """Of each image of two labels the nearest `number` - 1 others of both, by Euclidean distance of pixels."""
    rows = np.concatenate([first, second])
    distances = squared_distances(images, rows)
    np.fill_diagonal(distances, np.inf)
    return Neighbors(rows, rows[_nearest(distances, number - 1)])


def neighbors_among_other(
    images: Images, first: NDArray[np.int64], second: NDArray[np.int64], number: int
) -> Neighbors:
    """Of each image of the first label the nearest `number` of the second, by Euclidean distance of pixels."""
    (distances,) = squared_distances_of_pairs(images, [first, second], [(0, 1)], unasked=(0, 1))
    return Neighbors(first, second[_nearest(distances[: len(first), len(first) :], number)])


NEIGHBORS: dict[str, Callable[[Images, NDArray[np.int64], NDArray[np.int64], int], Neighbors]] = {
    BOTH: neighbors_among_both,
    OTHER: neighbors_among_other,
}
"""By the option `among`."""


def _nearest(distances: NDArray[np.float64], number: int) -> NDArray[np.int64]:
    """The columns of the smallest distances in each row, the first of those that are equal."""
    return np.argsort(distances, axis=1, kind="stable")[:, :number]


def interpolated(
    origins: NDArray[np.int64], ends: NDArray[np.int64], shares: NDArray[np.float64], images: int
) -> csr_array:
    """The weights (S, images) of images that lie a share of the way from one image to another; each (S,)."""
    columns = np.column_stack([origins, ends]).ravel()
    values = np.column_stack([1 - shares, shares]).ravel()
    return csr_array((values, columns, np.arange(0, len(columns) + 1, 2)), (len(origins), images))
