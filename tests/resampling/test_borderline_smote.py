import warnings
from collections import Counter

import numpy as np
import pytest

from oral_cancer.errors import UserError
from oral_cancer.resampling import BorderlineSmote
from tests.published import GROUPS, group_names

from .conftest import resample

COUNTS = {group.name: 20 for group in GROUPS}
PAIR = {"majority": "parental", "minority": "3:1"}


def test_originals_all_stay_and_synthetic_images_lie_within_their_mixture(treatment, make_data):
    images, soft_labels = make_data(COUNTS)
    result = resample(treatment("borderline_smote"), images, soft_labels)
    np.testing.assert_array_equal(result.indices, np.arange(len(images)))
    names, made = group_names(soft_labels), group_names(result.soft_labels[len(images) :])
    assert {str(name): int((made == name).sum()) for name in set(made)} == {
        "3:1": 40,
        "1:3": 40,
        "2:1": 20,
        "1:2": 40,
    }
    for mixture in set(made):
        originals = images[names == mixture]
        synthetic = result.synthetic[made == mixture]
        assert (synthetic >= originals.min(axis=0)).all()
        assert (synthetic <= originals.max(axis=0)).all()


def test_in_eight_bits_only_the_pixels_are_others(make_data):
    images, soft_labels = make_data(COUNTS)
    plain, wrapped = (
        resample(BorderlineSmote({"3:1": 1}, [PAIR], 5, 10, eight_bits), images, soft_labels)
        for eight_bits in (False, True)
    )
    np.testing.assert_array_equal(plain.soft_labels, wrapped.soft_labels)
    assert plain.synthetic.shape == wrapped.synthetic.shape
    assert (plain.synthetic != wrapped.synthetic).mean() > 0.1


def test_a_multiple_of_zero_leaves_a_mixture_as_it_is(make_data):
    images, soft_labels = make_data(COUNTS)
    result = BorderlineSmote({"3:1": 0.5, "1:2": 0}, [PAIR], 5, 10).fit_resample(
        images, soft_labels, 0, labels=group_names(soft_labels)
    )
    assert group_names(result.soft_labels[len(images) :]).tolist() == ["3:1"] * 10


def test_a_fraction_that_rounds_to_no_image_adds_none(make_data):
    images, soft_labels = make_data(COUNTS)
    result = BorderlineSmote({"3:1": 0.02}, [PAIR], 5, 10).fit_resample(
        images, soft_labels, 0, labels=group_names(soft_labels)
    )
    assert result.synthetic.shape == (0, 8, 8, 3)


def test_warns_of_a_mixture_with_no_image_in_danger(make_data):
    images, soft_labels = make_data(COUNTS)
    names = group_names(soft_labels)
    images[names == "3:1"] = 255 - images[names == "3:1"] // 8
    images[names == "parental"] //= 8
    with pytest.warns(UserWarning, match=r"3:1 stays at 20 images, as none is in danger"):
        result = BorderlineSmote({"3:1": 2}, [PAIR], 5, 10).fit_resample(
            images, soft_labels, 0, labels=group_names(soft_labels)
        )
    np.testing.assert_array_equal(result.indices, np.arange(len(images)))
    assert len(result.synthetic) == 0


def test_does_not_warn_otherwise(treatment, make_data):
    images, soft_labels = make_data(COUNTS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        resample(treatment("borderline_smote"), images, soft_labels)


def test_says_which_mixture_has_too_few_images(make_data):
    images, soft_labels = make_data(COUNTS | {"3:1": 5})
    with pytest.raises(UserError) as caught:
        resample(BorderlineSmote({"3:1": 1}, [PAIR], 5, 15), images, soft_labels)
    assert caught.value.lines == (
        "resampling.k_neighbors: 5 neighbours need more than the 5 images of 3:1; choose at most 4, or add "
        "images of 3:1",
        "resampling.m_neighbors: 15 neighbours need more than the 15 images of 3:1 and parental together; "
        "choose at most 14, or add images of 3:1",
    )


def test_the_fewest_images_that_will_do(make_data):
    images, soft_labels = make_data(COUNTS | {"3:1": 6})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        resample(BorderlineSmote({"3:1": 1}, [PAIR], 5, 17), images, soft_labels)


def test_auto_raises_every_label_to_the_largest_between_its_own_images(make_data):
    counts = {"parental": 40, "resistant": 8, "control": 25, "1:3": 3}
    images, soft_labels = make_data(counts, spread=80)
    result = resample(BorderlineSmote("auto", "auto", 5, 10), images, soft_labels)
    names, made = group_names(soft_labels), group_names(result.soft_labels[len(images) :])
    assert Counter(made.tolist()) == {name: 40 - number for name, number in counts.items() if number < 40}
    for name in set(made):
        assert (result.synthetic[made == name] >= images[names == name].min(axis=0)).all()
        assert (result.synthetic[made == name] <= images[names == name].max(axis=0)).all()


def test_auto_leaves_a_single_image_alone(make_data):
    images, soft_labels = make_data({"parental": 12, "control": 1})
    with pytest.warns(UserWarning, match="control stays at 1 image, with no other to interpolate"):
        assert len(resample(BorderlineSmote("auto", "auto", 5, 10), images, soft_labels)) == 13


def test_too_few_images_are_told_before_any_is_read():
    with pytest.raises(UserError, match="k_neighbors: 5 neighbours need more than the 2 images of 3:1"):
        BorderlineSmote({"3:1": 9}, [PAIR], 5, 10).check_labels(np.repeat(["parental", "3:1"], [9, 2]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k_neighbors": 0}, r"^resampling\.k_neighbors=0: must be a whole number of at least 1$"),
        ({"eight_bits": 1}, r"^resampling\.eight_bits=1: must be true or false$"),
        ({"m_neighbors": 1.5}, r"^resampling\.m_neighbors=1\.5: must be a whole number of at least 1$"),
        ({"pairs": [PAIR | {"minority": ""}]}, r"pairs\.0\.minority=: must be the name of a class or mixture"),
        ({"pairs": [PAIR | {"majority": 62}]}, r"pairs\.0\.majority=62: must be the name of a class or mixture"),
        ({"pairs": [PAIR | {"majority": "3:1"}]}, r"pairs\.0\.majority=3:1: must be another than the minority"),
        ({"pairs": []}, r"pairs=\[\]: must be one with 3:1 as its minority, .* give resampling\.multiples\.3_1=0"),
        ({"pairs": [PAIR, PAIR]}, r"pairs=\[3:1,3:1\]: must be one with 3:1 as its minority"),
    ],
)
def test_refuses_options(options, message):
    valid = {"multiples": {"3:1": 1}, "pairs": [PAIR], "k_neighbors": 5, "m_neighbors": 10}
    with pytest.raises(UserError, match=message):
        BorderlineSmote(**valid | options)
