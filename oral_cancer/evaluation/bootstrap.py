"""Bootstrap over test images: how far a figure could be off because the test images are few.

Images are drawn with replacement within each class or mixture, so that every resample has as many of each as
the test set. Where images belong to groups, such as donors, whole groups are drawn, as images of one are alike: drawn
singly they would make intervals too narrow. Only images are resampled. The trained networks are held fixed: the
intervals say nothing of other folds, seeds or cell cultures, and the folds share most of their training images. Whether
experiments differ is therefore no matter of the bootstrap, but of `comparison`.

A resample is never built. It is how often each image is drawn, a multinomial count, and every figure here
follows from sums over images, so that all resamples of all ensembles together are one matrix product.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oral_cancer.evaluation.metrics import f1_scores, squared_errors

Floats = NDArray[np.float64]

N_RESAMPLES = 10_000
LEVEL = 0.95
_COUNTS_AT_ONCE = 4_000_000  # 32 MB of float64


def resampled_sums(contributions: Floats, strata: ArrayLike, n_resamples: int = N_RESAMPLES, seed: int = 0) -> Floats:
    """Sums over the images of each resample.

    The same strata and seed give the same resamples, so that sums of several calls may be paired.

    Args:
        contributions: (N, K), what each image adds to each of K sums.
        strata: (N,), the stratum of each image.
        n_resamples: B.
        seed: of the random generator.

    Returns:
        float64 (B, K).
    """
    generator = np.random.default_rng(seed)
    _, stratum = np.unique(np.asarray(strata), return_inverse=True)
    sums = np.zeros((n_resamples, contributions.shape[1]))
    for k in range(stratum.max() + 1):
        members = contributions[stratum == k]
        size = len(members)
        step = max(1, _COUNTS_AT_ONCE // size)
        for start in range(0, n_resamples, step):
            rows = sums[start : start + step]
            counts = generator.multinomial(size, np.full(size, 1 / size), size=len(rows))
            rows += counts.astype(np.float64) @ members
    return sums


def several(groups: ArrayLike | None) -> bool:
    """Whether images (N,) are of two groups or more."""
    return groups is not None and len(np.unique(np.asarray(groups))) > 1


def by_group(contributions: Floats, strata: ArrayLike, groups: ArrayLike | None) -> tuple[Floats, ArrayLike]:
    """What is drawn as a whole: the contributions (G, C) of each group, and its stratum (G,).

    A group whose images are all of one stratum belongs to it, if that is true of every group; else all are alike.
    Without groups, or of a single one, of which all resamples would be the same, what is drawn are the images.
    """
    if not several(groups):
        return contributions, strata
    _, places = np.unique(np.asarray(groups), return_inverse=True)
    _, stratum = np.unique(np.asarray(strata), return_inverse=True)
    sums = np.zeros((places.max() + 1, contributions.shape[1]))
    np.add.at(sums, places, contributions)
    least, most = np.full(len(sums), len(stratum)), np.zeros(len(sums), int)
    np.minimum.at(least, places, stratum)
    np.maximum.at(most, places, stratum)
    return sums, most if (least == most).all() else np.zeros(len(sums), int)


def resampled_means(
    values: Floats, strata: ArrayLike, n_resamples: int = N_RESAMPLES, seed: int = 0, groups: ArrayLike | None = None
) -> Floats:
    """Means over the images of each resample, float64 (B, C), of values (N, C); see `by_group`.

    Groups have different numbers of images, and so have resamples of groups.
    """
    if groups is None:
        return resampled_sums(values, strata, n_resamples, seed) / len(values)
    counted = np.column_stack([values, np.ones(len(values))])
    sums = resampled_sums(*by_group(counted, strata, groups), n_resamples, seed)
    return np.asarray(sums[:, :-1] / sums[:, -1:])


def resampled_classification(
    labels: Floats,
    probabilities: Floats,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> tuple[Floats, Floats]:
    """Accuracy and macro F1 of M ensembles on resampled pure images, stratified by class.

    Args:
        labels: (N, K), the greatest proportion tells the class.
        probabilities: (M, N, K), of the same images in the same order for every ensemble.
        n_resamples: B.
        seed: of the random generator.
        groups: (N,), of each image, drawn as wholes; None draws images.

    Returns:
        Accuracy and macro F1, each float64 (B, M), 0 to 1.
    """
    n_ensembles, n_images, n_classes = probabilities.shape
    true, predicted = labels.argmax(axis=1), probabilities.argmax(axis=2)
    counted = np.eye(n_classes**2)[true * n_classes + predicted]
    contributions = counted.transpose(1, 0, 2).reshape(n_images, -1)
    confusion = resampled_sums(*by_group(contributions, true, groups), n_resamples, seed)
    confusion = confusion.reshape(n_resamples, n_ensembles, n_classes, n_classes)
    return confusion.trace(axis1=2, axis2=3) / confusion.sum(axis=(2, 3)), f1_scores(confusion).mean(axis=2)


def resampled_rmse(
    labels: Floats,
    probabilities: Floats,
    strata: ArrayLike,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> Floats:
    """RMSE (as `metrics.rmse`) of M ensembles on resampled images.

    Args:
        labels: (N, K), soft labels.
        probabilities: (M, N, K), of the same images in the same order for every ensemble.
        strata: (N,), the class or mixture of each image, of which every resample has as many.
        n_resamples: B.
        seed: of the random generator.
        groups: (N,), of each image, drawn as wholes; None draws images.

    Returns:
        float64 (B, M). Columns are paired: a row is one and the same resample for every ensemble.
    """
    return np.asarray(
        np.sqrt(resampled_means(squared_errors(labels, probabilities).T, strata, n_resamples, seed, groups))
    )


def interval(resampled: Floats) -> tuple[Floats, Floats]:
    """Percentile interval at `LEVEL`: its low and high end, (...), from B resampled figures, (B, ...).

    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13. Where all images are
    right, so are all resamples, and nothing is told by it: `intervals` is about that.
    """
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return low, high


def interval_over(groups: ArrayLike | None, resampled: Callable[[ArrayLike | None], Floats]) -> tuple[Floats, Floats]:
    """As `interval`, of the figures (B, ...) that `resampled` has for groups (N,), or for None where images are alone.

    Where there are several groups the ends reach at least as far as those of images drawn singly: groups that are few
    can happen to be alike.
    """
    low, high = interval(resampled(None))
    if not several(groups):
        return low, high
    low_of_groups, high_of_groups = interval(resampled(groups))
    return np.minimum(low, low_of_groups), np.maximum(high, high_of_groups)


def holm(p_values: Sequence[float]) -> Floats:
    """Holm's step-down correction of p for the number of comparisons, float64 (K,), in the order given.

    Source: Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6 (1979), 65-70.
    """
    p = np.asarray(p_values, np.float64)
    order = np.argsort(p)
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return corrected
