"""What happens beside the steps of every training: generators, history."""

import csv
import io
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint

from oral_cancer.files import write_text
from oral_cancer.models import SoftLabelClassifier

COLUMNS = ("epoch", "steps", *SoftLabelClassifier.MEASURED, "seconds")


class SeedEachStep(Callback):
    """Makes what the network draws (stochastic depth) a function of (seed, step, rank), and of nothing before it.

    Loaders draw from the same generator, and when they do depends on their processes and on where a training resumed.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        self._seed(trainer, trainer.fit_loop.total_batch_idx)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._seed(trainer, trainer.global_step)  # recalibration runs the network as in training

    def _seed(self, trainer: Trainer, step: int) -> None:
        drawn_from = np.random.SeedSequence([self.seed, step, trainer.global_rank])
        torch.manual_seed(int(drawn_from.generate_state(1)[0]))


class LastEpoch(ModelCheckpoint):
    """The run's own checkpoint, told by its class from those that a user adds."""


class EndState(Callback):
    """Saves what a training ends with where it ends before its last epoch, recalibrated if that is wanted.

    EarlyStopping, a Timer and `max_time` end a training wherever it is: its last validation did not know that it was
    the last one, and amid an epoch there is no checkpoint.
    """

    def __init__(self, checkpoint: Path) -> None:
        self.checkpoint = checkpoint

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, SoftLabelClassifier)
        amid_an_epoch = (trainer.fit_loop.total_batch_idx + 1) % trainer.num_training_batches != 0
        if pl_module.renew_statistics() or amid_an_epoch:
            trainer.save_checkpoint(self.checkpoint)


class History(Callback):
    """Writes history.csv, one row an epoch; a resumed training keeps the rows of the epochs before it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[str, Any]] = []
        self.started = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.rows = read_history(self.path, trainer.current_epoch)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.started = time.perf_counter()
        self.learning_rate = trainer.optimizers[0].param_groups[0]["lr"]

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        assert isinstance(pl_module, SoftLabelClassifier)
        row = pl_module.measured() | {
            "epoch": trainer.current_epoch,
            "steps": trainer.global_step,
            "learning_rate": self.learning_rate,
            "seconds": round(time.perf_counter() - self.started, 3),
        }
        self.rows.append({name: row.get(name, "") for name in COLUMNS})
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_text(self.path, text.getvalue())


def read_history(path: Path, epochs: int) -> list[dict[str, Any]]:
    """The rows of the first `epochs` epochs of a history.csv, as text; none where there is no such file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if int(row["epoch"]) < epochs]
