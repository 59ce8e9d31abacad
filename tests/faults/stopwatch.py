"""A callback for trainings in processes of their own; apart from tests, whose import changes the environment."""

import time
from itertools import pairwise
from pathlib import Path
from statistics import quantiles

from pytorch_lightning import Callback


class Stopwatch(Callback):
    """Leaves a file `first_step` at the first step, and at the end `seconds_an_epoch`: their lower quartile.

    A server that slows a training slows all its epochs; what else the machine does adds to some of them.
    """

    def __init__(self) -> None:
        self.moments: list[float] = []

    def on_train_epoch_start(self, *_) -> None:
        self.moments.append(time.monotonic())
        Path("first_step").touch()

    def on_train_end(self, *_) -> None:
        epoch = quantiles((later - sooner for sooner, later in pairwise(self.moments)), n=4)[0]
        Path("seconds_an_epoch").write_text(str(epoch))
