import numpy as np
import pytest

from oral_cancer.resampling.distances import squared_distances, squared_distances_of_pairs


@pytest.mark.parametrize("side", [8, 60])
def test_exact(side):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (20, side, side, 3), np.uint8)
    images[0], images[1] = 0, 255
    rows = np.array([19, 0, 1, 5, 5, 7])
    flat = images[rows].reshape(len(rows), -1).astype(np.int64)
    expected = ((flat[:, None] - flat[None]) ** 2).sum(axis=2)
    np.testing.assert_array_equal(squared_distances(images, rows), expected)


def test_largest_distances_of_full_size_images_are_exact():
    images = np.zeros((3, 300, 300, 3), np.uint8)
    images[1] = 255
    images[2] = 255
    images[2, 0, 0, 0] = 254
    distances = squared_distances(images, np.arange(3))
    assert distances[0].tolist() == [0, 270_000 * 255**2, 269_999 * 255**2 + 254**2]
    assert distances[1, 2] == 1


def test_pairs_are_as_each_alone():
    images = np.random.default_rng(0).integers(0, 256, (12, 20, 20, 3), np.uint8)
    groups = [np.array([0, 5, 2]), np.array([7, 1]), np.array([3, 4, 9, 10])]
    pairs = [(0, 1), (2, 1), (2,)]
    for pair, distances in zip(pairs, squared_distances_of_pairs(images, groups, pairs), strict=True):
        rows = np.concatenate([groups[i] for i in pair])
        np.testing.assert_array_equal(distances, squared_distances(images, rows))


def test_what_nobody_asks_for_changes_nothing_else():
    images = np.random.default_rng(0).integers(0, 256, (7, 20, 20, 3), np.uint8)
    groups = [np.array([0, 5, 2]), np.array([6, 1, 3, 4])]
    (whole,) = squared_distances_of_pairs(images, groups, [(0, 1)])
    (part,) = squared_distances_of_pairs(images, groups, [(0, 1)], unasked=[0])
    np.testing.assert_array_equal(part[3:], whole[3:])
    np.testing.assert_array_equal(part[:, 3:], whole[:, 3:])
    assert (part[:3, :3] != whole[:3, :3]).any()
    assert not part.diagonal().any()


def test_no_pairs_have_no_distances():
    assert squared_distances_of_pairs(np.zeros((2, 8, 8, 3), np.uint8), [], []) == []
