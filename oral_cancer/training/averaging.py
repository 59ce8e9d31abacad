"""A moving average of the weights."""

from functools import partial

import torch
from pytorch_lightning.callbacks import WeightAveraging
from torch import Tensor


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


def averaging(decay: float, on_gpu: bool) -> WeightAveraging:
    """What keeps the moving average, on the GPU if the network trains there, and makes it the trained network."""
    return WeightAveraging("cuda" if on_gpu else None, avg_fn=partial(moving_average, decay=decay))
