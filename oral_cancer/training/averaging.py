"""A moving average of the weights."""

from functools import partial

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import WeightAveraging
from torch import Tensor

from oral_cancer.models import SoftLabelClassifier


def moving_average(averaged: Tensor, current: Tensor, count: Tensor, decay: float) -> Tensor:
    """The average after one more step, d m + (1 - d) w, where d grows from 2 / 11 to `decay`.

    After n steps d is no more than (1 + n) / (10 + n), as in TensorFlow's `ExponentialMovingAverage`: an average of a
    short training has forgotten the weights that it began with as well. So 0.98 is reached after 440 steps, 0.99 after
    890; until then averages are the same, whichever is chosen.

    Args:
        averaged: m, of any shape.
        current: w, of the same.
        count: n, whole, of the steps that are averaged already; 1 or more.
        decay: above 0 and below 1.
    """
    kept = ((1 + count) / (10 + count)).clamp(max=decay)
    return torch.lerp(current, averaged, kept) if current.is_floating_point() else current


class MovingAverage(WeightAveraging):
    """Keeps the moving average of a network, makes it the trained network, and recalibrates it if that is wanted.

    Args:
        decay: as for `moving_average`.
        on_gpu: whether the network trains on a GPU, on which the average is kept then.
    """

    def __init__(self, decay: float, on_gpu: bool) -> None:
        super().__init__("cuda" if on_gpu else None, avg_fn=partial(moving_average, decay=decay))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The average, too, is recalibrated before the last checkpoint where the last epoch is not validated."""
        super().on_train_epoch_end(trainer, pl_module)
        assert isinstance(pl_module, SoftLabelClassifier)
        if pl_module.is_at_last_step:
            self._swap_models(pl_module)
            pl_module.renew_statistics()
            self._swap_models(pl_module)
