import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from oral_cancer.evaluation.calibration import SLOPES, Calibration, calibrate, fit
from oral_cancer.evaluation.metrics import rmse
from oral_cancer.evaluation.predictions import RUN, labels, probabilities
from tests.published import MIXTURES, soft_label

TRUTH = np.array([soft_label(name) for name in MIXTURES for _ in range(10)], float)


def shrunk(random: np.random.Generator, towards: float, by: float, noise: float = 0.03) -> np.ndarray:
    share = (1 - by) * TRUTH[:, 0] + by * towards + random.normal(0, noise, len(TRUTH))
    control = random.uniform(0, 0.1, len(TRUTH))
    return np.stack([share * (1 - control), (1 - share) * (1 - control), control], axis=1)


def test_shrunk_predictions_gain_on_images_not_fitted_on():
    random = np.random.default_rng(0)
    calibration = fit(TRUTH, shrunk(random, towards=0.55, by=0.5))
    fresh = shrunk(random, towards=0.55, by=0.5)
    assert calibration.slope > 1.5
    assert rmse(TRUTH, calibration.apply(fresh)) < 0.6 * rmse(TRUTH, fresh)


def test_nothing_to_gain_nothing_changes():
    exact = fit(TRUTH, TRUTH)
    assert (exact.intercepts, exact.slope) == ((0, 0), 1)
    random = np.random.default_rng(1)
    calibration = fit(TRUTH, shrunk(random, towards=0.5, by=0.0, noise=0.02))
    assert calibration.intercepts[0] == pytest.approx(0, abs=0.1)
    assert calibration.slope == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("seed", range(10))
def test_rmse_never_rises_on_the_images_fitted_on(seed):
    random = np.random.default_rng(seed)
    few = random.choice(len(TRUTH), 6, replace=False)
    predicted = random.dirichlet([1, 1, 0.2], 6)
    assert rmse(TRUTH[few], fit(TRUTH[few], predicted).apply(predicted)) <= rmse(TRUTH[few], predicted) + 1e-9


@pytest.mark.parametrize("slope", [*SLOPES, 1.2])
def test_rows_stay_shares_control_stays_and_order_is_kept(slope):
    predicted = np.random.default_rng(2).dirichlet([0.3, 0.3, 0.3], 500)
    mapped = Calibration((0, 1), (0.4, 0.0), slope).apply(predicted)
    assert (mapped >= 0).all()
    np.testing.assert_allclose(mapped.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_array_equal(mapped[:, 2], predicted[:, 2])
    before, after = (part[:, 0] / part[:, :2].sum(axis=1) for part in (predicted, mapped))
    assert (np.diff(after[np.argsort(before)]) >= 0).all()


def test_pure_images_stay_pure_and_nearly_pure_ones_nearly():
    pure = np.eye(3)
    calibration = Calibration((0, 1), (0.5, 0.0), 1.3)
    np.testing.assert_array_equal(calibration.apply(pure), pure)
    nearly = np.array([[0.98, 0.01, 0.01], [0.01, 0.98, 0.01], [0.01, 0.01, 0.98]])
    assert (calibration.apply(nearly).max(axis=1) > 0.97).all()
    worst = Calibration((0, 1), (0.0, 0.0), SLOPES[0]).apply(np.array([[0.99, 0.01, 0.0]]))
    assert worst[0, 0] > 0.9


def test_the_slope_is_bounded_where_predictions_say_nothing():
    predicted = np.random.default_rng(3).dirichlet([1, 1, 0.1], len(TRUTH))
    assert fit(TRUTH, predicted).slope == pytest.approx(SLOPES[0], abs=1e-3)


def test_one_mixture_is_not_enough():
    with pytest.raises(ValueError, match="two mixtures"):
        fit(TRUTH[:10], TRUTH[:10])


def test_a_calibration_is_json():
    calibration = fit(TRUTH, shrunk(np.random.default_rng(0), 0.5, 0.5))
    written = json.loads(json.dumps(asdict(calibration)))
    assert Calibration(tuple(written["mixing"]), tuple(written["intercepts"]), written["slope"]) == calibration


def test_each_fold_is_calibrated_by_its_own_validation_images(run):
    frame = pd.concat([run(fold=0, shrink=0.5, images=20), run(fold=1, images=20)], ignore_index=True)
    test, validation = (frame[frame["split"] == split] for split in ("test", "val"))
    result = calibrate(test, validation, RUN)
    assert result.drop(columns=["parental", "resistant", "control"]).equals(
        test.drop(columns=["parental", "resistant", "control"])
    )
    for fold in (0, 1):
        own = validation[(validation["fold"] == fold) & (validation["set"] == "hetero")]
        raw, mapped = (part[part["fold"] == fold] for part in (test, result))
        expected = fit(labels(own), probabilities(own)).apply(probabilities(raw))
        np.testing.assert_allclose(probabilities(mapped), expected)


def test_folds_without_validation_mixtures_are_left_out(run):
    frame = pd.concat([run(fold=0), run(fold=1)], ignore_index=True)
    test, validation = (frame[frame["split"] == split] for split in ("test", "val"))
    poor = validation[(validation["fold"] == 0) | (validation["true_parental"] == 0.75)]
    assert set(calibrate(test, poor, RUN)["fold"]) == {0}
    assert calibrate(test, validation.iloc[:0], RUN).empty


def test_no_image_has_a_say_in_the_calibration_that_it_is_judged_by(run):
    frame = run(fold=0, shrink=0.5, images=20)
    test, validation = (frame[frame["split"] == split].reset_index(drop=True) for split in ("test", "val"))
    before = calibrate(test, validation, RUN)
    half = test.index % 2 == 0
    others = test.copy()
    others.loc[half, ["parental", "resistant", "control"]] = [0.2, 0.3, 0.5]
    others.loc[half, ["true_parental", "true_resistant", "true_control"]] = [0.0, 0.0, 1.0]
    after = calibrate(others, validation, RUN)
    pd.testing.assert_frame_equal(after[~half], before[~half])
