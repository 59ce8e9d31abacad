"""Of two arms of one method few are called different; two that differ are."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import t as student

from oral_cancer.evaluation.bootstrap import interval, resampled_means
from oral_cancer.evaluation.comparison import compare, on_these_images

FOLDS, IMAGES, STUDIES = 5, 120, 200
TRUTH = np.repeat([0.25, 1 / 3, 2 / 3, 0.75], IMAGES // 4)
Floats = NDArray[np.float64]


def errors(rng: np.random.Generator, seeds: int, images: Floats, folds: Floats, times: float = 1.0) -> Floats:
    """Errors of the proportion, (folds, seeds, images), of one arm.

    What is hard in an image and what a fold's training images teach are common to both arms; each training adds a shift
    and a slope over the mixtures of its own, and an error at each image.
    """
    shape = (FOLDS, seeds, 1)
    shift, slope = rng.normal(0, 0.03, shape), rng.normal(0, 0.12, shape)
    own = rng.normal(0, 0.06, (FOLDS, seeds, IMAGES))
    return times * (images + folds + shift + slope * (TRUTH - 0.5) + own)


def losses(of_arm: Floats) -> Floats:
    """Squared errors (seeds, images) of the ensembles over the folds."""
    return np.asarray(2 * of_arm.mean(axis=0) ** 2)


def corrected_resampled_t(a: Floats, b: Floats) -> float:
    """p of Nadeau and Bengio's test over all folds and seeds, errors (folds, seeds, images)."""
    rmse = [np.sqrt(2 * (one**2).mean(axis=-1)).ravel() for one in (a, b)]
    pairs = rmse[0] - rmse[1]
    error = np.sqrt(pairs.var(ddof=1) * (1 / len(pairs) + 1 / (FOLDS - 1)))
    return float(2 * student.sf(abs(pairs.mean()) / error, len(pairs) - 1))


def called_different(seeds: int, times: float = 1.0, seed: int = 0) -> tuple[float, float]:
    """Shares of simulated studies in which p < 0.05: by ours, and by the corrected resampled t-test."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(STUDIES):
        images, folds = rng.normal(0, 0.12, IMAGES), rng.normal(0, 0.02, (FOLDS, 1, 1))
        a, b = (errors(rng, seeds, images, folds, each) for each in (1.0, times))
        found.append((compare(losses(a), losses(b), TRUTH).p, corrected_resampled_t(a, b)))
    ours, theirs = (np.array(found) < 0.05).mean(axis=0)
    return float(ours), float(theirs)


@pytest.mark.parametrize("seeds", [3, 5])
def test_arms_of_the_same_method_are_seldom_called_different(seeds: int) -> None:
    ours, theirs = called_different(seeds)
    assert ours <= 0.07
    assert theirs <= 0.07


@pytest.mark.parametrize("seeds", [3, 5])
def test_a_real_difference_is_found_and_by_the_corrected_resampled_test_less_often(seeds: int) -> None:
    ours, theirs = called_different(seeds, times=1.1)
    assert ours >= 0.75
    assert theirs < ours
    assert called_different(seeds, times=1.3)[0] >= 0.98


@pytest.mark.parametrize("seeds", [3, 5])
def test_methods_that_err_at_other_images_and_no_more_are_seldom_called_different(seeds: int) -> None:
    """Trainings alone would call them so: each test set favours one of the two, whatever the seed."""
    rng = np.random.default_rng(1)
    found = []
    for _ in range(STUDIES):
        a, b = (errors(rng, seeds, rng.normal(0, 0.12, IMAGES), np.zeros((FOLDS, 1, 1))) for _ in "ab")
        both = losses(a), losses(b)
        rmse = [np.sqrt(one.mean(axis=1)) for one in both]
        error = np.sqrt(sum(one.var(ddof=1) / seeds for one in rmse))
        trainings_alone = 2 * student.sf(abs(rmse[0].mean() - rmse[1].mean()) / error, 2 * (seeds - 1))
        found.append((compare(*both, TRUTH).p, trainings_alone))
    ours, alone = (np.array(found) < 0.05).mean(axis=0)
    assert ours <= 0.07
    assert alone > 0.2


def test_images_of_a_group_count_as_one() -> None:
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(12), 10)
    a, b = (rng.uniform(0.01, 0.02, (3, 120)) for _ in "ab")
    b = b + np.repeat(rng.normal(0.01, 0.004, 12), 10)
    strata = np.zeros(120)
    single, grouped = compare(a, b, strata), compare(a, b, strata, groups)
    assert grouped.difference == single.difference
    assert grouped.high - grouped.low > 2 * (single.high - single.low)


def test_the_interval_and_p_agree_and_arms_may_be_exchanged() -> None:
    rng = np.random.default_rng(3)
    for shift in (0.0, 0.002, 0.005, 0.01):
        a, b = rng.uniform(0.01, 0.02, (3, 40)), rng.uniform(0.01, 0.02, (4, 40)) + shift
        one, other = compare(a, b, np.zeros(40)), compare(b, a, np.zeros(40))
        assert (one.p < 0.05) == (one.high < 0 or one.low > 0)
        assert one.p == pytest.approx(other.p)
        assert (one.difference, one.low) == pytest.approx((-other.difference, -other.high))


def test_two_trainings_are_too_few() -> None:
    with pytest.raises(ValueError, match="at least 3 trainings"):
        compare(np.zeros((2, 4)), np.zeros((3, 4)), np.zeros(4))


def test_ensembles_of_one_training_are_compared_on_their_images() -> None:
    rng = np.random.default_rng(4)
    a, b = rng.uniform(0, 0.1, (2, 30))
    found = on_these_images(a, b, np.zeros(30), None, "rmse", 500)
    means = resampled_means(np.column_stack([a, b]), np.zeros(30), 500)
    assert found.difference == pytest.approx(np.sqrt(a.mean()) - np.sqrt(b.mean()))
    assert (found.low, found.high) == pytest.approx(interval(np.sqrt(means[:, 0]) - np.sqrt(means[:, 1])))
    assert np.isnan(found.p)
    wrong = (a > 0.05).astype(float)
    assert on_these_images(wrong, np.zeros(30), np.zeros(30), None, "accuracy", 50).difference == -wrong.mean()
