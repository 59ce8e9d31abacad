import numpy as np
import pandas as pd
import pytest

from oral_cancer.evaluation import tables
from oral_cancer.evaluation.predictions import labels, probabilities, true_columns
from oral_cancer.evaluation.yardsticks import BASELINE, GUESS, baseline, guess, soft_regression
from tests.published import CLASSES


def test_a_guess_answers_all_of_a_set_alike(run):
    frame = pd.concat([run(fold=0), run(fold=1)], ignore_index=True)
    guessed = guess(frame)
    assert set(guessed["experiment"]) == {GUESS}
    assert list(guessed["file"]) == list(frame["file"])
    mixed, pure = (probabilities(guessed[guessed["set"] == image_set]) for image_set in ("hetero", "homo"))
    np.testing.assert_allclose(mixed, [[0.5, 0.5, 0]] * len(mixed), atol=1e-6)
    np.testing.assert_allclose(pure, 1 / 3, atol=1e-6)
    summary = tables.summary(guessed).set_index(["split", "metric"])
    assert summary.loc[("test", "rmse"), "mean"] == pytest.approx(0.300, abs=5e-4)
    assert summary.loc[("test", "accuracy"), "mean"] == pytest.approx(1 / 3)


def test_what_no_image_validates_is_not_guessed(run):
    frame = run()
    frame = frame[(frame["split"] == "test") | (frame["set"] == "homo")]
    assert set(guess(frame)["set"]) == {"homo"}


def test_a_soft_regression_finds_proportions():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 2))
    odds = np.exp(np.column_stack([2 * x[:, 0], -x[:, 1], np.zeros(400)]))
    y = odds / odds.sum(axis=1, keepdims=True)
    found = soft_regression(x[:300], y[:300], x[300:])
    assert np.abs(found - y[300:]).max() < 0.05
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_a_soft_label_weighs_as_much_as_images_of_its_classes():
    x = np.array([[0.0], [0.0], [1.0], [1.0]])
    soft = soft_regression(x, np.array([[0.5, 0.5], [0.5, 0.5], [0.0, 1.0], [0.0, 1.0]]), x)
    hard = soft_regression(x, np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]]), x)
    np.testing.assert_allclose(soft, hard, atol=1e-3)


def test_of_one_class_there_is_nothing_else():
    found = soft_regression(np.eye(2), np.array([[0.0, 1.0], [0.0, 1.0]]), np.eye(2))
    np.testing.assert_array_equal(found, [[0, 1], [0, 1]])


def test_the_baseline_answers_by_the_numbers_of_the_images_it_trained_on(run):
    of_run = run(images=8)
    rng = np.random.default_rng(1)
    training = of_run[[*true_columns(CLASSES)]].assign(file=[f"trained/{n}" for n in range(len(of_run))])
    known = pd.concat([of_run[["file", *true_columns(CLASSES)]].drop_duplicates("file"), training], ignore_index=True)
    shares = labels(known)
    known["red"], known["blue"] = shares[:, 0] + rng.normal(0, 0.05, len(known)), shares[:, 1]
    found = baseline(of_run, known, training["file"])
    assert set(found["experiment"]) == {BASELINE}
    assert tables.summary(found).set_index(["split", "metric"]).loc[("test", "accuracy"), "mean"] == 1
    blind = baseline(of_run, known.assign(red=0.0, blue=0.0), training["file"])
    assert np.ptp(probabilities(blind), axis=0).max() < 1e-9
