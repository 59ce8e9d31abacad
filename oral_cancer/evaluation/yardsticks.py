"""What a network is to be measured by: answers that need no network.

`GUESS` answers each image with the mean label of those like it, pure or mixed, whatever it shows. `BASELINE` is a
softmax regression on numbers that know no shape, such as brightness: where it comes near the networks, these may have
learned lighting or background too.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oral_cancer.evaluation.predictions import classes_of, labels, true_columns

Floats = NDArray[np.float64]

GUESS = "(guess)"
BASELINE = "(brightness)"
"""In brackets, as they stand among experiments."""


def guess(frame: pd.DataFrame) -> pd.DataFrame:
    """The predictions of some runs with the mean label, of pure and of mixed images each, in the place of theirs.

    The mean is that of the validation images. Over the folds these are the images that train; of mixtures they are a
    stratified part of them. Without any of a set, its images are left out.
    """
    validation = frame[frame["split"] == "val"].drop_duplicates(["set", "file"])
    parts = []
    for image_set, part in frame.groupby("set", sort=False):
        like_it = validation[validation["set"] == image_set]
        if not like_it.empty:
            parts.append(_with(part, np.tile(labels(like_it).mean(axis=0), (len(part), 1)), GUESS))
    return pd.concat(parts).sort_index() if parts else frame.iloc[:0].assign(experiment=GUESS)


def baseline(run: pd.DataFrame, statistics: pd.DataFrame, trained_on: "pd.Series[str]") -> pd.DataFrame:
    """The predictions of one run, of the same images, by a softmax regression on statistics of the images.

    Args:
        run: predictions of one training.
        statistics: `file`, `true_<class>` and numbers of every image of the data.
        trained_on: files that the run was trained on, before any treatment.
    """
    classes = classes_of(run)
    known = statistics.set_index("file")
    numbers = [name for name in known if name not in true_columns(classes)]
    training = known.loc[trained_on.tolist()]
    means = soft_regression(
        training[numbers].to_numpy(np.float64),
        training[true_columns(classes)].to_numpy(np.float64),
        known.loc[run["file"].tolist(), numbers].to_numpy(np.float64),
    )
    return _with(run, means, BASELINE)


def soft_regression(x: Floats, y: Floats, new: Floats) -> Floats:
    """Softmax regression on soft labels, L2 penalty as scikit-learn's (C = 1) on standardised numbers.

    The cross-entropy of a soft label is that of an image which is there once for each class, as heavy as its share.

    Args:
        x: (N, D).
        y: (N, K), proportions.
        new: (M, D).

    Returns:
        Proportions (M, K); a class that y has nothing of has 0.
    """
    from sklearn.linear_model import LogisticRegression  # late: a second, which few commands need

    mean, sd = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-9)
    rows, classes = np.nonzero(y > 0)
    shares = np.zeros((len(new), y.shape[1]))
    if len(np.unique(classes)) < 2:
        shares[:, np.unique(classes)] = 1.0
        return shares
    fitted = LogisticRegression(max_iter=1000).fit(((x - mean) / sd)[rows], classes, sample_weight=y[rows, classes])
    shares[:, fitted.classes_] = fitted.predict_proba((new - mean) / sd)
    return shares


def _with(frame: pd.DataFrame, shares: Floats, name: str) -> pd.DataFrame:
    return frame.assign(experiment=name, **dict(zip(classes_of(frame), shares.T, strict=True)))
