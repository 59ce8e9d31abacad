import math

import numpy as np
import pytest

from oral_cancer.errors import UserError
from tests.published import soft_label
from oral_cancer.resampling.enn_ros import CleaningPair
from oral_cancer.resampling.mixtures import images_to_add, read_multiples, read_pairs, rows_by_group


def test_both_spellings_of_a_mixture():
    assert read_multiples({"3_1": 2, "1:2": 0.5}) == {"3:1": 2, "1:2": 0.5}


@pytest.mark.parametrize("value", [-1, -0.01, math.nan, math.inf, "2", None])
def test_refuses_what_is_no_multiple(value):
    with pytest.raises(UserError, match=r"resampling\.multiples\.3_1: .* give a finite number of at least 0"):
        read_multiples({"3_1": value})


@pytest.mark.parametrize("key", ["parental", "5_1", "3/1", 181])
def test_refuses_what_is_no_mixture(key):
    with pytest.raises(UserError, match=rf'{key}.* is no mixture; choose from "1_2", "2_1", "1_3", "3_1"'):
        read_multiples({key: 1})


def test_refuses_a_mixture_named_twice():
    with pytest.raises(UserError, match="'3:1' names a mixture a second time"):
        read_multiples({"3_1": 1, "3:1": 2})


def test_lists_every_problem():
    with pytest.raises(UserError) as caught:
        read_multiples({"3_1": -1, "4_1": 2, "1_2": math.nan})
    assert len(caught.value.lines) == 3


def test_a_pair_has_its_fields_and_no_others():
    pair = {"mixtures": ["2:1", "1:2"], "sampling_strategy": "all", "keep": []}
    assert read_pairs(CleaningPair, [pair]) == [CleaningPair(**pair)]
    for wrong in (pair | {"kind": "all"}, {"mixtures": ["2:1", "1:2"]}):
        with pytest.raises(UserError, match="give mixtures, sampling_strategy, keep"):
            read_pairs(CleaningPair, [pair, wrong])


def test_fractions_are_rounded_to_whole_images():
    assert [images_to_add(multiple, 10) for multiple in (0, 0.04, 0.26, 1, 2.5)] == [0, 0, 3, 10, 25]


def test_rows_by_group():
    soft_labels = np.array([soft_label(name) for name in ("3:1", "control", "3:1", "1:2")])
    rows = rows_by_group(soft_labels, needed=["3:1"])
    assert {name: found.tolist() for name, found in rows.items()} == {"3:1": [0, 2], "control": [1], "1:2": [3]}
