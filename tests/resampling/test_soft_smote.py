"""SMOTE with soft labels against its rule in plain NumPy: of each new image it is found out what it lies between."""

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import kstest

from oral_cancer.data.training_set import TrainingSet
from oral_cancer.errors import UserError
from oral_cancer.resampling import SoftSmote
from tests.published import group_names

COUNTS = {"parental": 30, "3:1": 20, "control": 9}
PAIR = [["parental", "3:1"]]


@pytest.fixture
def data(make_data):
    return make_data(COUNTS, spread=20)


def nearest(images: NDArray[np.uint8], row: int, among: NDArray[np.int64], number: int) -> NDArray[np.int64]:
    distances = [np.linalg.norm(images[row].astype(float) - images[other]) for other in among]
    return among[np.argsort(distances)[:number]]


def between(
    images: NDArray[np.uint8], made: NDArray[np.uint8], pairs: list[tuple[int, int]]
) -> Iterator[tuple[int, int, float]]:
    """For each image made the pair that it lies between, and how far along."""
    flat = images.reshape(len(images), -1).astype(float)
    for image in made.reshape(len(made), -1).astype(float):
        found = []
        for origin, end in pairs:
            way = flat[end] - flat[origin]
            share = float((image - flat[origin]) @ way / (way @ way))
            if np.abs(flat[origin] + share * way - image).max() <= 1.2 and -0.01 <= share <= 1.01:
                found.append((origin, end, share))
        assert found
        yield found[0]


def treated_by(data, among: str, multiple: float = 1) -> tuple[NDArray[np.uint8], NDArray[np.float32], TrainingSet]:
    images, soft_labels = data
    names = group_names(soft_labels)
    return images, names, SoftSmote(PAIR, among, 5, multiple).fit_resample(images, soft_labels, 0, names)


def test_among_both_the_label_is_the_mean_of_the_neighbourhood(data) -> None:
    images, names, treated = treated_by(data, "both")
    both = np.flatnonzero(np.isin(names, PAIR[0]))
    assert len(treated.synthetic) == 50  # as many as the images of both
    np.testing.assert_array_equal(treated.indices, np.arange(59))
    of_each = {int(row): nearest(images, row, both[both != row], 4) for row in both}
    pairs = [(row, int(end)) for row, ends in of_each.items() for end in ends]
    soft_labels, shares, crossing = data[1], [], 0
    made = zip(between(images, treated.synthetic, pairs), treated.soft_labels[59:], strict=True)
    for (origin, end, share), label in made:
        about = [[row, *of_each[row]] for row in (origin, end) if row == origin or origin in of_each[end]]
        means = [soft_labels[rows].mean(axis=0) for rows in about]  # either of two that are near each other
        assert min(np.abs(label - mean).max() for mean in means) < 1e-6
        shares.append(share)
        crossing += names[origin] != names[end]
    assert kstest(np.clip(shares, 0, 1), "uniform").pvalue > 0.001
    assert crossing > 0


def test_among_the_other_the_label_lies_as_far_between_as_the_pixels(data) -> None:
    images, names, treated = treated_by(data, "other")
    first, second = (np.flatnonzero(names == name) for name in PAIR[0])
    assert len(treated.synthetic) == 30  # as many as the first label has
    pairs = [(int(row), int(end)) for row in first for end in nearest(images, row, second, 5)]
    soft_labels = data[1]
    for (origin, end, share), label in zip(
        between(images, treated.synthetic, pairs), treated.soft_labels[59:], strict=True
    ):
        expected = soft_labels[origin] + share * (soft_labels[end] - soft_labels[origin])
        np.testing.assert_allclose(label, expected, atol=5e-3)  # the share is known to rounded pixels
    assert len({tuple(label) for label in treated.soft_labels[59:].tolist()}) > 20


@pytest.mark.parametrize(("multiple", "number"), [(0, 0), (0.5, 15), (2, 60)])
def test_the_number_of_new_images_is_a_multiple_of_those_they_set_out_from(data, multiple: float, number: int) -> None:
    assert len(treated_by(data, "other", multiple)[2].synthetic) == number


def test_too_few_images_are_told_before_any_is_read() -> None:
    labels = np.repeat(["parental", "3:1"], [2, 4])
    SoftSmote(PAIR, "both", 6, 1).check_labels(labels)
    said = r"^resampling\.n_neighbors: 5 neighbours are more than the 4 images of 3:1; choose at most 4, or add images$"
    with pytest.raises(UserError, match=said):
        SoftSmote(PAIR, "other", 5, 1).check_labels(labels)
    with pytest.raises(UserError, match="7 neighbours are more than the 6 images of parental and 3:1;"):
        SoftSmote(PAIR, "both", 7, 1).check_labels(labels)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"among": "own"}, r"^resampling\.among=own: must be one of both, other$"),
        ({"n_neighbors": 1}, r"^resampling\.n_neighbors=1: must be a whole number of at least 2$"),
        ({"multiple": -1}, r"^resampling\.multiple=-1: must be a finite number of at least 0$"),
    ],
)
def test_refuses_options(options: dict[str, object], said: str) -> None:
    with pytest.raises(UserError, match=said):
        SoftSmote(**{"pairs": PAIR, "among": "both", "n_neighbors": 5, "multiple": 1} | options)
