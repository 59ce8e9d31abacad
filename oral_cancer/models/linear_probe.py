"""A frozen backbone, whose head is a softmax regression on its features."""

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import LBFGS

from oral_cancer.data.datamodule import CellDataModule
from oral_cancer.data.feature_store import FeatureStore, Floats
from oral_cancer.errors import UserError
from oral_cancer.models.classifier import SoftLabelClassifier
from oral_cancer.models.features import classifier_of
from oral_cancer.models.softmax_regression import SoftmaxRegression, lbfgs
from oral_cancer.models.views import views_of

log = logging.getLogger(__name__)

FLAT_ENOUGH = 1e-5
"""The greatest derivative of the loss at what counts as its optimum."""


@dataclass(frozen=True)
class _Learnt:
    """What the head is learnt from.

    Attributes:
        regression: of all views of the distinct images.
        features: of every image of the treated set as it lies, float32 (M, D).
        labels: its soft label, float32 (M, K).
    """

    regression: SoftmaxRegression
    features: Tensor
    labels: Tensor


class LinearProbe(SoftLabelClassifier):
    """A `SoftLabelClassifier` of which only the head learns, in a single step of a single epoch, to its optimum.

    The head becomes the softmax regression of the soft labels on what the backbone gives it, of every view of the
    training images that `data.augmentation` has (`views`: the turns and flips of the square, or 1). What comes of it is
    the usual network. Features are kept beside the store's pixels, see `FeatureStore`. Batch norm has the statistics
    that the weights came with.

    Args:
        backbone: see `SoftLabelNetwork`, as are image_size and all of `network`.
        ridge: of the regression on standardised features, see `SoftmaxRegression`.
        recipe: what data, augmentation and trainer follow in conf/; of no influence here.

    Raises:
        UserError: see `build_backbone`; for a network that does not end in one dense layer.
    """

    def __init__(
        self, backbone: str, ridge: float, image_size: int, recipe: Mapping[str, str] | None = None, **network: Any
    ) -> None:
        super().__init__(backbone, image_size=image_size, drop_path_rate=None, recalibrate=False, **network)
        self.automatic_optimization = False
        self.ridge = ridge
        self.learnt_from: _Learnt | None = None
        self.requires_grad_(False)
        self.head = partial(_dense_head, self.network, backbone)  # no module, which would be saved twice
        given = _given_to(self.head(), self.network.eval(), torch.zeros(1, 3, image_size, image_size))
        if given.shape != (1, self.head().weight[0].numel()):
            raise _no_dense_head(backbone)

    def train(self, mode: bool = True) -> Self:
        """As of any network, but for the backbone, which never trains."""
        super().train(mode)
        self.network.eval()
        return self

    @torch.no_grad()
    def features(self, image: NDArray[np.uint8], views: int) -> Floats:
        """What the head is given of the views of an image uint8 (H, W, 3): float32 (views, D).

        The views of one image are a batch of their own, so that its features are the same to the last bit whatever
        other images there are.
        """
        seen = self.network_input(torch.from_numpy(np.array(image))[None].to(self.device))
        pixels = torch.cat(list(views_of(seen, views)))
        return np.asarray(_given_to(self.head(), self.network, pixels).float().cpu().numpy(), np.float32)

    def setup(self, stage: str) -> None:
        """One step in one epoch, whatever the trainer would do with another network."""
        if stage == "fit":
            self.trainer.fit_loop.max_epochs = 1
            self.trainer.limit_train_batches = 1

    def on_fit_start(self) -> None:
        """Take the features of the training images."""
        data: CellDataModule = self.trainer.datamodule  # type: ignore[attr-defined]
        images = data.training_images
        assert images is not None
        views = getattr(data.augmentation, "views", 1)
        distinct, which = images.distinct()
        with self.trainer.precision_plugin.forward_context():
            found = self._kept(views, data).of([images.image(at) for at in distinct], partial(self._taken, views=views))
        features, labels = torch.from_numpy(found), images.soft_labels
        weighed = labels.double() * torch.from_numpy(data.shares())[:, None]
        if data.class_weights is not None:
            weighed *= (labels @ data.class_weights)[:, None]
        targets = torch.zeros(len(distinct), labels.shape[1], dtype=torch.float64)
        targets.index_add_(0, torch.from_numpy(which), weighed)
        regression = SoftmaxRegression.of(features.flatten(0, 1), targets.repeat_interleave(views, dim=0), self.ridge)
        self.learnt_from = _Learnt(regression, features[which, 0], labels)

    def _taken(self, image: NDArray[np.uint8], views: int) -> Floats:
        self.between()
        return self.features(image, views)

    def _kept(self, views: int, data: CellDataModule) -> FeatureStore:
        assert data.store.home is not None
        return FeatureStore(data.store.home / f"features-{self._identity(views)[:16]}")

    def _identity(self, views: int) -> str:
        """SHA-256 over all that features depend on beside the image."""
        seen = (self.supersampling, self.normalize, views, self.trainer.precision, self.device.type)
        digest = hashlib.sha256(repr((*seen, torch.__version__, timm.__version__, self.network)).encode())
        head = {id(tensor) for tensor in self.head().parameters()}
        for name, tensor in self.network.state_dict(keep_vars=True).items():
            if id(tensor) not in head:
                digest.update(name.encode())
                digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
        return digest.hexdigest()

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """The whole regression, whatever the batch; its head becomes the network's."""
        assert self.learnt_from is not None
        regression, optimizer = self.learnt_from.regression, self.optimizers()
        left = regression.minimise(optimizer)
        if left > FLAT_ENOUGH:
            log.warning("The regression ended %.0e short of its optimum; raise model.ridge=%g.", left, self.ridge)
        head = self.head()
        with torch.no_grad():
            for own, found in zip(head.parameters(), regression.head(optimizer), strict=True):
                own.copy_(found.to(own.dtype).view_as(own))
        features, soft_labels = (one.to(self.device) for one in (self.learnt_from.features, self.learnt_from.labels))
        logits = F.linear(features.to(head.weight.dtype), head.weight.flatten(1), head.bias)
        of_images = self.loss_of_images(logits.float(), soft_labels)
        self.log_training(of_images, logits, soft_labels)
        self.learnt_from = None  # which takes more memory than all else
        return of_images.mean()

    def configure_optimizers(self) -> LBFGS:
        """That of the regression."""
        weight = self.head().weight
        return lbfgs(len(weight), weight[0].numel())

    def course(self, steps: int) -> str:
        """In place of steps, of which there is one."""
        return f"one regression on frozen features, ridge {self.ridge:g}"


def _dense_head(network: nn.Module, backbone: str) -> nn.Linear | nn.Conv2d:
    head: nn.Linear | nn.Conv2d = classifier_of(network)
    dense = isinstance(head, nn.Linear) or (isinstance(head, nn.Conv2d) and head.kernel_size == (1, 1))
    if not dense or head.bias is None:
        raise _no_dense_head(backbone)
    return head


def _no_dense_head(backbone: str) -> UserError:
    return UserError(
        f"model.backbone={backbone}: does not end in one dense layer of one vector an image, which a regression could "
        "take the place of; choose another network"
    )


@torch.no_grad()
def _given_to(head: nn.Module, network: nn.Module, pixels: Tensor) -> Tensor:
    """What passes into the head, (B, D), where the network sees pixels."""
    taken: list[Tensor] = []
    hook = head.register_forward_pre_hook(lambda _, inputs: taken.append(inputs[0]))
    try:
        network(pixels)
    finally:
        hook.remove()
    (found,) = taken
    return found.flatten(1)
