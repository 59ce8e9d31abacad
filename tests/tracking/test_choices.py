"""What is chosen for W&B, without any run of it."""

import numpy as np
import pandas as pd
import wandb

from oral_cancer.experiments import compose_settings
from oral_cancer.settings import resolved
from oral_cancer.tracking.config import chosen
from oral_cancer.tracking.identity import LONGEST, artifact_name, curve, key
from oral_cancer.tracking.tables import OF_EACH, OFF, UNCERTAIN, WRONG, plots, table, to_look_at
from tests.evaluation.conftest import make_run
from tests.published import CLASSES


def test_every_experiments_config_is_flat_and_says_what_it_is() -> None:
    facts = {"source": "/data/ann/cells", "fingerprint": "f" * 64, "weights": "imagenet (a hub)", "devices": 1}
    for overrides, treatment, network in (
        (["experiment=m3"], "BorderlineSmote", "tf_efficientnet_b3.aa_in1k"),
        (["experiment=m5", "model=efficientnet_lite0"], "EnnRandomOverSampling", "tf_efficientnet_lite0"),
        (["model=linear_probe"], "NoResampling", "tf_efficientnet_lite0"),
    ):
        found = chosen(resolved(compose_settings(overrides)), facts)
        assert (found["treatment"], found["network"], found["data"]) == (treatment, network, "cells")
        assert all(isinstance(value, str | int | float) for value in found.values())
        assert found["weights"] == "imagenet"
        assert ("learning_rate" in found) != ("ridge" in found)


def test_names_hold_what_wandb_takes() -> None:
    assert artifact_name("network", "paper", "m5/fold=0,seed=1") == "network-paper-m5-fold-0-seed-1"
    long = [artifact_name("network", "ä" * 40, f"{'x' * 200}/fold={fold}") for fold in (0, 1)]
    assert long[0] != long[1]
    assert max(map(len, long)) <= LONGEST
    assert key("plots", "Test: macro F1") == "plots/Test_macro_F1"
    assert [curve(name) for name in ("val_rmse", "epoch", "lr-Adam/pg 1")] == [
        "curves/val_rmse",
        "epoch",
        "lr-Adam/pg_1",
    ]


def test_images_to_look_at_are_the_wrong_ones_the_least_certain_and_those_furthest_off() -> None:
    frame = make_run("m1", 0, 4.0, images=30).reset_index(drop=True)
    why = to_look_at(frame)
    assert why[why != ""].value_counts().max() <= OF_EACH
    truth, shares = (frame[[f"{before}{cls}" for cls in CLASSES]].to_numpy() for before in ("true_", ""))
    wrong, pure = truth.argmax(axis=1) != shares.argmax(axis=1), (frame["set"] == "homo").to_numpy()
    assert set(why[wrong & pure]) <= {WRONG, ""}
    assert (why == WRONG).sum() == min(OF_EACH, (wrong & pure).sum()) > 0
    certain = shares.max(axis=1)
    assert certain[why == UNCERTAIN].max() <= certain[pure & ~wrong & (why == "")].min()
    off = ((truth - shares) ** 2).sum(axis=1)
    assert off[why == OFF].min() >= off[~pure & (why == "")].max()
    asked: list[str] = []

    def picture(file: str) -> None:
        asked.append(file)

    shown = table(frame, why, picture)
    assert asked == [row[shown.columns.index("file")] for row in shown.data[: len(asked)]]
    assert len(asked) == (why != "").sum()


def test_plots_are_of_pure_images_and_of_the_classes_that_have_some() -> None:
    frame = make_run("m1", 0, 0.3)
    frame = frame[(frame["label"] != CLASSES[1]) & (frame["split"] == "test")]
    pure = frame[frame["set"] == "homo"]
    found = dict(plots(frame))
    assert set(found) == {"test/confusion", "test/roc"}
    confusion = pd.DataFrame(found["test/confusion"].table.data, columns=found["test/confusion"].table.columns)
    assert confusion["nPredictions"].sum() == len(pure)
    roc = pd.DataFrame(found["test/roc"].table.data, columns=found["test/roc"].table.columns)
    assert set(roc["class"]) == {CLASSES[0], CLASSES[2]}
    of_class = roc[roc["class"] == CLASSES[2]]
    expected = wandb.plot.roc_curve(
        (pure["label"] == CLASSES[2]).astype(int).tolist(),
        np.stack([1 - pure[CLASSES[2]], pure[CLASSES[2]]], axis=1).tolist(),
    ).table.get_dataframe()
    np.testing.assert_allclose(of_class["tpr"], expected[expected["class"] == 1]["tpr"])
