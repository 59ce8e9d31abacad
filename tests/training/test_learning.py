"""Trainings by other losses, labels and steps than the published ones."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from oral_cancer.errors import UserError
from oral_cancer.experiments import _demanded, declared
from tests.training.test_train import fail_in_epoch

Train = Callable[..., Path]
LEARNING = [choice for choice in declared() if any(_demanded(choice))]
"""Experiments that ask something of the network or of each image."""
FITTING = {"puzzle": ["augmentation.square=16"]}
"""What makes them fit images of 32 px."""
TOGETHER = (
    *("model.loss=focal", "model.focal.alpha=[1,2,1]", "model.output=sigmoid", "model.label_smoothing=0.1"),
    *("model.mixup=0.4", "model.freeze=2", "model.recalibrate=true", "augmentation=randaugment"),
    *("model.optimizer._target_=oral_cancer.models.optimizers.adamw", "+model.optimizer.weight_decay=0.1"),
    *("data.class_weights=auto", "data.end_of_pass=short_batch", "data.batch_size=8", "trainer.max_epochs=3"),
)


@pytest.mark.parametrize("experiment", LEARNING)
def test_every_experiment_trains_a_step_and_has_its_name(train: Train, experiment: str) -> None:
    once = ("trainer.max_epochs=1", "+trainer.limit_train_batches=1")
    run = train(f"experiment={experiment}", *once, *FITTING.get(experiment, ()))
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["status"] == "complete"
    assert manifest["config"]["name"] == f"{experiment}-test_byobnet"
    predictions = pd.read_csv(run / "predictions.csv")
    assert (predictions[["parental", "resistant", "control"]].sum(axis=1) - 1).abs().max() < 1e-5


@pytest.mark.slow
def test_all_of_it_together_goes_on_to_the_same_bytes(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = train(*TOGETHER, folder="whole")
    with monkeypatch.context() as patched:
        fail_in_epoch(1, patched)
        with pytest.raises(RuntimeError, match="power cut"):
            train(*TOGETHER)
    resumed = train(*TOGETHER)
    assert (resumed / "predictions.csv").read_bytes() == (whole / "predictions.csv").read_bytes()
    before, now = (pd.read_csv(run / "history.csv").drop(columns="seconds") for run in (whole, resumed))
    pd.testing.assert_frame_equal(before, now)
    assert now["train_loss"].notna().all()


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("model.freeze=9", "model.freeze=9: must be a whole number from 0 to 5 for this network"),
        ("model.focal={gamma: 2.0, alpha: [1, 2]}", "model.focal.alpha=[1,2]: must be null or a list of 3 positive"),
    ],
)
def test_what_does_not_suit_network_or_classes_is_refused_in_one_line(train: Train, override: str, line: str) -> None:
    with pytest.raises(UserError) as refused:
        train("model.loss=focal", override)
    (said,) = refused.value.lines
    assert said.startswith(line)
