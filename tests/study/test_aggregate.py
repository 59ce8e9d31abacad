"""The tables of a study: their columns, their figures, their marks."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from oral_cancer.evaluation.ensembles import Ensembles
from oral_cancer.evaluation.predictions import RUN, labels, probabilities
from oral_cancer.study.aggregate import TABLES, ranking, write_tables
from oral_cancer.study.runs import Study, read_study
from tests.study.made_up import few_resamples, write_plan, write_run, write_study

FIGURES = [
    "accuracy",
    *[f"{metric}_macro" for metric in ("precision", "recall", "f1", "auc")],
    *[f"{metric}_weighted" for metric in ("precision", "recall", "f1", "auc")],
    "rmse",
]
COLUMNS = {
    "folds": [*RUN, "split", *FIGURES],
    "classes": [*RUN, "split", "class", "n", "precision", "recall", "f1", "auc"],
    "mixtures": [
        *[*RUN, "split", "mixture", "n", "parental", "resistant", "control"],
        "share_parental_over_resistant",
    ],
    "summary": ["experiment", "split", "metric", "mean", "sd", "n_folds", "n_runs", "n"],
    "ensemble": [
        *["experiment", "ensemble", "accuracy", "precision_macro", "recall_macro", "f1_macro", "auc_macro", "rmse"],
        *["accuracy_low", "accuracy_high", "f1_macro_low", "f1_macro_high", "auc_macro_low", "auc_macro_high"],
        *["rmse_low", "rmse_high", "n_pure", "n_mixed"],
    ],
}


@pytest.fixture(scope="module", autouse=True)
def quick():
    with few_resamples():
        yield


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return read_study(write_study(tmp_path_factory.mktemp("studies") / "paper", ["m1", "m2"], [0, 1]))


@pytest.fixture(scope="module")
def folder(study):
    return written(study, study.folder / "tables")


def written(study: Study, folder: Path) -> Path:
    write_tables(study, Ensembles.of(study.predictions), folder)
    return folder


def test_the_files(folder):
    assert sorted(path.name for path in folder.iterdir()) == sorted(f"{name}.csv" for name in TABLES)


@pytest.mark.parametrize("name", COLUMNS)
def test_columns(folder, name):
    columns = list(pd.read_csv(folder / f"{name}.csv").columns)
    confusion = ["predicted_parental", "predicted_resistant", "predicted_control"] if name == "classes" else []
    assert columns == COLUMNS[name] + confusion


def test_summary_and_mixtures_equal_a_plain_computation(study, folder):
    frame = study.predictions
    truth, predicted = labels(frame), probabilities(frame)
    frame = frame.assign(
        right=truth.argmax(axis=1) == predicted.argmax(axis=1), error=((truth - predicted) ** 2).sum(axis=1)
    )
    by_run = ["experiment", "split", "fold"]
    accuracy = frame[frame["set"] == "homo"].groupby(by_run)["right"].mean()
    rmse = np.sqrt(frame[frame["set"] == "hetero"].groupby(by_run)["error"].mean())
    summary = pd.read_csv(folder / "summary.csv").set_index(["metric", "experiment", "split"])
    for metric, values in (("accuracy", accuracy), ("rmse", rmse)):
        expected = values.groupby(["experiment", "split"]).agg(["mean", "std"])
        found = summary.loc[metric].loc[expected.index]
        np.testing.assert_allclose(found[["mean", "sd"]], expected, rtol=1e-12)
        assert (found["n_folds"] == 2).all()

    third = frame[(frame["set"] == "hetero") & np.isclose(frame["true_parental"], 1 / 3)]
    expected = third.astype({"parental": float}).groupby(by_run)["parental"].mean()
    mixtures = pd.read_csv(folder / "mixtures.csv").query("mixture == '1:2'").set_index(["experiment", "split", "fold"])
    np.testing.assert_allclose(mixtures.loc[expected.index, "parental"], expected, rtol=1e-12)


def test_the_same_runs_give_the_same_bytes(study, folder, tmp_path):
    written(study, tmp_path)
    assert all((tmp_path / f"{name}.csv").read_bytes() == (folder / f"{name}.csv").read_bytes() for name in TABLES)


def test_marks_come_and_go(tmp_path):
    write_run(tmp_path, "m1", 0, source="simulated")
    write_plan(tmp_path, ("m1", 0), ("m1", 1))
    written(read_study(tmp_path), tmp_path / "tables")
    assert (tmp_path / "tables/INCOMPLETE.txt").read_text() == (
        "Made from 1 of 2 runs. Lacking:\nm1/fold=1: not started\n"
    )

    write_run(tmp_path, "m1", 1, source="simulated")
    written(read_study(tmp_path), tmp_path / "tables")
    assert not (tmp_path / "tables/INCOMPLETE.txt").exists()
    for name in TABLES:
        assert "images" in pd.read_csv(tmp_path / "tables" / f"{name}.csv").columns
    assert set(pd.read_csv(tmp_path / "tables" / "summary.csv")["images"]) == {"simulated"}


def test_ranking_is_by_validation_alone():
    rows = [
        ("m1", "val", 0.3),
        ("m1", "test", 0.1),
        ("m2", "val", 0.2),
        ("m2", "test", 0.4),
        ("m3", "test", 0.05),  # trained on all images together
    ]
    summary = pd.DataFrame(rows, columns=["experiment", "split", "mean"]).assign(metric="rmse")
    assert ranking(summary) == ["m2", "m1", "m3"]
