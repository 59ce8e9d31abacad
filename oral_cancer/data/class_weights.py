"""How much each class weighs in the loss."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from oral_cancer.errors import UserError


def weights_of_classes(
    chosen: Mapping[str, float] | str | None, soft_labels: NDArray[np.float32], classes: Sequence[str]
) -> NDArray[np.float32] | None:
    """The weight of each class in the loss, float32 (K,); None where all weigh alike.

    Args:
        chosen: by class, or "auto": N / (K n) for a class of n images, as in scikit-learn.
        soft_labels: (N, K), of the training set.
        classes: K names.

    Raises:
        UserError: for a class that there is not, and one without a weight.
    """
    if chosen is None:
        return None
    if chosen == "auto":
        images = soft_labels.sum(axis=0, dtype=np.float64)
        spread = len(classes) * np.where(images > 0, images, np.inf)
        weights = len(soft_labels) / spread
        return np.asarray(weights, np.float32)
    assert isinstance(chosen, Mapping)
    if set(chosen) != set(classes):
        raise UserError(
            f"data.class_weights: are of {', '.join(map(str, chosen))}; give auto, or one for each of "
            f"{', '.join(classes)}"
        )
    return np.array([chosen[name] for name in classes], np.float32)
