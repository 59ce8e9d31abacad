"""Averaged weights."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from oral_cancer.errors import UserError
from oral_cancer.training.manifest import CHECKPOINT

DECAY = 0.8
HEAD = "network.head.fc.weight"


class WatchWeights(Callback):
    """Keeps the head's weights after every step."""

    seen: list[torch.Tensor]

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        WatchWeights.seen = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        WatchWeights.seen.append(dict(pl_module.named_parameters())[HEAD].detach().clone())


def test_the_trained_network_is_the_moving_average_of_its_steps(train: Callable[..., Path]) -> None:
    run = train(f"model.ema={DECAY}", "+callbacks.watch={_target_: tests.training.test_averaging.WatchWeights}")
    average, *later = WatchWeights.seen
    decays = [min(DECAY, (1 + n) / (10 + n)) for n in range(1, len(WatchWeights.seen))]
    assert decays[0] < DECAY  # of the first weights little is left
    for decay, weights in zip(decays, later, strict=True):
        average = decay * average + (1 - decay) * weights
    content = torch.load(run / CHECKPOINT, weights_only=True)
    torch.testing.assert_close(content["state_dict"][HEAD], average)
    assert not torch.allclose(average, WatchWeights.seen[-1])
    assert {"current_model_state", "averaging_state"}.isdisjoint(content)


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (["model.ema=1"], "model.ema=1: must be null or a number above 0 and below 1, such as 0.99"),
        (
            ["model.ema=0.9", "+callbacks.a={_target_: pytorch_lightning.callbacks.EMAWeightAveraging}"],
            "callbacks.a: EMAWeightAveraging averages what is averaged already; give model.ema=null",
        ),
    ],
)
def test_averaging_that_would_not_last_is_refused(train: Callable[..., Path], overrides: list[str], line: str) -> None:
    with pytest.raises(UserError) as refused:
        train(*overrides)
    assert [one for one in refused.value.lines if one.startswith(line)]
