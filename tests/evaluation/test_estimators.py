"""Estimators of compositions: what each must give, beside references and on the published predictions."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.special import softmax
from sklearn.dummy import DummyClassifier

from oral_cancer.evaluation.estimators import (
    ESTIMATORS,
    RIDGE,
    DirichletCalibration,
    Estimator,
    Unmixing,
    label_weights,
    on_simplex,
)
from tests.evaluation.test_published import PUBLISHED
from tests.published import CLASSES

PURE = np.eye(3)
MIXED = np.array([[1 / 4, 3 / 4, 0], [1 / 3, 2 / 3, 0], [2 / 3, 1 / 3, 0], [3 / 4, 1 / 4, 0]])
FITTED = [name for name in ESTIMATORS if name != "raw"]


def seen(truth: np.ndarray, images: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities that shrink towards the middle, targets and labels of images of these compositions."""
    targets = np.repeat(truth, images, axis=0)
    probabilities = softmax(0.6 * np.log(targets + 0.02) + random.normal(0, 0.4, targets.shape), axis=1)
    return probabilities, targets, np.repeat([f"{row}" for row in truth.round(3)], images)


@pytest.fixture(scope="module")
def known() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return seen(np.vstack([PURE, MIXED]), 30, np.random.default_rng(0))


@pytest.mark.parametrize("name", FITTED)
def test_what_shrinks_towards_the_middle_is_undone(known, name):
    estimator = ESTIMATORS[name]().fit(*known)
    for truth in MIXED:
        population, _, _ = seen(truth[None], 500, np.random.default_rng(1))
        estimate = estimator.predict(population)
        assert estimate.sum() == pytest.approx(1)
        assert (estimate >= 0).all()
        assert np.abs(estimate - truth).mean() < 0.6 * np.abs(population.mean(axis=0) - truth).mean()


@pytest.mark.parametrize("name", ["unmixing", "dirichlet_unmixing"])
def test_pure_stays_pure_and_what_is_absent_is_near_0(known, name):
    estimator = ESTIMATORS[name]().fit(*known)
    for k in range(3):
        population, _, _ = seen(PURE[k : k + 1], 100, np.random.default_rng(k))
        estimate = estimator.predict(population)
        assert population.mean(axis=0)[k] < 0.9
        assert estimate[k] > 0.95
    mixture, _, _ = seen(MIXED[1:2], 100, np.random.default_rng(5))
    assert mixture.mean(axis=0)[2] > 0.05
    assert estimator.predict(mixture)[2] < 0.02


@pytest.mark.parametrize("name", ESTIMATORS)
def test_many_fits_are_as_one_by_one(known, name):
    random = np.random.default_rng(2)
    weights, of_population = random.gamma(1, size=(4, len(known[0]))), random.gamma(1, size=(4, 50))
    population, _, _ = seen(MIXED[:1], 50, random)
    together = ESTIMATORS[name]().fit(*known, weights).predict(population, of_population)
    assert together.shape == (4, 3)
    for b in range(4):
        one = ESTIMATORS[name]().fit(*known, weights[b]).predict(population, of_population[b])
        np.testing.assert_allclose(together[b], one, atol=1e-4)


@pytest.mark.parametrize("name", FITTED)
def test_every_label_weighs_the_same_and_images_of_no_weight_have_no_say(known, name):
    probabilities, targets, labels = known
    population, _, _ = seen(MIXED[2:3], 50, np.random.default_rng(3))
    expected = ESTIMATORS[name]().fit(*known).predict(population)
    mixed = targets.max(axis=1) < 1
    twice = (np.concatenate([part, part[mixed]]) for part in known)
    np.testing.assert_allclose(ESTIMATORS[name]().fit(*twice).predict(population), expected, atol=1e-4)
    others = np.concatenate([probabilities, np.full((5, 3), 1 / 3)])
    extended = (others, np.concatenate([targets, PURE[[0] * 5]]), np.concatenate([labels, ["other"] * 5]))
    weights = np.append(np.ones(len(labels)), np.zeros(5))
    np.testing.assert_allclose(ESTIMATORS[name]().fit(*extended, weights).predict(population), expected, atol=1e-4)


@pytest.mark.parametrize("name", FITTED)
def test_labels_that_tell_no_class_apart_are_refused(known, name):
    two = known[1][:, 2] == 0
    with pytest.raises(ValueError, match="tell all classes apart"):
        ESTIMATORS[name]().fit(*(part[two] for part in known))


def test_the_nearest_proportions_are_found():
    random = np.random.default_rng(4)
    ends, means = random.dirichlet([1, 1, 1], (20, 4)), random.dirichlet([1, 1, 1], 20)
    for end, mean, found in zip(ends, means, on_simplex(ends, means), strict=True):
        best = minimize(
            lambda shares, end=end, mean=mean: ((shares @ end - mean) ** 2).sum(),
            np.full(4, 0.25),
            bounds=[(0, 1)] * 4,
            constraints={"type": "eq", "fun": lambda shares: shares.sum() - 1},
            options={"ftol": 1e-12},
        )
        assert ((found @ end - mean) ** 2).sum() <= best.fun + 1e-6


def test_dirichlet_calibration_is_at_its_minimum(known):
    probabilities, targets, labels = known
    found = DirichletCalibration().fit(*known)
    logs = np.column_stack([np.log(probabilities), np.ones(len(labels))])
    errors = label_weights(labels)[:, None] * (found.calibrated(probabilities) - targets)
    gradient = errors.T @ logs + 2 * RIDGE * (found.coefficients - np.eye(3, 4))
    assert np.abs(gradient).max() < 1e-4


def test_unmixing_by_pure_ends_is_as_quapy_has_it(known):
    aggregative = pytest.importorskip("quapy.method.aggregative", reason="QuaPy is not installed")
    pure = known[1].max(axis=1) == 1
    probabilities, targets, labels = (part[pure] for part in known)
    classifier = DummyClassifier().fit(PURE, [0, 1, 2])
    reference = aggregative.PACC(classifier, fit_classifier=False)
    reference.aggregation_fit(probabilities, targets.argmax(axis=1))
    ours = Unmixing().fit(probabilities, targets, labels)
    for seed, truth in enumerate(MIXED):
        population, _, _ = seen(truth[None], 40, np.random.default_rng(seed))
        np.testing.assert_allclose(ours.predict(population), reference.aggregate(population), atol=2e-3)


@pytest.fixture(scope="module")
def published() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The mean of the folds' probabilities, targets and labels of the published test images of M5."""
    if not (PUBLISHED / "m5_test_hetero.csv").exists():
        pytest.skip("the published predictions are not beside the project")
    frame = pd.concat([pd.read_csv(PUBLISHED / f"m5_test_{images}.csv") for images in ("homo", "hetero")])
    names = [*CLASSES, *(f"true_{name}" for name in CLASSES)]
    means = frame.groupby("file", sort=False)[names].mean().to_numpy()
    targets = means[:, 3:].round(9)
    return means[:, :3], targets, np.array([f"{row}" for row in targets.round(3)])


def halves(labels: np.ndarray, splits: int) -> np.ndarray:
    """Which images are fitted on, (splits, N): half of those of each label, at random."""
    random = np.random.default_rng(0)
    fitted_on = np.zeros((splits, len(labels)), bool)
    for chosen in fitted_on:
        for label in np.unique(labels):
            members = random.permutation(np.flatnonzero(labels == label))
            chosen[members[: len(members) // 2]] = True
    return fitted_on


def mixtures_of(known: tuple[np.ndarray, ...]) -> list[str]:
    _, targets, names = known
    return [label for label in np.unique(names) if targets[names == label][0].max() < 1]


def error(known: tuple[np.ndarray, ...], fits: Estimator, fitted_on: np.ndarray, label: str) -> float:
    """Mean absolute error of a proportion, over splits, in the images of a label that are not fitted on."""
    probabilities, targets, names = known
    members = names == label
    estimates = fits.predict(probabilities[members], 1.0 - fitted_on[:, members])
    return float(np.abs(estimates - targets[members][0]).mean())


TABLE = {  # mean absolute error of a proportion in mixtures; the same where the ratio is left out of the fit
    "raw": (0.058, 0.059),
    "unmixing": (0.027, 0.033),
    "dirichlet": (0.020, 0.031),
}
SPLITS = 200


@pytest.mark.parametrize("name", TABLE)
def test_the_published_mixtures(published, name):
    expected, left_out = TABLE[name]
    fitted_on, mixtures = halves(published[2], SPLITS), mixtures_of(published)
    fits = ESTIMATORS[name]().fit(*published, 1.0 * fitted_on)
    errors = [error(published, fits, fitted_on, label) for label in mixtures]
    assert np.mean(errors) == pytest.approx(expected, abs=0.003)
    errors = []
    for label in mixtures:
        fits = ESTIMATORS[name]().fit(*published, 1.0 * (fitted_on & (published[2] != label)))
        errors.append(error(published, fits, fitted_on, label))
    assert np.mean(errors) == pytest.approx(left_out, abs=0.003)


def test_the_published_cultures_stay_pure_and_lose_the_class_that_is_absent(published):
    probabilities, targets, names = published
    fitted_on = halves(names, 50)
    fits = ESTIMATORS["dirichlet_unmixing"]().fit(*published, 1.0 * fitted_on)
    for label in np.unique(names):
        members = names == label
        estimates = fits.predict(probabilities[members], 1.0 - fitted_on[:, members]).mean(axis=0)
        target = targets[members][0]
        assert estimates[target == 0].max() < 0.03
        if target.max() == 1:
            assert probabilities[members].mean(axis=0).max() < 0.91
            assert estimates.max() > 0.97


def test_methods_that_count_images_fail_on_images_that_are_mixtures(published):
    aggregative = pytest.importorskip("quapy.method.aggregative", reason="QuaPy is not installed")
    probabilities, targets, names = published
    (fitted_on,) = halves(names, 1)
    pure = fitted_on & (targets.max(axis=1) == 1)
    density = aggregative.KDEyML(DummyClassifier().fit(PURE, [0, 1, 2]), fit_classifier=False)
    density.aggregation_fit(probabilities[pure], targets[pure].argmax(axis=1))
    methods = {
        "hard counts": lambda population: np.eye(3)[population.argmax(axis=1)].mean(axis=0),
        "EMQ": lambda population: aggregative.EMQ.EM(np.full(3, 1 / 3), population)[0],
        "KDEy": density.aggregate,
    }
    for method in methods.values():
        found = [
            np.abs(method(probabilities[members]) - targets[members][0]).mean()
            for label in mixtures_of(published)
            for members in [~fitted_on & (names == label)]
        ]
        assert 0.15 < np.mean(found) < 0.21
