import json

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as reference

from oral_cancer.evaluation.metrics import classification, evaluate, mixtures, rmse
from oral_cancer.evaluation.predictions import true_columns
from tests.published import CLASSES, soft_label

ONE_HOT = np.eye(3)


def test_a_case_worked_out_by_hand():
    labels = ONE_HOT[[0, 0, 0, 1, 1, 2]]
    probabilities = np.array(
        [[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.3, 0.6, 0.1], [0.5, 0.4, 0.1], [0.1, 0.0, 0.9]]
    )
    result = classification(labels, probabilities)
    assert result.confusion.tolist() == [[2, 1, 0], [1, 1, 0], [0, 0, 1]]
    assert result.n.tolist() == [3, 2, 1]
    np.testing.assert_allclose(result.precision, [2 / 3, 1 / 2, 1])
    np.testing.assert_allclose(result.recall, [2 / 3, 1 / 2, 1])
    np.testing.assert_allclose(result.f1, [2 / 3, 1 / 2, 1])
    np.testing.assert_allclose(result.auc, [7 / 9, 6 / 8, 1])
    summary = result.summary()
    assert summary["accuracy"] == pytest.approx(4 / 6)
    assert summary["f1_macro"] == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert summary["f1_weighted"] == pytest.approx((3 * 2 / 3 + 2 * 1 / 2 + 1) / 6)
    assert summary["auc_macro"] == pytest.approx((7 / 9 + 6 / 8 + 1) / 3)


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_scikit_learn_also_with_ties(seed):
    random = np.random.default_rng(seed)
    true = np.concatenate([[0, 1, 2], random.choice(3, 60, p=[0.5, 0.4, 0.1])])
    probabilities = random.multinomial(10, [0.5, 0.3, 0.2], len(true)) / 10
    predicted = probabilities.argmax(axis=1)
    result = classification(ONE_HOT[true], probabilities)
    options = {"labels": [0, 1, 2], "zero_division": 0}
    np.testing.assert_array_equal(result.confusion, reference.confusion_matrix(true, predicted, labels=[0, 1, 2]))
    for average in ("macro", "weighted"):
        expected = reference.precision_recall_fscore_support(true, predicted, average=average, **options)[:3]
        auc = reference.roc_auc_score(true, probabilities, average=average, multi_class="ovr")
        summary = result.summary()
        found = [summary[f"{name}_{average}"] for name in ("precision", "recall", "f1", "auc")]
        np.testing.assert_allclose(found, [*expected, auc])
    per_class = reference.precision_recall_fscore_support(true, predicted, average=None, **options)[:3]
    np.testing.assert_allclose([result.precision, result.recall, result.f1], per_class)


def test_a_class_that_is_absent_has_no_auc():
    result = classification(ONE_HOT[[0, 1, 1]], ONE_HOT[[0, 1, 0]])
    np.testing.assert_array_equal(np.isnan(result.auc), [False, False, True])
    assert result.f1[2] == 0
    assert np.isnan(result.summary()["auc_macro"])


def test_rmse_sums_over_classes_and_averages_over_images():
    labels = np.array([[1.0, 0, 0], [0.25, 0.75, 0]])
    probabilities = np.array([[0.7, 0.2, 0.1], [0.5, 0.5, 0]])
    total = 0.0
    for label, probability in zip(labels, probabilities, strict=True):
        for a, b in zip(label, probability, strict=True):
            total += (a - b) ** 2
    assert rmse(labels, probabilities) == pytest.approx((total / 2) ** 0.5)
    assert rmse(ONE_HOT[[0]], ONE_HOT[[1]]) == pytest.approx(2**0.5)


def test_mixtures_are_averaged_one_by_one():
    frame = pd.DataFrame({"set": "hetero", "label": ["3:1", "1:2", "1:2"]})
    frame[true_columns(CLASSES)] = np.array([soft_label(name) for name in frame["label"]], float)
    frame[list(CLASSES)] = [[0.8, 0.2, 0], [0.4, 0.5, 0.1], [0.6, 0.3, 0.1]]
    result = mixtures(frame)
    assert list(result) == ["1:2", "3:1"]
    assert result["1:2"] == pytest.approx(
        {"n": 2, "parental": 0.5, "resistant": 0.4, "control": 0.1, "share_parental_over_resistant": 0.5}
    )
    assert result["3:1"]["share_parental_over_resistant"] == 1


def test_evaluation_of_a_run_is_json(run):
    frame = run(noise=2.0)
    result = evaluate(frame)
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert list(result) == ["val", "test"]
    homo, hetero = result["test"]["homo"], result["test"]["hetero"]
    assert homo["n"] == 18
    assert set(hetero["mixtures"]) == {"1:2", "2:1", "1:3", "3:1"}
    wrong = homo["misclassified"]
    assert 0 < len(wrong) == 18 - np.trace(homo["confusion"])
    for one in wrong:
        row = frame[(frame["file"] == one["file"]) & (frame["split"] == "test")].iloc[0]
        assert row[f"true_{one['true']}"] == 1
        assert row[one["predicted"]] == max(row[["parental", "resistant", "control"]])
        assert one["control"] == row["control"]


def test_what_is_absent_is_left_out_and_what_is_undefined_is_none(run):
    frame = run()
    frame = frame[(frame["split"] == "test") & (frame["true_parental"] == 1)]
    result = evaluate(frame)
    assert list(result) == ["test"]
    assert list(result["test"]) == ["homo"]
    assert result["test"]["homo"]["auc_macro"] is None
    assert result["test"]["homo"]["classes"]["control"]["auc"] is None


def test_two_folds_are_not_evaluated_as_one(study):
    with pytest.raises(ValueError, match="one experiment and fold"):
        evaluate(study[study["experiment"] == "m1"])
