"""The set that a network trains on, as a treatment makes it out of the training images."""

from dataclasses import dataclass
from inspect import signature
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from oral_cancer.errors import refuse
from oral_cancer.labels import TOLERANCE

INTERPOLATED = "interpolated"
"""What images are called of which the label is between those that the data set has names for."""


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
        soft_labels: float32 (M + S, K), proportions of the classes, in the same order as the images.
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


def treat(
    treatment: Any, images: Images, soft_labels: NDArray[np.float32], random_state: int, labels: NDArray[np.str_]
) -> Any:
    """What a treatment makes of training images, see `resampling.Resampling`; not yet checked."""
    if "labels" in signature(treatment.fit_resample).parameters:
        return treatment.fit_resample(images, soft_labels, random_state, labels=labels)
    return treatment.fit_resample(images, soft_labels, random_state)


def checked(treated: Any, images: Images, classes: int, treatment: str) -> TrainingSet:
    """What a treatment returned, once it is known to keep the contract.

    Args:
        treated: an object with the attributes of a `TrainingSet`.
        images: what was treated, (N, H, W, 3).
        classes: their number, K.
        treatment: the name for messages.

    Raises:
        UserError: a line for everything that training could not, or should not, go on with.
    """
    lacking = [name for name in ("indices", "synthetic", "soft_labels") if not hasattr(treated, name)]
    refuse([f"{treatment}: what fit_resample returns has no `{name}`; return a TrainingSet" for name in lacking])
    indices, synthetic, labels = map(np.asarray, (treated.indices, treated.synthetic, treated.soft_labels))
    total = len(indices) + len(synthetic)
    whole = indices.ndim == 1 and (np.issubdtype(indices.dtype, np.integer) or not indices.size)
    labelled = labels.shape == (total, classes) and np.issubdtype(labels.dtype, np.floating)
    demands = {
        "indices must be whole numbers (M,)": whole,
        f"indices must be from 0 to {len(images) - 1}, the rows of the input": not (whole and indices.size)
        or (indices.min() >= 0 and indices.max() < len(images)),
        f"synthetic must be uint8 (S, {', '.join(map(str, images.shape[1:]))})": synthetic.dtype == np.uint8
        and synthetic.shape[1:] == images.shape[1:],
        f"soft_labels must be floats (M + S, {classes})": labelled,
        "soft_labels must be proportions: not negative, and 1 in sum": not labelled or _are_proportions(labels),
        "no image is left to train on": total > 0,
    }
    refuse([f"{treatment}: {demand}" for demand, met in demands.items() if not met])
    return TrainingSet(indices.astype(np.int64), synthetic, labels.astype(np.float32))


def _are_proportions(labels: NDArray[np.floating]) -> bool:
    sums = labels.sum(axis=1, dtype=np.float64)
    return bool((labels >= -TOLERANCE).all() and (np.abs(sums - 1) <= TOLERANCE).all())
