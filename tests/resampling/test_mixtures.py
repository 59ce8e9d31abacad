import math

import numpy as np
import pytest

from oral_cancer.errors import UserError
from oral_cancer.resampling import EnnRandomOverSampling, RandomOverSampling
from oral_cancer.resampling.mixtures import Rows


def multiples(**options):
    return RandomOverSampling(options).multiples


def test_both_spellings_of_a_mixture_in_the_order_given():
    rows = Rows(np.repeat(["1:2", "3:1"], [4, 2]))
    assert list(rows.to_add(multiples(**{"3_1": 2, "1:2": 0.5})).items()) == [("3:1", 4), ("1:2", 2)]


@pytest.mark.parametrize("value", [-1, -0.01, math.nan, math.inf, "2", None, True])
def test_refuses_what_is_no_multiple(value):
    with pytest.raises(UserError, match=r"^resampling\.multiples\.3_1=\S+: must be a finite number of at least 0$"):
        multiples(**{"3_1": value})


@pytest.mark.parametrize("key", ["parental", "5_1", "3/1", 181])
def test_refuses_what_no_training_image_is(key):
    treatment = RandomOverSampling({key: 1})
    with pytest.raises(UserError, match=rf"^resampling: the training set has no image of {key}, but of 3:1, 1:2; "):
        treatment.check_labels(np.array(["3:1", "1:2"]))


def test_refuses_a_mixture_named_twice():
    with pytest.raises(UserError, match=r"multiples=.*: must be a multiple for each label, none of them twice"):
        multiples(**{"3_1": 1, "3:1": 2})


def test_any_class_can_be_enlarged():
    images, labels = np.zeros((6, 4, 4, 3), np.uint8), np.array(["b cell", "T cell", "b cell"] * 2)
    soft_labels = np.eye(2, dtype=np.float32)[(labels == "T cell").astype(int)]
    treated = RandomOverSampling({"T cell": 1}).fit_resample(images, soft_labels, 0, labels)
    assert treated.soft_labels.sum(axis=0).tolist() == [4, 4]


def test_lists_every_problem():
    with pytest.raises(UserError) as caught:
        multiples(**{"3_1": -1, "4_1": 2, "1_2": math.nan})
    assert len(caught.value.lines) == 2


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"kind": "all"}, r"pairs\.1\.kind: is no option"), ({"keep": None}, r"1\.keep=null: must")],
)
def test_a_pair_has_its_fields_and_no_others(wrong, said):
    pair = {"mixtures": ["2:1", "1:2"], "sampling_strategy": "all", "keep": []}
    assert EnnRandomOverSampling({}, [pair], 3).pairs[0].model_dump() == pair
    with pytest.raises(UserError, match=said):
        EnnRandomOverSampling({}, [pair, pair | wrong], 3)


def test_fractions_are_rounded_to_whole_images():
    rows = Rows(np.repeat(["1:3"], 10))
    assert [rows.to_add({"1:3": multiple})["1:3"] for multiple in (0, 0.04, 0.26, 1, 2.5)] == [0, 0, 3, 10, 25]


def test_rows_of_each_label():
    rows = Rows(np.array(["3:1", "control", "3:1", "1:2"]))
    found = {name: rows[name].tolist() for name in rows.by_label}
    assert found == {"3:1": [0, 2], "control": [1], "1:2": [3]}
    assert rows["3_1"].tolist() == rows["3to1"].tolist() == [0, 2]


def test_auto_raises_every_label_to_the_most_frequent():
    rows = Rows(np.repeat(["a", "b", "1:1"], [5, 3, 4]))
    assert rows.to_add(None) == {"a": 0, "b": 2, "1:1": 1}
    assert RandomOverSampling("auto").multiples is None
