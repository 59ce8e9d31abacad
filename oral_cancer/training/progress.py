"""Progress of one training: a bar where a person looks on, plain lines elsewhere."""

import time
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import ProgressBar
from rich import get_console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from oral_cancer.models import SoftLabelClassifier
from oral_cancer.training.ranks import is_first


class PlainProgress(ProgressBar):
    """One line an epoch, for logs and pipes; its learning rate is that of the epoch's first step."""

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
        assert isinstance(pl_module, SoftLabelClassifier)
        figures = pl_module.measured()
        shown = {"val accuracy": "val_accuracy", "RMSE": "val_rmse"}
        validated = "".join(f"{said} {figures[name]:.3f}  " for said, name in shown.items() if name in figures)
        print(
            f"epoch {epoch}/{trainer.max_epochs}  loss {figures['train_loss']:.4f}  {validated}"
            f"rate {figures['learning_rate']:.0e}  {(trainer.max_epochs - epoch) * per_epoch:.0f} s left",
            flush=True,
        )


class TerminalProgress(PlainProgress):
    """A bar over all steps of the training, with loss, rate and time left; a line for each epoch stays above it.

    The loss is that of the last step where it costs nothing to look, else that of the last whole epoch: a GPU would
    have to be waited for.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_start(trainer, pl_module)
        self.loss = ""
        steps = int(trainer.num_training_batches)
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=get_console(),
            transient=True,
        )
        self.task = self.bar.add_task(
            "steps", total=steps * (trainer.max_epochs or 0), completed=trainer.global_step, figures=""
        )
        self.bar.start()

    def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
        self.rate = trainer.optimizers[0].param_groups[0]["lr"]

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, outputs: Any, *_: Any) -> None:
        if outputs["loss"].device.type == "cpu":
            self.loss = f"loss {outputs['loss']:.4f}  "
        speed = self.bar.tasks[self.task].speed
        self.bar.update(
            self.task,
            description=f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}",
            completed=trainer.global_step,
            figures=f"{self.loss}rate {self.rate:.0e}" + (f"  {speed:.1f}/s" if speed else ""),
        )

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_epoch_end(trainer, pl_module)
        self.loss = f"loss {trainer.callback_metrics['train_loss']:.4f}  "

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.bar.stop()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        if hasattr(self, "bar"):
            self.bar.stop()


def progress() -> ProgressBar:
    """The display that suits standard output."""
    return TerminalProgress() if get_console().is_terminal and is_first() else PlainProgress()
