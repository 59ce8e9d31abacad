"""How the network learns from soft labels."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.trainer.states import TrainerFn
from torch import Tensor
from torch.nn import functional as F
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from torch.optim.swa_utils import update_bn
from torchmetrics import MeanSquaredError

from oral_cancer.counting import counted
from oral_cancer.errors import UserError
from oral_cancer.models.composition_error import CompositionRMSE
from oral_cancer.models.network import SoftLabelNetwork
from oral_cancer.models.single_class import SingleClassAccuracy
from oral_cancer.settings import callbacks
from oral_cancer.settings.callbacks import OF_VALIDATION
from oral_cancer.settings.training import RAW


class SoftLabelClassifier(SoftLabelNetwork, LightningModule):
    """A `SoftLabelNetwork` trained by the mean squared error between probabilities and soft labels, float32 (B, K).

    Args:
        backbone, weights, classes, image_size, supersampling, drop_path_rate, views: see `SoftLabelNetwork`, as are
            normalize, batch_norm_momentum, antialias and backbone_options.
        recalibrate: whether batch-norm statistics are taken anew, after the last step, from training images that are
            not augmented. Those gathered in training are of augmented images, whose black corners and blur shift
            them (Touvron et al., Fixing the train-test resolution discrepancy, NeurIPS 2019).
        optimizer: builds the optimiser from the parameters; None for a network that is not to be trained.
        scheduler: builds the schedule from (optimizer, epochs, steps_per_epoch); see `schedules`; None likewise.
        compile: whether `torch.compile` makes the network faster, after a slow first step.
        ema: decay of the moving average of the weights that is the trained network, None for the weights of the last
            step; the trainer averages, see `training.trainer`.
        recipe: what data, augmentation and trainer follow in conf/; of no influence here.
    """

    MEASURED = callbacks.MEASURED
    """What is logged of each epoch, and so what callbacks can monitor; of validation only where it has such images."""

    def __init__(
        self,
        backbone: str,
        weights: str,
        classes: int,
        image_size: int,
        supersampling: int,
        drop_path_rate: float | None,
        recalibrate: bool,
        optimizer: Callable[[Iterable[torch.nn.Parameter]], Optimizer] | None = None,
        scheduler: Callable[[Optimizer, int, int], LRScheduler] | None = None,
        compile: bool = False,
        views: int = 1,
        normalize: str = RAW,
        batch_norm_momentum: float | None = None,
        antialias: bool = True,
        ema: float | None = None,
        recipe: Mapping[str, str] | None = None,
        backbone_options: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(
            backbone,
            weights,
            classes,
            image_size,
            supersampling,
            drop_path_rate,
            views,
            normalize,
            batch_norm_momentum,
            antialias,
            backbone_options,
        )
        self.compiled = compile
        if compile:
            self.network.compile()
        self.recalibrate = recalibrate
        self.recalibrated_at = -1  # step
        self.validated_at = -1  # step
        if optimizer is not None and scheduler is not None:
            _insist_on_steps(scheduler, optimizer(self.parameters()))  # what they do not take is refused here
        self.build_optimizer = optimizer
        self.build_scheduler = scheduler
        self.beside: Callable[[], Tensor] | None = None
        """What `predict_step` returns of a batch, float32 (B, C), behind its probabilities."""
        self.between: Callable[[], None] = _nothing
        """What is called between pieces of long work that is no batch; it may raise, to end the training."""
        # Metrics that neither look into a tensor nor bring a number to it: a GPU would be waited for at every step.
        self.train_loss = MeanSquaredError()
        self.train_accuracy = SingleClassAccuracy()
        self.val_loss = MeanSquaredError()
        self.val_accuracy = SingleClassAccuracy(least=0)  # a pure image's label can be a vote
        self.val_rmse = CompositionRMSE()

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Mean squared error over images and classes, images weighted by their classes where these have weights."""
        images, soft_labels = batch
        probabilities = self(images)
        loss = self._loss(probabilities, soft_labels)
        self.train_loss.update(probabilities.detach(), soft_labels)
        self.train_accuracy.update(probabilities.detach(), soft_labels)
        self.log("train_loss", self.train_loss, on_step=False, on_epoch=True)
        self.log("train_accuracy", self.train_accuracy, on_step=False, on_epoch=True)
        return loss

    def _loss(self, probabilities: Tensor, soft_labels: Tensor) -> Tensor:
        weights: Tensor | None = getattr(self.trainer.datamodule, "class_weights", None)  # type: ignore[attr-defined]
        if weights is None:
            return F.mse_loss(probabilities, soft_labels)
        of_images = soft_labels @ weights.to(soft_labels)
        return ((probabilities - soft_labels).square().mean(dim=1) * of_images).mean()

    def on_train_epoch_start(self) -> None:
        """The rate that the epoch starts with."""
        self.log("learning_rate", self.trainer.optimizers[0].param_groups[0]["lr"], sync_dist=True)

    def on_validation_start(self) -> None:
        """Recalibrate before the validation that follows the last step, and so before the last checkpoint."""
        if self.trainer.state.fn == TrainerFn.FITTING and self._is_at_last_step:
            self.renew_statistics()

    def on_train_epoch_end(self) -> None:
        """The same where the last epoch is not validated."""
        if self._is_at_last_step:
            self.renew_statistics()

    @property
    def _is_at_last_step(self) -> bool:
        return self.trainer.global_step >= self.trainer.estimated_stepping_batches

    def course(self, steps: int) -> str:
        """How it trains in words, with so many steps an epoch."""
        return f"{counted(steps, 'step')} an epoch"

    def measured(self) -> dict[str, float]:
        """What the present epoch has measured, by the names of `MEASURED`; validation is not part of every one."""
        figures = {name: float(value) for name, value in self.trainer.callback_metrics.items()}
        validated = self.validated_at == self.trainer.global_step
        names = [name for name in self.MEASURED if validated or not name.startswith("val_")]
        return {name: figures[name] for name in names if name in figures}

    def renew_statistics(self) -> bool:
        """Recalibrate, if that is wanted and has not been done since the last step; whether it has been done now."""
        if not self.recalibrate or self.recalibrated_at == self.trainer.global_step:
            return False
        plain = self.trainer.datamodule.plain_train_dataloader()  # type: ignore[attr-defined]
        with self.trainer.precision_plugin.forward_context():
            update_bn(plain, self, self.device)
        self.recalibrated_at = self.trainer.global_step
        return True

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int, dataloader_idx: int = 0) -> None:
        """Loss and accuracy on the pure images (the first loader), RMSE on the mixed ones (the last).

        Of images as they lie, whatever `views` is, which would make each validation that many times as long: curves,
        and what callbacks monitor, are of one view. Figures of a run, and all that they decide, are of all views.
        """
        images, soft_labels = batch
        probabilities = self(images)
        if dataloader_idx == 0 and "val_loss" in self._validated:
            self.val_loss.update(probabilities, soft_labels)
            self.val_accuracy.update(probabilities, soft_labels)
        else:
            self.val_rmse.update(probabilities, soft_labels)

    def on_validation_epoch_end(self) -> None:
        """The figures over all ranks, of which one may have had no image."""
        for name in self._validated:
            self.log(name, getattr(self, name))
        self.validated_at = self.trainer.global_step

    @property
    def _validated(self) -> Sequence[str]:
        """The figures of validation that there are images for."""
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        return getattr(data, "validated", OF_VALIDATION)

    def predict_step(self, batch: tuple[Tensor, Tensor], batch_idx: int, dataloader_idx: int = 0) -> Tensor:
        """Probabilities, float32 (B, K), means over the views, and what `beside` adds."""
        probabilities = self.by_view(self.network_input(batch[0])).mean(dim=0)
        if self.beside is None:
            return probabilities
        return torch.cat((probabilities, self.beside().to(probabilities)), dim=1)

    def configure_optimizers(self) -> Any:
        """The recipe's optimiser, with a schedule that is stepped every step."""
        assert self.build_optimizer is not None
        assert self.build_scheduler is not None
        optimizer = self.build_optimizer(self.parameters())
        epochs = self.trainer.max_epochs
        assert epochs is not None
        steps_per_epoch = int(self.trainer.estimated_stepping_batches) // epochs
        scheduler = self.build_scheduler(optimizer, epochs, steps_per_epoch)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


def _nothing() -> None:
    """Nobody waits."""


def _insist_on_steps(scheduler: Callable[[Optimizer, int, int], LRScheduler], optimizer: Optimizer) -> None:
    named = getattr(scheduler, "func", None)
    if named is ReduceLROnPlateau or isinstance(scheduler(optimizer, 1, 1), ReduceLROnPlateau):
        raise UserError(
            "model.scheduler: ReduceLROnPlateau waits for a figure of an epoch, and schedules are stepped every step; "
            "choose one of oral_cancer.models.schedules, or write one that takes (optimizer, epochs, steps_per_epoch)"
        )
