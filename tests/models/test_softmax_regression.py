"""The softmax regression, beside scikit-learn's."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from oral_cancer.models.softmax_regression import SoftmaxRegression, lbfgs

RIDGE = 0.01


def optimum(features: np.ndarray, targets: np.ndarray, ridge: float = RIDGE) -> np.ndarray:
    """Weights and biases (K, D + 1) for features as they are."""
    regression = SoftmaxRegression.of(torch.from_numpy(features), torch.from_numpy(targets), ridge)
    optimizer = lbfgs(targets.shape[1], features.shape[1], flat=1e-9)
    assert regression.minimise(optimizer) < 1e-8
    weight, bias = regression.head(optimizer)
    return torch.cat((weight, bias[:, None]), dim=1).detach().numpy()


@pytest.fixture
def features() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.normal(3, 5, (120, 20)) * np.linspace(0.1, 10, 20)


@pytest.fixture
def targets(features: np.ndarray) -> np.ndarray:
    """Soft labels of three classes, of images that weigh differently."""
    rng = np.random.default_rng(1)
    shares = rng.dirichlet(np.ones(3) / 2, len(features))
    shares[:40] = np.eye(3)[np.arange(40) % 3]
    return shares * rng.uniform(0.5, 4, (len(features), 1))


def test_its_optimum_is_that_of_scikit_learn(features: np.ndarray, targets: np.ndarray) -> None:
    weights = targets.sum(axis=1)
    scaled = StandardScaler().fit(features, sample_weight=weights)
    theirs = LogisticRegression(C=1 / (RIDGE * targets.sum()), tol=1e-10, max_iter=10_000)
    rows, classes = (one.ravel() for one in np.indices(targets.shape))
    theirs.fit(scaled.transform(features)[rows], classes, sample_weight=targets.ravel())
    found = optimum(features, targets)
    slopes = found[:, :-1] * scaled.scale_
    intercepts = found[:, -1] + found[:, :-1] @ scaled.mean_
    np.testing.assert_allclose(slopes, theirs.coef_, atol=1e-6)
    np.testing.assert_allclose(intercepts - intercepts.mean(), theirs.intercept_ - theirs.intercept_.mean(), atol=1e-6)
    assert np.abs(slopes).max() > 0.1


def test_images_that_come_again_count_as_their_targets_together(features: np.ndarray, targets: np.ndarray) -> None:
    again = np.concatenate((features, features[:30])), np.concatenate((targets, targets[:30]))
    targets[:30] *= 2
    np.testing.assert_allclose(optimum(features, targets), optimum(*again), atol=1e-6)


def test_the_scale_of_targets_a_constant_feature_and_a_row_of_zeros_are_of_no_account(
    features: np.ndarray, targets: np.ndarray
) -> None:
    more = np.hstack((features, np.full((len(features), 1), 7.0)))
    more, zeros = np.vstack((more, np.full((1, 21), 1e3))), np.vstack((targets, np.zeros((1, 3))))
    np.testing.assert_allclose(np.delete(optimum(more, 5 * zeros), 20, axis=1), optimum(features, targets), atol=1e-6)


def test_a_class_that_nothing_shows_is_not_predicted(features: np.ndarray, targets: np.ndarray) -> None:
    targets[:, 2] = 0
    found = optimum(features, targets)
    logits = features @ found[:, :-1].T + found[:, -1]
    probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
    assert (probabilities[:, 2] / probabilities.sum(axis=1)).max() < 1e-6
