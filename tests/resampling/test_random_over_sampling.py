from collections import Counter

import numpy as np
import pytest

from oral_cancer.resampling import RandomOverSampling
from tests.published import MIXTURES, group_names

from .conftest import resample


def added(make_data, multiple):
    images, soft_labels = make_data(dict.fromkeys(MIXTURES, 10))
    result = resample(RandomOverSampling({"3:1": multiple}), images, soft_labels)
    np.testing.assert_array_equal(result.indices[:40], np.arange(40))
    rest = result.indices[40:]
    assert set(group_names(soft_labels[rest]).tolist()) <= {"3:1"}
    return Counter(rest.tolist())


def test_adds_what_is_asked_for_of_the_mixture_named(make_data):
    assert set(added(make_data, 0.5).values()) == {1}
    assert sorted(added(make_data, 1).values()) == [1] * 10
    assert max(added(make_data, 3).values()) > 1


@pytest.mark.parametrize(("multiple", "images"), [(0, 0), (0.5, 5), (0.26, 3), (1, 10), (3, 30)])
def test_number_added(make_data, multiple, images):
    assert added(make_data, multiple).total() == images
