"""Soft labels in, probabilities out."""

from collections.abc import Callable, Iterable
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

from oral_cancer.errors import UserError
from oral_cancer.labels import CLASSES
from oral_cancer.models.composition_error import CompositionRMSE
from oral_cancer.models.single_class import SingleClassAccuracy
from oral_cancer.models.weights import build_backbone


class SoftLabelClassifier(LightningModule):
    """A timm backbone, softmax, and the mean squared error between probabilities and soft label.

    Batches are uint8 (B, H, W, 3) RGB and soft labels float32 (B, 3). The network sees floats from 0 to 255.

    With `supersampling` s, images come s times as large as the network sees them, and it sees means of pixels.
    Rotation in training interpolates, and so blurs images finely; images in evaluation are not rotated. Where the
    classes differ in fine texture, a network learns from the blurred one and fails on the sharp one. At a higher
    resolution most of the blur is finer than what the network sees. The means overlap, to keep out the detail just
    below their own resolution, where rotation blurs most.

    Args:
        backbone: a timm model name.
        weights: "auto", "imagenet", "none" or a file; see `build_backbone`.
        image_size: pixels a side that the network sees.
        supersampling: how many times larger the images are a side.
        drop_path_rate: stochastic depth rate.
        recalibrate: whether batch-norm statistics are taken anew, after the last step, from training images that are
            not augmented. Those gathered in training are of augmented images, whose black corners and blur shift
            them (Touvron et al., Fixing the train-test resolution discrepancy, NeurIPS 2019).
        optimizer: builds the optimiser from the parameters; None for a network that is not to be trained.
        scheduler: builds the schedule from (optimizer, epochs, steps_per_epoch); see `schedules`; None likewise.
    """

    MEASURED = ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "val_rmse", "learning_rate")
    """What is logged of each epoch, and so what callbacks can monitor."""

    def __init__(
        self,
        backbone: str,
        weights: str,
        image_size: int,
        supersampling: int,
        drop_path_rate: float,
        recalibrate: bool,
        optimizer: Callable[[Iterable[torch.nn.Parameter]], Optimizer] | None = None,
        scheduler: Callable[[Optimizer, int, int], LRScheduler] | None = None,
    ) -> None:
        super().__init__()
        built = build_backbone(backbone, weights, len(CLASSES), image_size, drop_path_rate)
        self.network = built.network.to(memory_format=torch.channels_last)
        self.origin = built.origin
        self.origin_kind = built.kind
        self.supersampling = supersampling
        self.recalibrate = recalibrate
        self.recalibrated_at = -1  # step
        self.validated_at = -1  # step
        if optimizer is not None and scheduler is not None:
            _insist_on_steps(scheduler, optimizer(self.parameters()))  # what they do not take is refused here
        self.build_optimizer = optimizer
        self.build_scheduler = scheduler
        # Metrics that neither look into a tensor nor bring a number to it: a GPU would be waited for at every step.
        self.train_loss = MeanSquaredError()
        self.train_accuracy = SingleClassAccuracy()
        self.val_loss = MeanSquaredError()
        self.val_accuracy = SingleClassAccuracy()
        self.val_rmse = CompositionRMSE()

    def forward(self, images: Tensor) -> Tensor:
        """Probabilities of `CLASSES`, float32 (B, 3), for uint8 images (B, H, W, 3)."""
        return self.probabilities(self.network_input(images))

    def network_input(self, images: Tensor) -> Tensor:
        """What the network sees of uint8 images (B, H, W, 3): float32 (B, 3, H / s, W / s), 0 to 255."""
        pixels = images.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.channels_last)
        if self.supersampling > 1:
            beside = self.supersampling // 2
            width = self.supersampling + 2 * beside
            pixels = F.avg_pool2d(pixels, width, self.supersampling, padding=beside, count_include_pad=False)
        return pixels

    def probabilities(self, pixels: Tensor) -> Tensor:
        """Probabilities of `CLASSES`, float32 (B, 3), from what `network_input` returns."""
        logits: Tensor = self.network(pixels)
        return logits.float().softmax(dim=1)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Mean squared error over images and classes."""
        images, soft_labels = batch
        probabilities = self(images)
        loss = F.mse_loss(probabilities, soft_labels)
        self.train_loss.update(probabilities.detach(), soft_labels)
        self.train_accuracy.update(probabilities.detach(), soft_labels)
        self.log("train_loss", self.train_loss, on_step=False, on_epoch=True)
        self.log("train_accuracy", self.train_accuracy, on_step=False, on_epoch=True)
        return loss

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
        """Loss and accuracy on the HOMO images (loader 0), RMSE on the HETERO images (loader 1)."""
        images, soft_labels = batch
        probabilities = self(images)
        if dataloader_idx == 0:
            self.val_loss.update(probabilities, soft_labels)
            self.val_accuracy.update(probabilities, soft_labels)
        else:
            self.val_rmse.update(probabilities, soft_labels)

    def on_validation_epoch_end(self) -> None:
        """The figures over all ranks, of which one may have had no image."""
        self.log("val_loss", self.val_loss)
        self.log("val_accuracy", self.val_accuracy)
        self.log("val_rmse", self.val_rmse)
        self.validated_at = self.trainer.global_step

    def predict_step(self, batch: tuple[Tensor, Tensor], batch_idx: int, dataloader_idx: int = 0) -> Tensor:
        """Probabilities, float32 (B, 3)."""
        probabilities: Tensor = self(batch[0])
        return probabilities

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


def _insist_on_steps(scheduler: Callable[[Optimizer, int, int], LRScheduler], optimizer: Optimizer) -> None:
    named = getattr(scheduler, "func", None)
    if named is ReduceLROnPlateau or isinstance(scheduler(optimizer, 1, 1), ReduceLROnPlateau):
        raise UserError(
            "model.scheduler: ReduceLROnPlateau waits for a figure of an epoch, and schedules are stepped every step; "
            "choose one of oral_cancer.models.schedules, or write one that takes (optimizer, epochs, steps_per_epoch)"
        )
