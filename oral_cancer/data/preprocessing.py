"""What is done to an image once it is a square, in training and prediction alike."""

import numpy as np
from numpy.typing import NDArray

from oral_cancer.settings.training import CLAHE, CLAHE_BINARY

THRESHOLD = 0.5  # above which a binarised value is 1; of the authors' code

_EQUALISED = "contrast-limited adaptive histogram equalisation (CLAHE) of each colour channel for itself"
IN_WORDS = {CLAHE: _EQUALISED, CLAHE_BINARY: f"{_EQUALISED}, then black or white"}
"""By the option `model.preprocess`, where it does anything."""


def preprocessed(rgb: NDArray[np.uint8], how: str) -> NDArray[np.uint8]:
    """An image as `model.preprocess` has it.

    CLAHE is scikit-image's `equalize_adapthist` with what it does by itself: tiles of an eighth of the side, a clip
    limit of 0.01, 256 grey levels, and the values of each channel stretched to 0 to 1 before and after.

    Args:
        rgb: uint8 (H, W, 3).
        how: a key of `IN_WORDS`; by any other name the image stays as it is.

    Returns:
        uint8 (H, W, 3): 255 times the values from 0 to 1, rounded.
    """
    if how not in IN_WORDS:
        return rgb
    from skimage.exposure import equalize_adapthist  # late: it is seldom wanted, and takes a while

    equalised = np.stack([equalize_adapthist(rgb[..., channel]) for channel in range(3)], axis=2)
    values = equalised > THRESHOLD if how == CLAHE_BINARY else equalised
    return np.rint(255.0 * values).astype(np.uint8)
