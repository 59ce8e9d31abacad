import numpy as np
import pytest

from oral_cancer.evaluation.composition import composition


def test_mean_and_interval_of_one_population():
    probabilities = np.random.default_rng(0).dirichlet([4, 2, 1], 200)
    result = composition(probabilities)
    np.testing.assert_allclose(result.mean, probabilities.mean(axis=0))
    half = 1.96 * probabilities.std(axis=0) / np.sqrt(200)
    np.testing.assert_allclose(result.low, result.mean - half, atol=0.1 * half.max())
    np.testing.assert_allclose(result.high, result.mean + half, atol=0.1 * half.max())


def test_ensembles_side_by_side_are_as_one_by_one():
    probabilities = np.random.default_rng(0).dirichlet([4, 2, 1], (30, 2))
    both = composition(probabilities, n_resamples=500, seed=3)
    assert both.low.shape == (2, 3)
    for m in range(2):
        one = composition(probabilities[:, m], n_resamples=500, seed=3)
        np.testing.assert_allclose([both.mean[m], both.low[m], both.high[m]], [one.mean, one.low, one.high])


def test_one_image_has_no_width():
    result = composition(np.array([[0.5, 0.3, 0.2]]), n_resamples=10)
    assert result.low.tolist() == result.high.tolist() == pytest.approx([0.5, 0.3, 0.2])
