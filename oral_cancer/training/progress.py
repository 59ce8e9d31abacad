"""Progress of one training: a bar where a person looks on, plain lines elsewhere."""

import time
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import ProgressBar, RichProgressBar
from rich import get_console


class PlainProgress(ProgressBar):
    """One line an epoch, for logs and pipes."""

    def __init__(self) -> None:
        super().__init__()
        self.started = 0.0
        self.first_epoch = 0

    def disable(self) -> None:
        """Nothing is drawn that would have to be switched off."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.started = time.perf_counter()
        self.first_epoch = trainer.current_epoch

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.is_global_zero or trainer.max_epochs is None:
            return
        epoch = trainer.current_epoch + 1
        per_epoch = (time.perf_counter() - self.started) / (epoch - self.first_epoch)
        figures = trainer.callback_metrics
        print(
            f"epoch {epoch}/{trainer.max_epochs}  loss {figures['train/loss']:.4f}  "
            f"val accuracy {figures['val/accuracy']:.3f}  val RMSE {figures['val/rmse']:.3f}  "
            f"rate {trainer.optimizers[0].param_groups[0]['lr']:.1e}  "
            f"{int(trainer.num_training_batches) / per_epoch:.1f} steps/s  "
            f"{(trainer.max_epochs - epoch) * per_epoch:.0f} s left",
            flush=True,
        )


class TerminalProgress(RichProgressBar):
    """Lightning's bar without the version number."""

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        metrics = super().get_metrics(trainer, pl_module)
        metrics.pop("v_num", None)
        return metrics | {"rate": trainer.optimizers[0].param_groups[0]["lr"]} if trainer.optimizers else metrics


def progress() -> ProgressBar:
    """The display that suits standard output."""
    return TerminalProgress() if get_console().is_terminal else PlainProgress()
