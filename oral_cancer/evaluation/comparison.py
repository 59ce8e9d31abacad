"""Whether two experiments differ, over their trainings and the test images together.

A figure of an experiment hangs on how its networks happened to train and on which images happened to test. Repeated
trainings tell the first apart, the images of one test set the second; both are variances of the difference, and their
sum is what it is held against. A repetition is the ensemble of all folds trained from one seed.

Trainings of two experiments are no pairs: the same seed does not make two networks alike, so their variances add, with
the degrees of freedom of Welch (The generalization of Student's problem, Biometrika 34, 1947) and Satterthwaite (1946).
Of the images, which are pairs, only that part of the spread of their differences counts which repeats from training to
training: the crossed random effects of a two-way analysis of variance. Two experiments of the same method have none.

The corrected resampled t-test (Nadeau and Bengio, Inference for the generalization error, Machine Learning 52, 2003)
over all folds and seeds holds its level as well, and finds less; the simulation in the tests has both.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as student

from oral_cancer.evaluation.bootstrap import LEVEL, by_group, interval_over, resampled_means

Floats = NDArray[np.float64]
Metric = Literal["rmse", "accuracy"]

LEAST = 3
"""Trainings of each experiment under which nothing is tested: two tell next to nothing of their own spread."""


@dataclass(frozen=True)
class Difference:
    """The figure of one experiment less that of another, the ends of its interval at `LEVEL`, and two-sided p.

    p is NaN where nothing was tested.
    """

    difference: float
    low: float
    high: float
    p: float


def compare(
    a: Floats, b: Floats, strata: ArrayLike, groups: ArrayLike | None = None, metric: Metric = "rmse"
) -> Difference:
    """Test whether two experiments would differ with other trainings and other images of the same kinds.

    Args:
        a, b: (T, N), what each of T trainings, at least `LEAST`, loses by each of N images: for "rmse" its squared
            error, for "accuracy" 1 where it is wrong. Images are the same in both, numbers of trainings need not be.
        strata: (N,), the class or mixture of each image.
        groups: (N,), of images that belong together, such as those of a donor; None where each stands alone.
        metric: the figure, of which the difference is.
    """
    if min(len(a), len(b)) < LEAST:
        raise ValueError(f"differences are tested over at least {LEAST} trainings of each experiment")
    figures = [_figure(one.mean(axis=1), metric) for one in (a, b)]
    difference = float(figures[0].mean() - figures[1].mean())
    trainings = [float(one.var(ddof=1) / len(one)) for one in figures]
    slopes = [0.5 / one.mean() if metric == "rmse" and one.mean() > 0 else 1.0 for one in figures]  # of the mean loss
    images, free = _of_images(a * slopes[0], b * slopes[1], strata, groups)
    variances = [*trainings, images]
    degrees = [len(a) - 1, len(b) - 1, free]
    total = sum(variances)
    if total == 0:
        return Difference(difference, difference, difference, float(difference == 0))
    df = total**2 / sum(one**2 / of_one for one, of_one in zip(variances, degrees, strict=True))
    error = np.sqrt(total)
    margin = float(student.ppf((1 + LEVEL) / 2, df) * error)
    p = float(2 * student.sf(abs(difference) / error, df))
    return Difference(difference, difference - margin, difference + margin, p)


def on_these_images(
    a: Floats,
    b: Floats,
    strata: ArrayLike,
    groups: ArrayLike | None,
    metric: Metric,
    n_resamples: int,
    seed: int = 0,
) -> Difference:
    """How far two trained ensembles, losses (N,) each, differ on images like these, by the paired bootstrap; no p."""

    def resampled(drawn: ArrayLike | None) -> Floats:
        means = resampled_means(np.column_stack([a, b]), strata, n_resamples, seed, drawn)
        return _figure(means[:, 0], metric) - _figure(means[:, 1], metric)

    low, high = interval_over(groups, resampled)
    of_both = _figure(np.array([a.mean(), b.mean()]), metric)
    return Difference(float(of_both[0] - of_both[1]), float(low), float(high), np.nan)


def _figure(mean_loss: Floats, metric: Metric) -> Floats:
    return np.asarray(np.sqrt(mean_loss) if metric == "rmse" else 1 - mean_loss)


def _of_images(a: Floats, b: Floats, strata: ArrayLike, groups: ArrayLike | None) -> tuple[float, int]:
    """Variance of the mean difference because the images are few, without what their trainings add; and its freedom."""
    n_images = a.shape[1]
    values, stratum = by_group(np.vstack([a, b, np.ones(n_images)]).T, strata, groups)
    _, places = np.unique(np.asarray(stratum), return_inverse=True)
    sums = np.zeros((places.max() + 1, values.shape[1]))
    np.add.at(sums, places, values)
    means = (sums[:, :-1] / sums[:, -1:])[places]
    centred = values[:, :-1] - means * values[:, -1:]
    of_a, of_b = centred[:, : len(a)], centred[:, len(a) :]
    repeated = ((of_a.mean(axis=1) - of_b.mean(axis=1)) ** 2).sum()
    by_training = sum(one.var(axis=1, ddof=1).sum() / one.shape[1] for one in (of_a, of_b))
    free = max(1, len(values) - len(sums))
    return float(max(0.0, repeated - by_training) * len(values) / free / n_images**2), free
