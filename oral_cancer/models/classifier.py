"""How the network learns from soft labels."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.trainer.states import TrainerFn
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from torch.optim.swa_utils import update_bn
from torchmetrics import MeanMetric

from oral_cancer.counting import counted
from oral_cancer.errors import UserError
from oral_cancer.models.composition_error import CompositionRMSE
from oral_cancer.models.freezing import freeze as freeze_stages
from oral_cancer.models.freezing import keep_frozen
from oral_cancer.models.losses import loss_of, smoothed
from oral_cancer.models.network import SoftLabelNetwork
from oral_cancer.models.single_class import SingleClassAccuracy
from oral_cancer.settings import callbacks
from oral_cancer.settings.callbacks import OF_VALIDATION
from oral_cancer.settings.learning import AUGMENTED, MSE, SOFTMAX
from oral_cancer.settings.training import NONE, RAW

log = logging.getLogger(__name__)


class SoftLabelClassifier(SoftLabelNetwork, LightningModule):
    """A `SoftLabelNetwork` trained on soft labels, float32 (B, K).

    Args:
        backbone, weights, classes, image_size, supersampling, drop_path_rate, views: see `SoftLabelNetwork`, as are
            normalize, batch_norm_momentum, antialias, output, preprocess and backbone_options.
        recalibrate: whether batch-norm statistics are taken anew, after the last step. True: from training images that
            are not augmented; those gathered in training are of augmented images, whose black corners and blur shift
            them (Touvron et al., Fixing the train-test resolution discrepancy, NeurIPS 2019). "augmented": from images
            as they train; those gathered in a short training are of weights that have changed since.
        optimizer: builds the optimiser from the parameters that train; None for a network that is not to be trained.
        scheduler: builds the schedule from (optimizer, epochs, steps_per_epoch); see `schedules`; None likewise.
        compile: whether `torch.compile` makes the network faster, after a slow first step.
        ema: decay of the moving average of the weights that is the trained network, None for the weights of the last
            step; the trainer averages, see `training.trainer`.
        recipe: what data, augmentation and trainer follow in conf/; of no influence here.
        loss: one of `losses.LOSSES`, or a function of the user's; see `losses.loss_of`.
        focal: gamma and alpha of the focal loss, see `losses.focal`.
        label_smoothing: see `losses.smoothed`; labels are smoothed for the loss in training alone.
        mixup: None, or the number a of mixup: with one l of Beta(a, a) a batch, each image and its label are l parts
            themselves and 1 - l parts another of the batch (Zhang et al., mixup, ICLR 2018).
        freeze: how many stages stay as they start, see `freezing.freeze`.

    Raises:
        UserError: see `build_backbone`, `losses.loss_of` and `freezing.freeze`.
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
        recalibrate: bool | str,
        optimizer: Callable[[Iterable[torch.nn.Parameter]], Optimizer] | None = None,
        scheduler: Callable[[Optimizer, int, int], LRScheduler] | None = None,
        compile: bool = False,
        views: int = 1,
        normalize: str = RAW,
        batch_norm_momentum: float | None = None,
        antialias: bool = True,
        ema: float | None = None,
        recipe: Mapping[str, str] | None = None,
        output: str = SOFTMAX,
        loss: str = MSE,
        focal: Mapping[str, Any] | None = None,
        label_smoothing: float = 0.0,
        mixup: float | None = None,
        freeze: int = 0,
        preprocess: str = NONE,
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
            output,
            preprocess,
            backbone_options,
        )
        freeze_stages(self.network, freeze)
        if freeze and self.origin_kind == "random":
            log.warning("model.freeze=%d: what is frozen keeps the random numbers that it starts from.", freeze)
        self.loss_of_images = loss_of(loss, classes, focal)
        self.label_smoothing = label_smoothing
        self.mixup = _mixup(mixup) if mixup else None
        self.compiled = compile
        if compile:
            self.network.compile()
        self.recalibrate = recalibrate
        self.recalibrated_at = -1  # step
        self.validated_at = -1  # step
        if optimizer is not None and scheduler is not None:
            _insist_on_steps(scheduler, optimizer(self._that_train()))  # what they do not take is refused here
        self.build_optimizer = optimizer
        self.build_scheduler = scheduler
        self.beside: Callable[[], Tensor] | None = None
        """What `predict_step` returns of a batch, float32 (B, C), behind its probabilities."""
        self.between: Callable[[], None] = _nothing
        """What is called between pieces of long work that is no batch; it may raise, to end the training."""
        # Metrics that neither look into a tensor nor bring a number to it: a GPU would be waited for at every step.
        self.train_loss = MeanMetric(nan_strategy="disable")
        self.train_accuracy = SingleClassAccuracy()
        self.val_loss = MeanMetric(nan_strategy="disable")
        self.val_accuracy = SingleClassAccuracy(least=0)  # a pure image's label can be a vote
        self.val_rmse = CompositionRMSE()

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """The mean loss over the images, weighted by their classes where these have weights.

        What is logged of it is not weighted. `train_accuracy` is of images whose label is of one class once mixed.
        """
        pixels, soft_labels = self.network_input(batch[0]), batch[1]
        if self.mixup is not None:
            pixels, soft_labels = self.mixup(pixels, soft_labels)
        scores = self.scores(pixels)
        smooth = smoothed(soft_labels, self.label_smoothing)
        of_images = self.loss_of_images(scores, smooth)
        self.log_training(of_images, scores, soft_labels)
        weights: Tensor | None = getattr(self.trainer.datamodule, "class_weights", None)  # type: ignore[attr-defined]
        return (of_images if weights is None else of_images * (smooth @ weights.to(smooth))).mean()

    def log_training(self, of_images: Tensor, scores: Tensor, soft_labels: Tensor) -> None:
        """Take a batch into the epoch's loss and accuracy: losses (B,), scores (B, K) and labels (B, K)."""
        self.train_loss.update(of_images.detach())
        self.train_accuracy.update(scores.detach(), soft_labels)
        self.log("train_loss", self.train_loss, on_step=False, on_epoch=True)
        self.log("train_accuracy", self.train_accuracy, on_step=False, on_epoch=True)

    def train(self, mode: bool = True) -> Self:
        """As PyTorch's, but for what is frozen, which stays in evaluation."""
        super().train(mode)
        keep_frozen(self.network)
        return self

    def on_train_epoch_start(self) -> None:
        """The rate that the epoch starts with."""
        self.log("learning_rate", self.trainer.optimizers[0].param_groups[0]["lr"], sync_dist=True)

    def on_validation_epoch_start(self) -> None:
        """Recalibrate before the validation that follows the last step, and so before the last checkpoint.

        Callbacks come first here: where weights are averaged, those of the average are in place by now.
        """
        if self.trainer.state.fn == TrainerFn.FITTING and self.is_at_last_step:
            self.renew_statistics()

    def on_train_epoch_end(self) -> None:
        """The same where the last epoch is not validated."""
        if self.is_at_last_step:
            self.renew_statistics()

    @property
    def is_at_last_step(self) -> bool:
        """Whether a training takes no further step, unless it is ended before."""
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
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        images = data.first_training_images(self.recalibrate == AUGMENTED, self.device)
        with self.trainer.precision_plugin.forward_context():
            update_bn(images, self, self.device)
        self.recalibrated_at = self.trainer.global_step
        return True

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int, dataloader_idx: int = 0) -> None:
        """Loss and accuracy on the pure images (the first loader), RMSE on the mixed ones (the last).

        Of images as they lie, whatever `views` is, which would make each validation that many times as long: curves,
        and what callbacks monitor, are of one view. Figures of a run, and all that they decide, are of all views.
        """
        images, soft_labels = batch
        scores = self.scores(self.network_input(images))
        if dataloader_idx == 0 and "val_loss" in self._validated:
            self.val_loss.update(self.loss_of_images(scores, soft_labels))
            self.val_accuracy.update(scores, soft_labels)
        else:
            self.val_rmse.update(scores.softmax(dim=1), soft_labels)

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
        optimizer = self.build_optimizer(self._that_train())
        epochs = self.trainer.max_epochs
        assert epochs is not None
        steps_per_epoch = int(self.trainer.estimated_stepping_batches) // epochs
        scheduler = self.build_scheduler(optimizer, epochs, steps_per_epoch)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def _that_train(self) -> Iterator[nn.Parameter]:
        return (parameter for parameter in self.parameters() if parameter.requires_grad)


def _mixup(alpha: float) -> Any:
    from torchvision.transforms.v2 import MixUp  # late, as it is seldom wanted

    return MixUp(alpha=alpha)


def _nothing() -> None:
    """Nobody waits."""


def _insist_on_steps(scheduler: Callable[[Optimizer, int, int], LRScheduler], optimizer: Optimizer) -> None:
    named = getattr(scheduler, "func", None)
    if named is ReduceLROnPlateau or isinstance(scheduler(optimizer, 1, 1), ReduceLROnPlateau):
        raise UserError(
            "model.scheduler: ReduceLROnPlateau waits for a figure of an epoch, and schedules are stepped every step; "
            "choose one of oral_cancer.models.schedules, or write one that takes (optimizer, epochs, steps_per_epoch)"
        )
