"""What every treatment takes and returns."""

from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray


class Images(Protocol):
    """Images that may lie on disk: an ndarray, or a view that reads rows when they are asked for."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, H, W, 3)."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: NDArray[np.int64], /) -> NDArray[np.uint8]:
        """The images of the given rows, uint8 (len(rows), H, W, 3)."""


@dataclass(frozen=True)
class TrainingSet:
    """Images to train on: first those at `indices` of the input, then `synthetic`.

    Attributes:
        indices: int64 (M,), rows of the input; a row may come more than once.
        synthetic: uint8 (S, H, W, 3), images that are not in the input.
        soft_labels: float32 (M + S, 3), proportions of `labels.CLASSES`, in the same order as the images.
    """

    indices: NDArray[np.int64]
    synthetic: NDArray[np.uint8]
    soft_labels: NDArray[np.float32]

    @classmethod
    def selected(cls, indices: NDArray[np.int64], images: Images, soft_labels: NDArray[np.float32]) -> Self:
        """The input's images at `indices`, and no synthetic ones; no pixel is read."""
        return cls(indices, np.empty((0, *images.shape[1:]), np.uint8), soft_labels[indices])

    def __len__(self) -> int:
        return len(self.soft_labels)


class Resampling(Protocol):
    """A training-set treatment, in the manner of imbalanced-learn's samplers."""

    def fit_resample(self, images: Images, soft_labels: NDArray[np.float32], random_state: int) -> TrainingSet:
        """Make the set to train on out of the training images.

        Args:
            images: uint8 (N, H, W, 3), values 0 to 255; read only where a treatment looks at pixels.
            soft_labels: float32 (N, 3), proportions of `labels.CLASSES`.
            random_state: seed, at least 0; the same input and seed give the same result.

        Raises:
            UserError: if the treatment cannot be applied to this training set.
        """


def draw(rows: NDArray[np.int64], n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw `n` of `rows`: without replacement if there are more, all if as many, with replacement if fewer.

    imbalanced-learn's RandomOverSampler only enlarges a class, so it cannot say the first.
    """
    if n == len(rows):
        return rows.copy()
    return rng.choice(rows, size=n, replace=n > len(rows))
