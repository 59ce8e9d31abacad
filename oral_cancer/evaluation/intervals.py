"""Intervals of figures of pure images: accuracy, macro F1 and macro AUC, that stay honest where all images are right.

A bootstrap of images that are all right shows none that is wrong, and would make [1, 1] of ten images. So where images
stand alone a share has the score interval (Wilson, J. Am. Statist. Assoc. 22, 1927), an area the like of it (Newcombe,
Confidence intervals for an effect size measure based on the Mann-Whitney statistic, part 2, method 5, Statistics in
Medicine 25, 2006). Where they belong to groups, groups are drawn with replacement; at the bound the same formulas serve
with as many groups for as many images. Such an interval reaches at least as far as that of images alone, since groups
that are few can happen to be alike.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.stats import binomtest, norm

from oral_cancer.evaluation.bootstrap import (
    LEVEL,
    N_RESAMPLES,
    by_group,
    interval,
    resampled_classification,
    resampled_sums,
    several,
)
from oral_cancer.evaluation.metrics import area_under_roc

Floats = NDArray[np.float64]


class Ends(NamedTuple):
    """Low and high end of an interval at `LEVEL`."""

    low: float
    high: float


def share_interval(hits: int, n: int) -> Ends:
    """Wilson's interval of a share, 0 to 1, of which `hits` of `n` were seen; e.g. [0.887, 1] for 30 of 30."""
    found = binomtest(hits, n).proportion_ci(LEVEL, method="wilson")
    return Ends(float(found.low), float(found.high))


def auc_interval(auc: float, positives: int, negatives: int) -> Ends:
    """Newcombe's interval of an area under the ROC curve, 0 to 1, of so many images of a class and of the others."""
    z = norm.ppf((1 + LEVEL) / 2)
    more = (positives + negatives) / 2 - 1

    def beyond(theta: float) -> float:
        of_one = 1 + more * (1 - theta) / (2 - theta) + more * theta / (1 + theta)
        return float((theta - auc) ** 2 - z**2 * theta * (1 - theta) * of_one / (positives * negatives))

    low = 0.0 if auc <= 0 else brentq(beyond, 1e-12, min(auc, 1 - 1e-9))
    high = 1.0 if auc >= 1 else brentq(beyond, max(auc, 1e-9), 1 - 1e-12)
    return Ends(float(low), float(high))


def classification_intervals(
    labels: Floats, probabilities: Floats, groups: ArrayLike | None, n_resamples: int = N_RESAMPLES, seed: int = 0
) -> dict[str, list[Ends]]:
    """Intervals of accuracy, macro F1 and macro AUC of M ensembles on pure images.

    Args:
        labels: (N, K), the greatest proportion tells the class.
        probabilities: (M, N, K), of the same images in the same order for every ensemble.
        groups: (N,), of images that belong together; None where each stands alone.
        n_resamples: B.
        seed: of the random generator.

    Returns:
        By metric, of each ensemble. The macro AUC's ends are the means of its classes' ends, as wide as if these went
        wrong together. Macro F1 is bootstrapped, and has the accuracy's where that is 0 or 1.
    """
    found = _intervals(labels, probabilities, None, n_resamples, seed)
    if not several(groups):
        return found
    of_groups = _intervals(labels, probabilities, groups, n_resamples, seed)
    return {metric: list(map(_farther, ends, of_groups[metric])) for metric, ends in found.items()}


def _farther(one: Ends, other: Ends) -> Ends:
    return Ends(float(np.fmin(one.low, other.low)), float(np.fmax(one.high, other.high)))


def _intervals(
    labels: Floats, probabilities: Floats, groups: ArrayLike | None, n_resamples: int, seed: int
) -> dict[str, list[Ends]]:
    true = labels.argmax(axis=1)
    accuracy, f1 = resampled_classification(labels, probabilities, n_resamples, seed, groups)
    found: dict[str, list[Ends]] = {"accuracy": [], "f1_macro": [], "auc_macro": []}
    for k, values in enumerate(probabilities):
        right = values.argmax(axis=1) == true
        at_bound = right.all() or not right.any()
        units = len(true) if groups is None else len(np.unique(np.asarray(groups)))
        if groups is None or at_bound:
            of_accuracy = share_interval(round(right.mean() * units), units)
        else:
            of_accuracy = Ends(*map(float, interval(accuracy[:, k])))
        found["accuracy"].append(of_accuracy)
        found["f1_macro"].append(of_accuracy if at_bound else Ends(*map(float, interval(f1[:, k]))))
        found["auc_macro"].append(_macro_auc(true, values, groups, n_resamples, seed))
    return found


def _macro_auc(true: NDArray[np.int64], values: Floats, groups: ArrayLike | None, n_resamples: int, seed: int) -> Ends:
    present = [c for c in range(values.shape[1]) if 0 < (true == c).sum() < len(true)]
    if len(present) < values.shape[1]:
        return Ends(np.nan, np.nan)  # as the figure itself
    areas = [area_under_roc(true == c, values[:, c]) for c in present]
    if groups is not None and min(areas) < 1:
        resampled = [_resampled_auc(true == c, values[:, c], true, groups, n_resamples, seed) for c in present]
        means = np.mean(resampled, axis=0)
        return Ends(*map(float, interval(means[np.isfinite(means)]))) if np.isfinite(means).any() else Ends(0.0, 1.0)

    def units(of: NDArray[np.bool_]) -> int:
        return int(of.sum()) if groups is None else len(np.unique(np.asarray(groups)[of]))

    ends = [auc_interval(area, units(true == c), units(true != c)) for c, area in zip(present, areas, strict=True)]
    return Ends(*(float(np.mean(side)) for side in zip(*ends, strict=True)))


def _resampled_auc(
    positive: NDArray[np.bool_], scores: Floats, strata: ArrayLike, groups: ArrayLike, n_resamples: int, seed: int
) -> Floats:
    """Areas (B,) on resamples of whole groups; NaN for one without both kinds of images."""
    _, places = np.unique(np.asarray(groups), return_inverse=True)
    member = np.eye(places.max() + 1)[places]
    above = (scores[positive, None] > scores[~positive]) + 0.5 * (scores[positive, None] == scores[~positive])
    won = member[positive].T @ above @ member[~positive]
    counts = resampled_sums(*by_group(member, strata, groups), n_resamples, seed)
    counts /= np.maximum(1, member.sum(axis=0))  # by_group sums a group's images, of which each names it
    pairs = (counts @ member[positive].sum(axis=0)) * (counts @ member[~positive].sum(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.einsum("bg,gh,bh->b", counts, won, counts, optimize=True) / pairs)
