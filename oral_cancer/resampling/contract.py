"""What every treatment promises, and how all of them draw."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from oral_cancer.data.training_set import Images, TrainingSet


class Resampling(Protocol):
    """A training-set treatment, in the manner of imbalanced-learn's samplers.

    One whose options name labels can say before any training whether they are there, by a method
    `check_labels(labels)` of the training images' labels, str (N,), that raises a UserError.
    """

    def fit_resample(
        self, images: Images, soft_labels: NDArray[np.float32], random_state: int, labels: NDArray[np.str_]
    ) -> TrainingSet:
        """Make the set to train on out of the training images.

        Args:
            images: uint8 (N, H, W, 3), values 0 to 255; read only where a treatment looks at pixels.
            soft_labels: float32 (N, K), proportions of the K classes.
            random_state: seed, at least 0; the same input and seed give the same result.
            labels: str (N,), the name of each image's class or mixture. A treatment that has no such parameter is
                called without.

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
