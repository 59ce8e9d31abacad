"""ROC curves and reliability: what they say in words is what scikit-learn computes."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from oral_cancer.evaluation.predictions import classes_of, labels
from oral_cancer.study.classification_plots import reliability, roc
from tests.evaluation.conftest import make_run


@pytest.fixture
def pure() -> pd.DataFrame:
    """Test images of pure classes, as one noisy network predicts them."""
    frame = make_run("m1", 0, 2.0, images=30)
    return frame[(frame["set"] == "homo") & (frame["split"] == "test")]


def test_roc_has_the_area_of_each_class(pure: pd.DataFrame) -> None:
    (panel,) = roc(pure, ["m1", "absent"])
    areas = dict(re.findall(r"(\w+) (\d\.\d{3})", panel.description))
    true = labels(pure).argmax(axis=1)
    expected = {name: f"{roc_auc_score(true == k, pure[name]):.3f}" for k, name in enumerate(classes_of(pure))}
    assert areas == expected
    assert len(set(areas.values())) > 1


def test_reliability_counts_what_is_right_by_its_probability(pure: pd.DataFrame) -> None:
    (panel,) = reliability(pure, ["m1"])
    probabilities = pure[list(classes_of(pure))].to_numpy()
    right = probabilities.argmax(axis=1) == labels(pure).argmax(axis=1)
    top = probabilities.max(axis=1) >= 0.9
    assert top.any()
    share, mean = right[top].mean(), probabilities.max(axis=1)[top].mean()
    assert panel.description.endswith(f"{share:.0%} at {mean:.2f}")
    assert np.isfinite([float(text) for text in re.findall(r"at (\d\.\d\d)", panel.description)]).all()
