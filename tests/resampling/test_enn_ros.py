from collections import Counter

import hydra.errors
import numpy as np
import pytest
from imblearn.under_sampling import EditedNearestNeighbours

from oral_cancer.errors import UserError
from oral_cancer.resampling import EnnRandomOverSampling
from oral_cancer.resampling.distances import squared_distances
from oral_cancer.resampling.enn_ros import edited_nearest_neighbours
from tests.published import MIXTURES, group_names

from .conftest import resample

PAIR = {"mixtures": ["2:1", "1:2"], "sampling_strategy": "all", "keep": ["2:1"]}


def on_pixels(images, first, second, sampling_strategy, n_neighbors):
    """imbalanced-learn called plainly: the rows that stay."""
    rows = np.concatenate([first, second])
    sampler = EditedNearestNeighbours(sampling_strategy=sampling_strategy, n_neighbors=n_neighbors, kind_sel="all")
    pixels = images[rows].reshape(len(rows), -1).astype(np.float64)
    sampler.fit_resample(pixels, np.repeat([0, 1], [len(first), len(second)]))
    return rows[sampler.sample_indices_]


def on_distances(images, first, second, sampling_strategy, n_neighbors):
    """Ours: the rows that stay."""
    rows = np.concatenate([first, second])
    classes = np.repeat([0, 1], [len(first), len(second)])
    return rows[edited_nearest_neighbours(squared_distances(images, rows), classes, sampling_strategy, n_neighbors)]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("sampling_strategy", ["auto", "all"])
def test_cleans_as_imbalanced_learn_does_on_pixels(seed, sampling_strategy, make_data):
    images, soft_labels = make_data({"2:1": 60, "3:1": 60 - 5 * seed}, seed)
    names = group_names(soft_labels)
    first, second = (np.flatnonzero(names == mixture) for mixture in ("2:1", "3:1"))
    expected = on_pixels(images, first, second, sampling_strategy, 3)
    assert 0 < len(expected) < len(images)
    np.testing.assert_array_equal(on_distances(images, first, second, sampling_strategy, 3), expected)


def test_cleans_as_imbalanced_learn_does_with_copies_of_images(make_data):
    images, soft_labels = make_data({"2:1": 40, "3:1": 40}, 1)
    names = group_names(soft_labels)
    first, second = (np.flatnonzero(names == mixture) for mixture in ("2:1", "3:1"))
    images[first[:8]] = images[first[8:16]]
    images[second[:8]] = images[second[8:16]]
    expected = on_pixels(images, first, second, "all", 3)
    assert 0 < len(expected) < len(images)
    np.testing.assert_array_equal(on_distances(images, first, second, "all", 3), expected)


def test_keeps_what_the_recipe_keeps(treatment, make_data):
    images, soft_labels = make_data(dict.fromkeys(MIXTURES, 60))
    names = group_names(soft_labels)
    rows = {mixture: np.flatnonzero(names == mixture) for mixture in MIXTURES}
    expected = np.concatenate(
        [
            on_pixels(images, rows["2:1"], rows["1:2"], "auto", 3),
            np.intersect1d(on_pixels(images, rows["2:1"], rows["3:1"], "all", 3), rows["3:1"]),
            np.intersect1d(on_pixels(images, rows["1:2"], rows["1:3"], "all", 3), rows["1:3"]),
        ]
    )
    result = resample(treatment("enn_ros"), images, soft_labels)
    np.testing.assert_array_equal(result.indices[: len(expected)], np.sort(expected))
    added = result.indices[len(expected) :]
    assert len(added) == 60 * (2 + 2 + 1 + 2)
    assert set(added.tolist()) <= set(expected.tolist())


def test_a_mixture_that_no_pair_keeps_stays_whole(make_data):
    images, soft_labels = make_data(dict.fromkeys(MIXTURES, 30))
    result = resample(EnnRandomOverSampling({}, [PAIR], 3), images, soft_labels)
    left = group_names(soft_labels[result.indices]).tolist()
    assert left.count("2:1") < 30
    assert [left.count(mixture) for mixture in ("1:2", "1:3", "3:1")] == [30, 30, 30]


def test_says_which_mixture_it_empties(make_data):
    images, soft_labels = make_data(dict.fromkeys(MIXTURES, 30))
    names = group_names(soft_labels)
    images[names == "2:1"] = images[names == "1:2"]
    images[names == "2:1", 0, 0, 0] ^= 1
    with pytest.raises(UserError, match=r"leaves none of the 30 images of 2:1; take 2:1 out of its pair's keep"):
        EnnRandomOverSampling({"2:1": 1}, [PAIR], 3).fit_resample(
            images, soft_labels, 0, labels=group_names(soft_labels)
        )


def test_says_which_pair_has_too_few_images(make_data):
    images, soft_labels = make_data(dict.fromkeys(MIXTURES, 2))
    message = r"n_neighbors: 4 neighbours need more than the 4 images of 2:1 and 1:2 together; choose at most 3"
    with pytest.raises(UserError, match=message):
        resample(EnnRandomOverSampling({}, [PAIR], 4), images, soft_labels)


def test_auto_cleans_all_labels_as_imbalanced_learn_does_and_draws_them_up_to_the_largest(make_data):
    counts = {"parental": 50, "control": 30, "1:3": 40, "2:1": 20}
    images, soft_labels = make_data(counts)
    names = group_names(soft_labels)
    sampler = EditedNearestNeighbours(n_neighbors=3)
    sampler.fit_resample(images.reshape(len(images), -1).astype(float), names)
    left = Counter(names[sampler.sample_indices_].tolist())
    assert left["2:1"] == 20
    assert all(0 < left[name] < counts[name] for name in ("parental", "control", "1:3"))
    result = resample(EnnRandomOverSampling("auto", "auto", 3), images, soft_labels)
    np.testing.assert_array_equal(result.indices[: left.total()], np.sort(sampler.sample_indices_))
    assert Counter(names[result.indices].tolist()) == dict.fromkeys(counts, max(left.values()))


def test_auto_leaves_whole_what_it_would_empty(make_data):
    images, soft_labels = make_data({"parental": 30, "control": 20, "1:2": 10})
    names = group_names(soft_labels)
    images[names == "parental"] = np.resize(images[names == "control"], images[names == "parental"].shape)
    with pytest.warns(UserWarning, match=r"parental stays whole, as cleaning would leave none of its 30 images"):
        result = resample(EnnRandomOverSampling({}, "auto", 3), images, soft_labels)
    assert Counter(names[result.indices].tolist())["parental"] == 30


def test_auto_has_nothing_to_clean_of_one_label(make_data):
    images, soft_labels = make_data({"parental": 10})
    assert len(resample(EnnRandomOverSampling("auto", "auto", 3), images, soft_labels)) == 10


@pytest.mark.parametrize("pairs", [[PAIR], "auto"])
def test_too_few_images_are_told_before_any_is_read(pairs):
    names = np.repeat(["2:1", "1:2"], [2, 1])
    with pytest.raises(UserError, match="3 neighbours need more than the 3 images of 2:1 and 1:2 together"):
        EnnRandomOverSampling("auto", pairs, 3).check_labels(names)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_neighbors": 0}, r"^resampling\.n_neighbors=0: must be a whole number of at least 1$"),
        ({"n_neighbors": 2.5}, r"^resampling\.n_neighbors=2\.5: must be a whole number of at least 1$"),
        ({"pairs": [PAIR | {"mixtures": ["2:1"]}]}, r"pairs\.0\.mixtures=\[2:1\]: must be two different"),
        (
            {"pairs": [PAIR | {"mixtures": ["2:1", "2:1"]}]},
            r"pairs\.0\.mixtures=\[2:1,2:1\]: must be two different",
        ),
        (
            {"pairs": [PAIR | {"mixtures": [121, 62]}]},
            r"pairs\.0\.mixtures=\[121,62\]: must be two different",
        ),
        (
            {"pairs": [PAIR | {"sampling_strategy": "most"}]},
            r"pairs\.0\.sampling_strategy=most: must be one of auto, all",
        ),
        ({"pairs": [PAIR | {"keep": ["3:1"]}]}, r"pairs\.0\.keep=\[3:1\]: must be a list of one or both of the pair"),
        ({"pairs": [PAIR, PAIR]}, "must be each mixture in one keep, and 2:1 is in 2"),
    ],
)
def test_refuses_options(options, message, treatment):
    with pytest.raises(hydra.errors.InstantiationException) as caught:
        treatment("enn_ros", **options)
    assert isinstance(caught.value.__cause__, UserError)
    with pytest.raises(UserError, match=message):
        raise caught.value.__cause__
