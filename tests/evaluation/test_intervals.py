import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from oral_cancer.evaluation.intervals import auc_interval, classification_intervals, share_interval
from oral_cancer.evaluation.metrics import area_under_roc

Floats = NDArray[np.float64]
LABELS = np.repeat(np.eye(3), 12, axis=0)


def predicted(rng: np.random.Generator, noise: float) -> Floats:
    values = np.exp(2 * LABELS + rng.normal(0, noise, LABELS.shape))
    return np.asarray(values / values.sum(axis=1, keepdims=True))


def test_all_right_is_no_certainty() -> None:
    found = classification_intervals(LABELS, LABELS[None], None, 50)
    assert found["accuracy"] == [share_interval(36, 36)]
    assert found["accuracy"][0].low == pytest.approx(36 / (36 + norm.ppf(0.975) ** 2))
    assert found["f1_macro"] == found["accuracy"]
    ((low, high),) = found["auc_macro"]
    assert 0.8 < low < 1
    assert high == 1


def test_all_right_in_few_groups_is_still_less_certain() -> None:
    groups = np.tile(np.repeat(["a", "b", "c", "d"], 3), 3)
    found = classification_intervals(LABELS, LABELS[None], groups, 50)
    assert found["accuracy"] == [share_interval(4, 4)]
    assert found["auc_macro"] == [pytest.approx(auc_interval(1.0, 4, 4))]


def test_groups_widen_intervals() -> None:
    rng = np.random.default_rng(0)
    groups = np.tile(np.arange(6).repeat(2), 3)
    values = predicted(rng, 1.0)
    bad = groups == 0
    values[bad] = values[bad][:, [1, 2, 0]]
    alone, grouped = (classification_intervals(LABELS, values[None], each, 2000) for each in (None, groups))
    for metric in ("accuracy", "auc_macro"):
        ((low, high),), ((low_grouped, high_grouped),) = alone[metric], grouped[metric]
        assert high_grouped - low_grouped > 1.1 * (high - low)


def test_a_share_near_its_bound_is_covered() -> None:
    rng = np.random.default_rng(1)
    hits = rng.binomial(60, 0.98, 2000)
    ends = np.array([share_interval(int(k), 60) for k in hits])
    assert ((ends[:, 0] <= 0.98) & (ends[:, 1] >= 0.98)).mean() > 0.93


@pytest.mark.parametrize("true", [0.8, 0.98])
def test_areas_are_covered(true: float) -> None:
    rng = np.random.default_rng(2)
    shift = np.sqrt(2) * norm.ppf(true)
    covered = []
    for _ in range(400):
        scores = np.concatenate([rng.normal(shift, 1, 20), rng.normal(0, 1, 40)])
        low, high = auc_interval(area_under_roc(np.arange(60) < 20, scores), 20, 40)
        covered.append(low <= true <= high)
    assert np.mean(covered) > 0.92


def test_an_area_that_is_undefined_has_no_interval() -> None:
    two = LABELS[LABELS[:, 2] == 0]
    ((low, high),) = classification_intervals(two, two[None], None, 50)["auc_macro"]
    assert np.isnan([low, high]).all()
