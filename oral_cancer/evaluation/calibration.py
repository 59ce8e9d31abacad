"""Calibration of mixtures: undoes the shrinking of predicted proportions towards the middle.

The share of PARENTAL among the cancer cells is moved along a straight line on the logit scale: recalibration by
intercept and slope after Cox (Two further applications of a model for binary regression, Biometrika 45, 1958),
known from Platt scaling. The predicted share of CONTROL stays. The map is monotone and leaves 0 and 1 where they
are, so that a pure image stays pure.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.special import expit, logit

from oral_cancer.evaluation.predictions import LABELS, labels, probabilities
from oral_cancer.labels import CLASSES

Floats = NDArray[np.float64]

SLOPES = (0.5, 4.0)
"""Least and greatest slope. Below the least, a prediction of 99 % PARENTAL would come out at less than 91 %;
above the greatest, the noise of a few validation images would be blown up into pure classes."""


@dataclass(frozen=True)
class Calibration:
    """logit(share) -> intercept + slope * logit(share), for share = parental / (parental + resistant).

    Attributes:
        intercept: in logits; above 0 it adds to PARENTAL.
        slope: above 1 it spreads predictions away from the middle, below 1 it draws them in; within `SLOPES`.
    """

    intercept: float = 0.0
    slope: float = 1.0

    def apply(self, probabilities: Floats) -> Floats:
        """Calibrated proportions, float64 (N, 3), from probabilities (N, 3); the sum of a row is kept."""
        parental, resistant, control = np.asarray(probabilities, np.float64).T
        cancer = parental + resistant
        share = np.divide(parental, cancer, out=np.full_like(cancer, 0.5), where=cancer > 0)
        share = expit(self.intercept + self.slope * logit(share))
        return np.stack([cancer * share, cancer * (1 - share), control], axis=1)


def fit(labels: Floats, probabilities: Floats) -> Calibration:
    """The calibration of least squared error, and so of least RMSE, on these images.

    The search starts at the identity and only goes downhill: on these images the RMSE never rises.

    Args:
        labels: (N, 3), soft labels of images that the network was not trained on.
        probabilities: (N, 3), its predictions for them.

    Raises:
        ValueError: for fewer than two different labels, which cannot tell a slope.
    """
    if len(np.unique(np.round(labels, 3), axis=0)) < 2:
        raise ValueError("a calibration is fitted on images of at least two mixtures")

    def errors(line: Floats) -> Floats:
        return np.asarray((labels - Calibration(*line).apply(probabilities)).ravel())

    line = least_squares(errors, x0=(0.0, 1.0), bounds=([-np.inf, SLOPES[0]], [np.inf, SLOPES[1]])).x
    return Calibration(*line.tolist())


def calibrate(test: pd.DataFrame, validation: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Calibrate test predictions by validation predictions of the same ensemble or run.

    Averaging over folds changes how far predictions shrink. So an ensemble is calibrated as a whole, by its
    own predictions for the validation images, and not fold by fold.

    Args:
        test: predictions of any number of ensembles, or of runs.
        validation: predictions of the same for images outside their training; only HETERO images count.
        by: the columns that tell one from the other, such as `ensembles.ENSEMBLE` or `predictions.RUN`.

    Returns:
        `test` with calibrated probabilities, without those that have no two mixtures in `validation`.
    """
    hetero = validation[validation["set"] == "hetero"]
    fitted = {
        key: fit(labels(part), probabilities(part))
        for key, part in hetero.groupby(by, sort=False)
        if len(part[LABELS].drop_duplicates()) > 1
    }
    calibrated = [
        part.assign(**dict(zip(CLASSES, fitted[key].apply(probabilities(part)).T, strict=True)))
        for key, part in test.groupby(by, sort=False)
        if key in fitted
    ]
    return pd.concat(calibrated) if calibrated else test.iloc[:0]
