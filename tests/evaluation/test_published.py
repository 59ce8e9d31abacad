"""The figures of the published predictions of M5, out of the functions that every study goes through."""

from pathlib import Path

import pandas as pd
import pytest

from oral_cancer.evaluation import tables
from oral_cancer.evaluation.ensembles import Ensembles, ensemble
from oral_cancer.evaluation.metrics import classification, rmse
from oral_cancer.evaluation.predictions import (
    columns,
    labels,
    probabilities,
    read_predictions,
    true_columns,
    write_predictions,
)
from tests.published import CLASSES, group_names

PUBLISHED = Path(__file__).resolve().parents[2] / ".." / "shared" / "published"

pytestmark = pytest.mark.skipif(
    not (PUBLISHED / "m5_test_hetero.csv").exists(), reason="the published predictions are not beside the project"
)


@pytest.fixture(scope="module")
def published() -> pd.DataFrame:
    sets = [
        pd.read_csv(PUBLISHED / f"m5_test_{image_set}.csv").assign(
            experiment="m5", split_seed=0, seed=0, split="test", set=image_set
        )
        for image_set in ("homo", "hetero")
    ]
    frame = pd.concat(sets, ignore_index=True)
    return frame.assign(label=group_names(frame[true_columns(CLASSES)].to_numpy()))


def weights(published: pd.DataFrame, name: str) -> dict[int, float]:
    if name == "simple":
        return dict.fromkeys(range(5), 1.0)
    column = {"weighted_accuracy": "val_accuracy", "weighted_f1": "val_f1_macro"}[name]
    return published.groupby("fold")[column].first().to_dict()


@pytest.mark.parametrize(
    ("name", "expected"),
    [("simple", 0.1592265), ("weighted_accuracy", 0.1589287), ("weighted_f1", 0.1589276)],
)
def test_ensembles(published, name, expected):
    mixed = ensemble(published[columns(CLASSES)], weights(published, name), name)
    homo, hetero = (mixed[mixed["set"] == image_set] for image_set in ("homo", "hetero"))
    assert classification(labels(homo), probabilities(homo)).summary()["accuracy"] == 1.0
    assert rmse(labels(hetero), probabilities(hetero)) == pytest.approx(expected, abs=1e-6)


def test_single_models(published):
    table = tables.summary(published[columns(CLASSES)]).set_index("metric")
    for metric, mean, sd in (("accuracy", 0.9900, 0.0107), ("auc_macro", 1.0, 0.0), ("rmse", 0.1915, 0.0235)):
        assert table.loc[metric, "mean"] == pytest.approx(mean, abs=5e-5)
        assert table.loc[metric, "sd"] == pytest.approx(sd, abs=5e-5)
        assert table.loc[metric, "n_folds"] == 5


def test_the_files_survive_our_format(published, tmp_path):
    write_predictions(tmp_path / "predictions.csv", published)
    back = read_predictions(tmp_path / "predictions.csv")
    table = tables.ensemble(Ensembles.of(back), n_resamples=200)
    assert table["ensemble"].tolist() == ["simple"]
    assert table["rmse"].item() == pytest.approx(0.1592265, abs=1e-6)
    assert table["rmse_low"].item() < 0.1592265 < table["rmse_high"].item()
    assert table["accuracy"].item() == 1.0
