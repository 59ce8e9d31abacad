import time

import numpy as np
import pandas as pd
import pytest

from oral_cancer.errors import UserError
from oral_cancer.evaluation import bootstrap, metrics, tables
from oral_cancer.evaluation.ensembles import Ensembles
from oral_cancer.evaluation.predictions import labels, probabilities

FEW = 300


def test_folds_have_homo_classification_and_hetero_rmse(study):
    table = tables.folds(study)
    assert list(table.columns) == [
        "experiment", "fold", "split_seed", "seed", "split",
        "accuracy", "precision_macro", "recall_macro", "f1_macro", "auc_macro",
        "precision_weighted", "recall_weighted", "f1_weighted", "auc_weighted", "rmse",
    ]  # fmt: skip
    assert len(table) == 7 * 2
    row = table[(table["experiment"] == "m2") & (table["fold"] == 1) & (table["split"] == "test")].iloc[0]
    part = study[(study["experiment"] == "m2") & (study["fold"] == 1) & (study["split"] == "test")]
    figures = metrics.evaluate(part)["test"]
    assert row["accuracy"] == figures["homo"]["accuracy"]
    assert row["auc_weighted"] == figures["homo"]["auc_weighted"]
    assert row["rmse"] == figures["hetero"]["rmse"]


def test_classes_have_the_confusion_row(study):
    table = tables.classes(study)
    assert list(table.columns) == [
        "experiment", "fold", "split_seed", "seed", "split", "class", "n", "precision", "recall", "f1", "auc",
        "predicted_parental", "predicted_resistant", "predicted_control",
    ]  # fmt: skip
    assert len(table) == 7 * 2 * 3
    confusion = table[[f"predicted_{name}" for name in ("parental", "resistant", "control")]]
    assert (confusion.sum(axis=1) == table["n"]).all()
    resistant = table[table["class"] == "resistant"]
    np.testing.assert_allclose(resistant["recall"], resistant["predicted_resistant"] / resistant["n"])


def test_mixtures_have_mean_probabilities(study):
    table = tables.mixtures(study)
    assert list(table.columns) == [
        "experiment", "fold", "split_seed", "seed", "split", "mixture", "n", "parental", "resistant", "control",
        "share_parental_over_resistant",
    ]  # fmt: skip
    assert len(table) == 7 * 2 * 4
    np.testing.assert_allclose(table[["parental", "resistant", "control"]].sum(axis=1), 1, atol=1e-6)


def test_summary_is_mean_and_sd_over_folds(study):
    table = tables.summary(study)
    assert list(table.columns) == ["experiment", "split", "metric", "mean", "sd", "n_folds", "n_runs", "n"]
    runs = tables.folds(study)
    for (experiment, split, metric), row in table.set_index(["experiment", "split", "metric"]).iterrows():
        values = runs[(runs["experiment"] == experiment) & (runs["split"] == split)][metric]
        assert row["mean"] == pytest.approx(sum(values) / len(values))
        if len(values) > 1:
            assert row["sd"] == pytest.approx(np.std(values, ddof=1))
        assert row["n_folds"] == row["n_runs"] == len(values)
        images = 24 if metric == "rmse" else 18 if split == "test" else 18 * len(values)
        assert row["n"] == images
    assert list(dict.fromkeys(table["experiment"])) == ["m2", "m1", "m3"]


def test_in_sample_validation_is_in_no_summary(study, run):
    alone = tables.summary(study).query("experiment == 'm3'")
    assert set(alone["split"]) == {"val", "test"}
    assert set(alone[alone["split"] == "val"]["metric"]) == {"rmse"}  # of mixtures, which it was not trained on
    assert alone["sd"].isna().all()
    beside = pd.concat([study, run("m1", "all", noise=5.0)])
    pd.testing.assert_frame_equal(
        tables.summary(beside).query("experiment == 'm1'"), tables.summary(study).query("experiment == 'm1'")
    )


def test_ensemble_figures_with_intervals(study):
    table = tables.ensemble(Ensembles.of(study), FEW)
    assert list(table.columns) == [
        "experiment", "ensemble", "accuracy", "precision_macro", "recall_macro", "f1_macro", "auc_macro", "rmse",
        "accuracy_low", "accuracy_high", "f1_macro_low", "f1_macro_high", "auc_macro_low", "auc_macro_high",
        "rmse_low", "rmse_high", "n_pure", "n_mixed",
    ]  # fmt: skip
    assert len(table) == 7
    assert set(table["n_pure"]) == {18}
    assert set(table["n_mixed"]) == {24}
    for metric in ("accuracy", "f1_macro", "auc_macro", "rmse"):
        assert (table[f"{metric}_low"] <= table[metric]).all()
        assert (table[metric] <= table[f"{metric}_high"]).all()
    mixed = Ensembles.of(study).raw
    part = mixed[(mixed["experiment"] == "m2") & (mixed["ensemble"] == "weighted_f1") & (mixed["set"] == "hetero")]
    row = table[(table["experiment"] == "m2") & (table["ensemble"] == "weighted_f1")].iloc[0]
    assert row["rmse"] == pytest.approx(metrics.rmse(labels(part), probabilities(part)))
    draws = bootstrap.resampled_rmse(labels(part), probabilities(part)[None], part["label"], FEW)
    assert [row["rmse_low"], row["rmse_high"]] == pytest.approx(np.quantile(draws, [0.025, 0.975]).tolist())
    pd.testing.assert_frame_equal(
        table,
        tables.ensemble(Ensembles.of(study.sample(frac=1, random_state=0)), FEW)
        .set_index(["experiment", "ensemble"])
        .loc[list(zip(table["experiment"], table["ensemble"], strict=True))]
        .reset_index(),
    )


COLUMNS_OF_DIFFERENCES = [
    *("experiment_a", "experiment_b", "ensemble", "metric"),
    *("difference", "low", "high", "p", "trainings", "p_holm"),
]


def test_with_one_seed_ensembles_are_compared_on_their_images_and_nothing_is_tested(study):
    table = tables.differences(Ensembles.of(study), FEW)
    assert list(table.columns) == COLUMNS_OF_DIFFERENCES
    assert [*zip(table["experiment_a"], table["experiment_b"], strict=True)] == [
        ("m2", "m1"), ("m2", "m3"), ("m1", "m3"),
    ]  # fmt: skip
    first = table.iloc[0]
    rmse = tables.ensemble(Ensembles.of(study), FEW).query("ensemble == 'simple'").set_index("experiment")["rmse"]
    assert first["difference"] == pytest.approx(rmse["m2"] - rmse["m1"])
    assert 0 < first["low"] < first["difference"] < first["high"]
    assert set(table["trainings"]) == {1}
    assert table[["p", "p_holm"]].isna().all(axis=None)


def repeated(run, seeds: int, **noise: float) -> pd.DataFrame:
    runs = [
        run(name, fold, of_one, seed=seed) for name, of_one in noise.items() for fold in (0, 1) for seed in range(seeds)
    ]
    return pd.concat(runs, ignore_index=True)


def test_under_three_seeds_there_is_no_p(run):
    table = tables.differences(Ensembles.of(repeated(run, 2, m1=0.3, m2=2.0)), FEW)
    assert table["trainings"].item() == 2
    assert np.isnan(table["p"].item())


def test_from_three_seeds_on_differences_are_tested_over_trainings_and_images(run):
    frame = repeated(run, 3, m1=0.3, m2=2.0, m3=0.31)
    mixed = Ensembles.of(pd.concat([frame, run("once", 0)]))
    table = tables.differences(mixed, FEW).set_index(["experiment_a", "experiment_b"])
    clear = table.loc["m1", "m2"]
    losses = {
        name: np.stack(
            [
                metrics.squared_errors(labels(part), probabilities(part))
                for _, part in mixed.repeated.query("experiment == @name and set == 'hetero'").groupby("seed")
            ]
        )
        for name in ("m1", "m2")
    }
    assert clear["difference"] == pytest.approx(
        np.sqrt(losses["m1"].mean(axis=1)).mean() - np.sqrt(losses["m2"].mean(axis=1)).mean()
    )
    assert clear["high"] < 0
    assert clear["p_holm"] < 0.05
    assert table.loc[("m1", "m3"), "p_holm"] > 0.05
    tested = table[table["trainings"] == 3]
    assert len(tested) == 3
    np.testing.assert_allclose(tested["p_holm"], bootstrap.holm(tested["p"].tolist()))
    assert table.loc[("m1", "once"), ["p", "p_holm"]].isna().all()


def test_an_experiment_does_not_differ_from_its_copy(study, run):
    runs = study[study["experiment"] == "m1"]
    table = tables.differences(Ensembles.of(pd.concat([runs, runs.assign(experiment="copy")])), FEW)
    assert (table[["difference", "low", "high"]] == 0).all(axis=None)
    three = repeated(run, 3, m1=0.5)
    table = tables.differences(Ensembles.of(pd.concat([three, three.assign(experiment="copy")])), FEW)
    assert table["difference"].item() == 0
    assert table["p"].item() == 1


def test_pure_classes_alone_are_compared_by_accuracy(run):
    homo = repeated(run, 3, m1=0.3, m2=3.0)
    homo = homo[homo["set"] == "homo"]
    table = tables.differences(Ensembles.of(homo), FEW)
    assert table["metric"].item() == "accuracy"
    assert table["difference"].item() > 0


def test_groups_are_judged_each_by_itself(run):
    frame = pd.concat([run(fold=fold) for fold in (0, 1)], ignore_index=True)
    assert tables.groups(frame).empty
    frame["group"] = ["a" if file.endswith(("0.tif", "1.tif")) else "b" for file in frame["file"]]
    bad = frame["group"].eq("b") & frame["set"].eq("homo")
    names = ["parental", "resistant", "control"]
    frame.loc[bad, names] = frame.loc[bad, [f"true_{name}" for name in (*names[1:], names[0])]].to_numpy()
    table = tables.groups(frame).set_index(["split", "group"])
    assert table.loc[("test", "a"), "n"] == 2 * 7
    assert table.loc[("test", "b"), "n"] == 4 * 7
    assert table.loc[("test", "b"), "accuracy"] == 0
    assert table.loc[("test", "a"), "accuracy"] > 0.5
    assert (table["rmse"] > 0).all()


def test_intervals_over_groups_reach_as_far_as_over_images_alone(run):
    frame = pd.concat([run(fold=fold) for fold in (0, 1)], ignore_index=True)
    low, high = ([f"{name}_{end}" for name in ("accuracy", "f1_macro", "auc_macro", "rmse")] for end in ("low", "high"))
    alone = tables.ensemble(Ensembles.of(frame), FEW)
    one = tables.ensemble(Ensembles.of(frame.assign(group="a")), FEW)
    pd.testing.assert_frame_equal(one, alone)
    last = frame["file"].str[-5].astype(int)  # each image's number within its label
    assert last.nunique() > 2
    alike = tables.ensemble(Ensembles.of(frame.assign(group=np.where(last % 2, "a", "b"))), FEW)
    assert (alike[low].to_numpy() <= alone[low].to_numpy()).all()
    assert (alike[high].to_numpy() >= alone[high].to_numpy()).all()


def test_experiments_must_have_predicted_the_same_images(study, run):
    other = Ensembles.of(pd.concat([study, run("m4", 0, images=5)]))
    for table in (tables.ensemble, tables.differences):
        with pytest.raises(UserError, match="m2 and m4 did not predict the same images"):
            table(other, FEW)


def test_tables_of_one_set_have_the_other_as_nan(study):
    homo = study[study["set"] == "homo"]
    assert tables.folds(homo)["rmse"].isna().all()
    assert "rmse" not in set(tables.summary(homo)["metric"])
    mixed = Ensembles.of(homo)
    table = tables.ensemble(mixed, FEW)
    assert table[["rmse", "rmse_low", "rmse_high"]].isna().all(axis=None)
    assert table["accuracy_low"].notna().all()
    assert tables.mixtures(homo).empty
    assert set(tables.differences(mixed)["metric"]) == {"accuracy"}


@pytest.mark.slow
def test_intervals_and_differences_of_a_whole_study_take_seconds(run):
    study = pd.concat([run(f"m{number}", fold, images=45) for number in range(1, 6) for fold in range(5)])
    start = time.process_time()
    mixed = Ensembles.of(study)
    assert len(tables.ensemble(mixed)) == 15
    assert len(tables.differences(mixed)) == 10
    assert time.process_time() - start < 5
