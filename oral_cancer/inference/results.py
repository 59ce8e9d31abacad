"""Tables of what was predicted: a row an image, a row a population."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from oral_cancer.data.appearance import unlike
from oral_cancer.evaluation.calibration import Calibration
from oral_cancer.evaluation.composition import composition
from oral_cancer.inference.predict import Predicted
from oral_cancer.labels import CLASSES

SPREAD = [f"{name}_sd" for name in CLASSES]
NOTHING = ""


def image_table(predicted: Sequence[Predicted], training: dict[str, list[float]] | None) -> pd.DataFrame:
    """One row an image: file, population, probabilities of the ensemble, their SD (n - 1) over the folds, remark.

    Args:
        predicted: the images that could be read.
        training: the `appearance.span` of the training images; None where the study does not say.

    Returns:
        `file, population, parental, resistant, control, <class>_sd, unlike_training`; the last is empty for an image
        like those of the training. With one fold the SD is NaN.
    """
    rows = []
    for one in predicted:
        mean = one.probabilities.mean(axis=0)
        sd = one.probabilities.std(axis=0, ddof=1) if len(one.probabilities) > 1 else np.full(len(CLASSES), np.nan)
        remark = "; ".join(unlike(one.appearance, training)) if training else NOTHING
        rows.append((one.image.file, one.image.population, *mean, *sd, remark))
    return pd.DataFrame(rows, columns=["file", "population", *CLASSES, *SPREAD, "unlike_training"])


def population_table(images: pd.DataFrame, calibration: Calibration | None) -> pd.DataFrame:
    """One row a population: images, how many are unlike the training images, estimated composition.

    Args:
        images: as `image_table` has it.
        calibration: of the ensemble; None where it has none.

    Returns:
        `population, images, unlike_training`, and for each class its mean proportion and the ends of a 95 % bootstrap
        interval over the images: `<class>, <class>_low, <class>_high`, raw and, named `<class>_calibrated...`,
        calibrated (absent without a calibration). One image has no interval: its ends are NaN.
    """
    rows = []
    for name, members in images.groupby("population", sort=False):
        row = {
            "population": name,
            "images": len(members),
            "unlike_training": int((members["unlike_training"] != NOTHING).sum()),
        }
        raw = members[list(CLASSES)].to_numpy(np.float64)
        kinds = {"": raw} | ({"_calibrated": calibration.apply(raw)} if calibration else {})
        for kind, proportions in kinds.items():
            estimate = composition(proportions)
            for k, cls in enumerate(CLASSES):
                low, high = (estimate.low[k], estimate.high[k]) if len(members) > 1 else (np.nan, np.nan)
                row |= {f"{cls}{kind}": estimate.mean[k], f"{cls}{kind}_low": low, f"{cls}{kind}_high": high}
        rows.append(row)
    return pd.DataFrame(rows)
