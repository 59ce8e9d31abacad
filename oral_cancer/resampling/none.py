"""No treatment: train on the images as they are."""

import numpy as np
from numpy.typing import NDArray

from oral_cancer.data.training_set import Images, TrainingSet


class NoResampling:
    """Every training image once, in the order given (models M1 and M2)."""

    def fit_resample(self, images: Images, soft_labels: NDArray[np.float32], random_state: int) -> TrainingSet:
        """See `Resampling.fit_resample`."""
        return TrainingSet.selected(np.arange(len(images)), images, soft_labels)
