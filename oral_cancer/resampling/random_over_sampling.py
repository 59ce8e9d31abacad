"""Random over-sampling: show some images of a label more often (experiment M4)."""

import numpy as np
from numpy.typing import NDArray

from oral_cancer.data.training_set import Images, TrainingSet
from oral_cancer.resampling.contract import draw
from oral_cancer.resampling.mixtures import Multiples, Rows
from oral_cancer.settings import checked_arguments
from oral_cancer.settings import resampling as settings


class RandomOverSampling:
    """Every training image once, and further images drawn from classes and mixtures.

    Args:
        multiples: images to add, as multiples of a label's training images, by class or mixture; "auto" raises each to
            the most frequent.

    Raises:
        UserError: for a value that is no multiple.
    """

    def __init__(self, multiples: Multiples) -> None:
        self.multiples = checked_arguments(settings.RandomOverSampling, locals(), "resampling.").multiples

    def check_labels(self, labels: NDArray[np.str_]) -> None:
        """Raise a `UserError` where the training images lack a label that the options name."""
        Rows(labels).to_add(self.multiples)

    def fit_resample(
        self, images: Images, soft_labels: NDArray[np.float32], random_state: int, labels: NDArray[np.str_]
    ) -> TrainingSet:
        """See `Resampling.fit_resample`."""
        rng = np.random.default_rng(random_state)
        rows = Rows(labels)
        added = [draw(rows[name], number, rng) for name, number in rows.to_add(self.multiples).items()]
        return TrainingSet.selected(np.concatenate([np.arange(len(images)), *added]), images, soft_labels)
