"""What happens beside the steps of every training: generators, history."""

import csv
import io
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from oral_cancer.files import write_text
from oral_cancer.models import SoftLabelClassifier

COLUMNS = (
    "epoch",
    "steps",
    "train_loss",
    "train_accuracy",
    "val_loss",
    "val_accuracy",
    "val_rmse",
    "learning_rate",
    "seconds",
)


class SeedEachStep(Callback):
    """Makes what the network draws (stochastic depth) a function of (seed, step, rank), and of nothing before it.

    Loaders draw from the same generator, and when they do depends on their processes and on where a training resumed.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        self._seed(trainer)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._seed(trainer)  # recalibration runs the network as in training

    def _seed(self, trainer: Trainer) -> None:
        drawn_from = np.random.SeedSequence([self.seed, trainer.global_step, trainer.global_rank])
        torch.manual_seed(int(drawn_from.generate_state(1)[0]))


class EndState(Callback):
    """Saves what a training ends with where it ends before its last epoch, recalibrated if that is wanted.

    EarlyStopping, a Timer and `max_time` end a training wherever it is: its last validation did not know that it was
    the last one, and amid an epoch there is no checkpoint.
    """

    def __init__(self, checkpoint: Path) -> None:
        self.checkpoint = checkpoint

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, SoftLabelClassifier)
        amid_an_epoch = trainer.global_step % trainer.num_training_batches != 0
        if pl_module.renew_statistics() or amid_an_epoch:
            trainer.save_checkpoint(self.checkpoint)


class History(Callback):
    """Writes history.csv, one row an epoch; a resumed training keeps the rows of the epochs before it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[str, Any]] = []
        self.started = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.path.exists():
            with self.path.open(newline="", encoding="utf-8") as file:
                self.rows = [row for row in csv.DictReader(file) if int(row["epoch"]) < trainer.current_epoch]

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.started = time.perf_counter()
        self.learning_rate = trainer.optimizers[0].param_groups[0]["lr"]

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        figures = {name.replace("/", "_"): float(value) for name, value in trainer.callback_metrics.items()}
        row = figures | {
            "epoch": trainer.current_epoch,
            "steps": trainer.global_step,
            "learning_rate": self.learning_rate,
            "seconds": round(time.perf_counter() - self.started, 3),
        }
        self.rows.append({name: row[name] for name in COLUMNS})
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_text(self.path, text.getvalue())
