"""Random over-sampling: show some images of a mixture more often (model M4)."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from oral_cancer.data.training_set import Images, TrainingSet
from oral_cancer.resampling.contract import draw
from oral_cancer.resampling.mixtures import images_to_add, rows_by_group
from oral_cancer.settings import checked
from oral_cancer.settings import resampling as settings


class RandomOverSampling:
    """Every training image once, and further images drawn from each mixture.

    Args:
        multiples: images to add, as multiples of a mixture's training images, by mixture.

    Raises:
        UserError: for an unknown mixture or a value that is no multiple.
    """

    def __init__(self, multiples: Mapping[str, float]) -> None:
        self.multiples = checked(settings.RandomOverSampling, {"multiples": multiples}, "resampling.").multiples

    def fit_resample(self, images: Images, soft_labels: NDArray[np.float32], random_state: int) -> TrainingSet:
        """See `Resampling.fit_resample`."""
        rng = np.random.default_rng(random_state)
        rows = rows_by_group(soft_labels, needed=self.multiples)
        added = [
            draw(rows[mixture], images_to_add(multiple, len(rows[mixture])), rng)
            for mixture, multiple in self.multiples.items()
        ]
        return TrainingSet.selected(np.concatenate([np.arange(len(images)), *added]), images, soft_labels)
