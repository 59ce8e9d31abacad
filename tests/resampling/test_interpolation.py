import numpy as np
import pytest
from imblearn.over_sampling import BorderlineSMOTE
from scipy.sparse import csr_array

from oral_cancer.resampling.interpolation import borderline_weights, weighted_sums, wrapped_sums
from tests.published import group_names


def on_pixels(images, majority, minority, k_neighbors, m_neighbors, random_state):
    """imbalanced-learn called plainly: the synthetic images, not rounded."""
    rows = np.concatenate([majority, minority])
    sampler = BorderlineSMOTE(
        kind="borderline-1", k_neighbors=k_neighbors, m_neighbors=m_neighbors, random_state=random_state
    )
    pixels = images[rows].reshape(len(rows), -1).astype(np.float64)
    resampled, _ = sampler.fit_resample(pixels, np.repeat([0, 1], [len(majority), len(minority)]))
    return resampled[len(rows) :].reshape(-1, *images.shape[1:])


def two_groups(make_data, seed):
    """Images large enough that no two of them are equally far from a third."""
    images, soft_labels = make_data({"1:3": 40, "1:2": 30}, seed, spread=15, side=32)
    names = group_names(soft_labels)
    return images, np.flatnonzero(names == "1:3"), np.flatnonzero(names == "1:2")


def assert_as_on_pixels(images, majority, minority, seed):
    weights = borderline_weights(images, majority, minority, 5, 10, seed)
    expected = on_pixels(images, majority, minority, 5, 10, seed)
    assert len(expected) == len(majority) - len(minority)
    found = (weights @ images.reshape(len(images), -1)).reshape(-1, *images.shape[1:])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)
    synthetic = weighted_sums(images, weights)
    assert np.abs(synthetic - expected).max() <= 0.5 + 1e-4
    return weights


@pytest.mark.parametrize("seed", range(5))
def test_synthesises_as_imbalanced_learn_does_on_pixels(seed, make_data):
    images, majority, minority = two_groups(make_data, seed)
    drawn = np.random.default_rng(seed).choice(majority, 75)
    weights = assert_as_on_pixels(images, drawn, minority, seed)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    assert set(weights.indices.tolist()) <= set(minority.tolist())


@pytest.mark.parametrize("seed", range(5))
def test_synthesises_as_imbalanced_learn_does_with_copies_of_images(seed, make_data):
    images, majority, minority = two_groups(make_data, seed)
    images[minority[:6]] = images[minority[6:12]]
    assert_as_on_pixels(images, np.repeat(majority, 2), minority, seed)


def in_eight_bits(images, majority, minority, random_state):
    """imbalanced-learn called as the authors did, with pixels in 8 bits."""
    rows = np.concatenate([majority, minority])
    sampler = BorderlineSMOTE(kind="borderline-1", k_neighbors=5, m_neighbors=10, random_state=random_state)
    pixels = images[rows].reshape(len(rows), -1)
    assert pixels.dtype == np.uint8
    resampled, _ = sampler.fit_resample(pixels, np.repeat([0, 1], [len(majority), len(minority)]))
    return resampled[len(rows) :].reshape(-1, *images.shape[1:])


@pytest.mark.parametrize("seed", range(3))
def test_in_eight_bits_it_wraps_round_as_imbalanced_learn_does(seed, make_data):
    images, majority, minority = two_groups(make_data, seed)
    drawn = np.random.default_rng(seed).choice(majority, 75)
    weights = borderline_weights(images, drawn, minority, 5, 10, seed)
    wrapped = wrapped_sums(images, weights)
    np.testing.assert_array_equal(wrapped, in_eight_bits(images, drawn, minority, seed))
    assert (np.abs(wrapped - weighted_sums(images, weights).astype(int)) > 60).mean() > 0.1  # speckled


def test_what_wraps_round_is_the_formula_of_the_image_it_sets_out_from():
    dark, bright = np.full((2, 2, 3), 10, np.uint8), np.full((2, 2, 3), 250, np.uint8)
    weights = csr_array((np.array([0.75, 0.25, 0.75, 0.25, 1.0]), np.array([0, 1, 1, 0, 1]), np.array([0, 2, 4, 5])))
    made = wrapped_sums(np.stack([dark, bright]), weights)
    expected = [10 + 0.25 * 240, 250 + 0.25 * ((10 - 250) % 256), 250]
    assert made[:, 0, 0, 0].tolist() == [int(value) % 256 for value in expected] == [70, 254, 250]


def test_none_in_danger_gives_none(make_data):
    images, majority, minority = two_groups(make_data, 0)
    images[majority] //= 8
    images[minority] = 255 - images[minority] // 8
    assert borderline_weights(images, majority, minority, 5, 10, 0).shape == (0, len(images))


def test_weighted_sums_are_rounded_to_the_nearest_whole_value():
    images = np.array([0, 100, 255], np.uint8)[:, None, None, None] + np.zeros((1, 2, 2, 3), np.uint8)
    weights = csr_array(np.array([[0.994, 0.006, 0], [0.996, 0.004, 0], [0, 0, 1], [0, 0.5, 0.5]] * 5))
    sums = weighted_sums(images, weights)
    assert sums.dtype == np.uint8
    assert sums[:, 1, 1, 2].tolist() == [1, 0, 255, 178] * 5
