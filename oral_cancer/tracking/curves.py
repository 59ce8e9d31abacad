"""The curves of a training in W&B: one section, over epochs, each with its best value."""

from collections.abc import Mapping
from typing import Any

import wandb
from pytorch_lightning.loggers import WandbLogger

from oral_cancer.settings.callbacks import MEASURED
from oral_cancer.tracking.identity import EPOCH, curve

BEST = {"loss": "min", "rmse": "min", "accuracy": "max"}
"""What W&B's summary keeps of a curve, by the end of its name."""


class CurveLogger(WandbLogger):
    """Lightning's logger, whose figures stand in one section and are drawn over epochs."""

    def __init__(self, run: wandb.Run) -> None:
        super().__init__(experiment=run)
        for counted in (EPOCH, "trainer/global_step"):  # Lightning's, beside every figure
            run.define_metric(counted, hidden=True)
        for name in MEASURED:
            run.define_metric(curve(name), step_metric=EPOCH, summary=BEST.get(name.rpartition("_")[2]))

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        super().log_metrics({curve(name): value for name, value in metrics.items()}, step)


def figures_of(row: Mapping[str, Any]) -> dict[str, float]:
    """What a row of history.csv has of the curves, by Lightning's names."""
    return {name: float(row[name]) for name in MEASURED if row.get(name)}
