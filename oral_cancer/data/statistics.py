"""What of an image is not its cells: brightness, colour and contrast, as twenty numbers.

Whoever tells classes apart by these alone tells lamps, cameras and backgrounds apart. No number here knows a shape, nor
which pixel lies beside which but for the border.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import skew

from oral_cancer.data.store import ImageStore

PERCENTILES = (5, 25, 50, 75, 95)
NAMES = (
    *(f"{channel}_{figure}" for figure in ("mean", "sd") for channel in ("red", "green", "blue")),
    *("red_green", "green_blue", "blue_red"),
    *("colour_mean", "colour_sd"),
    *(f"grey_{percentile}" for percentile in PERCENTILES),
    *("grey_skew", "border_mean", "border_sd", "border_difference"),
)
"""Mean and SD of each channel, their correlations, the range of a pixel's channels, percentiles and skewness of grey
levels, and the outermost tenth: how bright, how varied, and how much brighter than the rest. All in grey levels of 255
but for correlations and skewness."""
DIGITS = 4


def statistics_of(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The numbers `NAMES` of an image, uint8 RGB (H, W, 3), from every second pixel either way."""
    pixels = image[::2, ::2].astype(np.float64)
    colours = pixels.reshape(-1, 3)
    grey, colour = pixels.mean(axis=2), np.ptp(colours, axis=1)
    sd = colours.std(axis=0)
    centred = (colours - colours.mean(axis=0)) / np.maximum(sd, 1e-9)
    correlations = [float((centred[:, k] * centred[:, (k + 1) % 3]).mean()) for k in range(3)]
    height, width = grey.shape
    inner = np.zeros(grey.shape, bool)
    inner[height // 10 : height - height // 10, width // 10 : width - width // 10] = True
    border = grey[~inner] if not inner.all() else grey.ravel()
    return np.array(
        [
            *colours.mean(axis=0),
            *sd,
            *correlations,
            *(colour.mean(), colour.std()),
            *np.percentile(grey, PERCENTILES),
            float(skew(grey, axis=None)) if grey.std() > 0 else 0.0,
            *(border.mean(), border.std(), border.mean() - grey[inner].mean()),
        ]
    )


def image_statistics(store: ImageStore) -> pd.DataFrame:
    """One row an image of a store: `file`, its soft label as `true_<class>`, and the numbers `NAMES`."""
    collection = store.collection
    frame = pd.DataFrame({"file": [file.path for file in collection.files]})
    frame[[f"true_{name}" for name in collection.labels.classes]] = collection.proportions()
    numbers = np.array([statistics_of(store.images[row]) for row in range(len(frame))])
    frame[list(NAMES)] = numbers.round(DIGITS).reshape(len(frame), len(NAMES))
    return frame
