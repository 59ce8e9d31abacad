"""Calibration of mixtures: undoes the shrinking of predicted proportions towards the middle.

The shares among the classes that mix are moved along a straight line on the logit scale: of two classes it is
recalibration by intercept and slope after Cox (Two further applications of a model for binary regression, Biometrika
45, 1958), known from Platt scaling; of more, Platt scaling's extension with one slope and an intercept a class (Guo et
al., On calibration of modern neural networks, ICML 2017, whose temperature is 1 / slope). The predicted shares of
classes that never mix stay. A share of 0 stays 0, so that a pure image stays pure.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.special import softmax

from oral_cancer.evaluation.predictions import classes_of, labels, probabilities, true_columns

Floats = NDArray[np.float64]

SLOPES = (0.5, 4.0)
"""Least and greatest slope. Below the least, a prediction of 99 % of one of two classes would come out at less than
91 %; above the greatest, the noise of a few validation images would be blown up into pure classes."""


@dataclass(frozen=True)
class Calibration:
    """log(share) -> intercept + slope * log(share) for the shares among the classes that mix, then scaled to their sum.

    Attributes:
        mixing: places of these classes among all, at least two.
        intercepts: of each of them, in logits; that of the last is 0.
        slope: above 1 it spreads predictions away from the middle, below 1 it draws them in; within `SLOPES`.
    """

    mixing: tuple[int, ...]
    intercepts: tuple[float, ...]
    slope: float = 1.0

    def apply(self, probabilities: Floats) -> Floats:
        """Calibrated proportions, float64 (N, K), from probabilities (N, K); the sum of a row is kept."""
        proportions = np.array(probabilities, np.float64)
        mixing = list(self.mixing)
        shares = proportions[:, mixing]
        total = shares.sum(axis=1, keepdims=True)
        with np.errstate(divide="ignore"):
            moved = np.asarray(self.intercepts) + self.slope * np.log(np.where(total > 0, shares, 1.0))
        proportions[:, mixing] = total * softmax(moved, axis=1)
        return proportions


def fit(labels: Floats, probabilities: Floats) -> Calibration:
    """The calibration of least squared error, and so of least RMSE, on these images.

    The search starts at the identity and only goes downhill: on these images the RMSE never rises.

    Args:
        labels: (N, K), soft labels of mixed images that the network was not trained on.
        probabilities: (N, K), its predictions for them.

    Raises:
        ValueError: for fewer than two different labels, which cannot tell a slope.
    """
    if len(np.unique(np.round(labels, 3), axis=0)) < 2:
        raise ValueError("a calibration is fitted on images of at least two mixtures")
    mixing = tuple(np.flatnonzero((labels > 0).any(axis=0)).tolist())

    def calibration(values: Floats) -> Calibration:
        *intercepts, slope = values.tolist()
        return Calibration(mixing, (*intercepts, 0.0), slope)

    def errors(values: Floats) -> Floats:
        return np.asarray((labels - calibration(values).apply(probabilities)).ravel())

    free = len(mixing) - 1
    bounds = ([-np.inf] * free + [SLOPES[0]], [np.inf] * free + [SLOPES[1]])
    return calibration(least_squares(errors, x0=[0.0] * free + [1.0], bounds=bounds).x)


def calibrate(test: pd.DataFrame, validation: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Calibrate test predictions by validation predictions of the same ensemble or run.

    Averaging over folds changes how far predictions shrink. So an ensemble is calibrated as a whole, by its
    own predictions for the validation images, and not fold by fold.

    Args:
        test: predictions of any number of ensembles, or of runs.
        validation: predictions of the same for images outside their training; only mixed images count.
        by: the columns that tell one from the other, such as `ensembles.ENSEMBLE` or `predictions.RUN`.

    Returns:
        `test` with calibrated probabilities, without those that have no two mixtures in `validation`.
    """
    hetero = validation[validation["set"] == "hetero"]
    fitted = {
        key: fit(labels(part), probabilities(part))
        for key, part in hetero.groupby(by, sort=False)
        if len(part[true_columns(classes_of(part))].drop_duplicates()) > 1
    }
    calibrated = [
        part.assign(**dict(zip(classes_of(part), fitted[key].apply(probabilities(part)).T, strict=True)))
        for key, part in test.groupby(by, sort=False)
        if key in fitted
    ]
    return pd.concat(calibrated) if calibrated else test.iloc[:0]
