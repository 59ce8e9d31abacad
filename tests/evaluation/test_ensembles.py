import numpy as np
import pandas as pd
import pytest

from oral_cancer.errors import UserError
from oral_cancer.evaluation.ensembles import columns, ensemble, ensembles, fold_weights, repetitions
from oral_cancer.evaluation.metrics import classification
from oral_cancer.evaluation.predictions import labels, probabilities
from tests.published import CLASSES


def test_an_ensemble_is_the_weighted_mean_image_by_image(run):
    one, two = (run(fold=fold).query("split == 'test'") for fold in (0, 1))
    both = pd.concat([one, two.iloc[::-1]])
    result = ensemble(both, {0: 1.0, 1: 3.0}, "mine")
    assert list(result.columns) == columns(CLASSES)
    assert set(result["ensemble"]) == {"mine"}
    assert len(result) == len(one)
    for _, row in result.iterrows():
        a, b = (part[(part["set"] == row["set"]) & (part["file"] == row["file"])].iloc[0] for part in (one, two))
        for name in ("parental", "resistant", "control"):
            assert row[name] == pytest.approx((float(a[name]) + 3 * float(b[name])) / 4, abs=1e-12)
            assert row[f"true_{name}"] == a[f"true_{name}"]


def test_weights_are_the_validation_figures_of_each_fold(study):
    runs = study[study["experiment"] == "m2"]
    weights = fold_weights(runs)
    assert list(weights) == ["simple", "weighted_accuracy", "weighted_f1"]
    assert weights["simple"] == {0: 1, 1: 1, 2: 1}
    for fold in range(3):
        part = runs.query("split == 'val' and set == 'homo'")
        part = part[part["fold"] == fold]
        expected = classification(labels(part), probabilities(part)).summary()
        assert weights["weighted_accuracy"][fold] == expected["accuracy"]
        assert weights["weighted_f1"][fold] == expected["f1_macro"]
    assert len(set(weights["weighted_accuracy"].values())) > 1


def test_all_folds_together_have_no_weights_and_do_not_join_the_cross_validation(study, run):
    assert fold_weights(run(fold="all")) == {"simple": {"all": 1}}
    mixed = pd.concat([study[study["experiment"] == "m1"], run("m1", "all")])
    assert list(fold_weights(mixed)["weighted_f1"]) == [0, 1, 2]


def test_weighted_ensembles_need_validation_of_every_fold(run):
    bare = run(fold=1)
    frame = pd.concat([run(fold=0), bare[bare["split"] == "test"]])
    assert list(fold_weights(frame)) == ["simple"]


def test_weighted_ensembles_need_something_right(run):
    frame = run()
    frame[["parental", "resistant", "control"]] = frame[["true_control", "true_parental", "true_resistant"]].to_numpy()
    assert list(fold_weights(frame)) == ["simple"]


def test_every_experiment_and_ensemble_of_a_study(study):
    mixed = ensembles(study)
    keys = list(dict.fromkeys(zip(mixed["experiment"], mixed["ensemble"], strict=True)))
    kinds = ["simple", "weighted_accuracy", "weighted_f1"]
    assert keys == [("m2", kind) for kind in kinds] + [("m1", kind) for kind in kinds] + [("m3", "simple")]
    assert set(mixed["split"]) == {"test"}


def test_a_fold_has_the_mean_of_its_seeds(run):
    trainings = [run(fold=fold, seed=seed) for fold in (0, 1) for seed in (0, 1, 2)]
    together = ensembles(pd.concat(trainings)).query("ensemble == 'simple'")
    tests = [one.query("split == 'test'").sort_values(["set", "file"]) for one in trainings]
    np.testing.assert_allclose(probabilities(together), np.mean([probabilities(one) for one in tests], axis=0))


def test_repetitions_are_the_seeds_that_have_all_folds(run):
    trainings = [run(fold=fold, seed=seed) for fold in (0, 1) for seed in (0, 1, 2)]
    found = repetitions(pd.concat([*trainings[:-1], run("m2")]))
    assert list(dict.fromkeys(zip(found["experiment"], found["split_seed"], found["seed"], strict=True))) == [
        ("m1", 0, 0),
        ("m1", 0, 1),
    ]
    of_seed = ensembles(pd.concat([trainings[1], trainings[4]])).query("ensemble == 'simple'")
    np.testing.assert_array_equal(probabilities(found[found["seed"] == 1]), probabilities(of_seed))
    assert repetitions(run()).empty


@pytest.mark.parametrize("change", ["missing", "other", "label"])
def test_folds_must_have_predicted_the_same_images(run, change):
    other = run(fold=1)
    last = other.index[-1]
    if change == "missing":
        other = other.drop(last)
    elif change == "other":
        other.loc[last, "file"] = "20X_TG1-WT3/new.tif"
    else:
        other.loc[last, ["true_parental", "true_resistant"]] = [0.25, 0.75]
    with pytest.raises(UserError, match=r"m1 fold 0 and fold 1 .*test hetero 20X_TG1-WT3/5.tif"):
        ensembles(pd.concat([run(fold=0), other]))


def test_no_test_images_no_ensembles(run):
    frame = run()
    assert ensembles(frame[frame["split"] == "val"]).empty
    assert np.array_equal(ensembles(frame.iloc[:0]).columns, columns(CLASSES))
