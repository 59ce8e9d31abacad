"""Images in, probabilities out."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from oral_cancer.models.views import views_of
from oral_cancer.models.weights import build_backbone
from oral_cancer.settings.learning import SIGMOID, SOFTMAX
from oral_cancer.settings.training import IMAGENET, INCEPTION, NONE, RAW

NORMAL = {
    IMAGENET: ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),  # over ImageNet's training images
    INCEPTION: ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),  # from -1 to 1
}
"""Mean and deviation of red, green and blue, as shares of white; as timm has them."""


class SoftLabelNetwork(nn.Module):
    """A timm backbone and what makes probabilities of its outputs, over images that may come larger than it sees them.

    Batches are uint8 (B, H, W, 3) RGB, or float32 of the same range. The backbone sees floats from 0 to 255, of
    equalised images from 0 to 1, or pixels less a mean and divided by a standard deviation, each channel for itself,
    see `NORMAL`.

    With `supersampling` s, images come s times as large as the network sees them, and it sees means of pixels.
    Rotation in training interpolates, and so blurs images finely; images in evaluation are not rotated. Where the
    classes differ in fine texture, a network learns from the blurred one and fails on the sharp one. At a higher
    resolution most of the blur is finer than what the network sees. The means overlap, to keep out the detail just
    below their own resolution, where rotation blurs most.

    Args:
        backbone: a timm model name.
        weights: "auto", "imagenet", "none" or a file; see `build_backbone`.
        classes: K, how many are told apart.
        image_size: pixels a side that the network sees.
        supersampling: how many times larger the images are a side.
        drop_path_rate: stochastic depth rate; None for a network that has none.
        views: how many turns and flips of an image its prediction is the mean over; see `views`.
        normalize: "raw", or one of `NORMAL`.
        batch_norm_momentum: weight of a batch's statistics in the running ones, 0 to 1; None leaves it to the backbone.
            Of no effect where that has no batch norm.
        antialias: how images are resized before they come here, see `data.resizing`; of no influence here.
        output: "softmax", or "sigmoid": the sigmoid of each output, divided by the sum over the classes.
        preprocess: what is done to them before they come here, see `data.preprocessing`.
        backbone_options: more of timm's, numbers and truth values.

    Raises:
        UserError: see `build_backbone`.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        backbone: str,
        weights: str,
        classes: int,
        image_size: int,
        supersampling: int,
        drop_path_rate: float | None,
        views: int = 1,
        normalize: str = RAW,
        batch_norm_momentum: float | None = None,
        antialias: bool = True,
        output: str = SOFTMAX,
        preprocess: str = NONE,
        backbone_options: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__()
        built = build_backbone(backbone, weights, classes, image_size, drop_path_rate, backbone_options)
        self.network = built.network.to(memory_format=torch.channels_last)
        if batch_norm_momentum is not None:
            _set_momentum(self.network, batch_norm_momentum)
        self.origin = built.origin
        self.origin_kind = built.kind
        self.supersampling = supersampling
        self.views = views
        self.normalize = normalize
        self.output = output
        self.preprocess = preprocess
        for name, values in zip(("mean", "deviation"), NORMAL.get(normalize, NORMAL[IMAGENET]), strict=True):
            in_grey = torch.tensor([255 * value for value in values])
            self.register_buffer(name, in_grey.view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Probabilities of the classes, float32 (B, K), for uint8 images (B, H, W, 3) as they lie."""
        return self.probabilities(self.network_input(images))

    def network_input(self, images: Tensor) -> Tensor:
        """What the network sees of uint8 images (B, H, W, 3): float32 (B, 3, H / s, W / s), see the class."""
        pixels = images.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.channels_last)
        if self.supersampling > 1:
            beside = self.supersampling // 2
            width = self.supersampling + 2 * beside
            pixels = F.avg_pool2d(pixels, width, self.supersampling, padding=beside, count_include_pad=False)
        if self.normalize != RAW:
            return (pixels - self.mean) / self.deviation
        return pixels if self.preprocess == NONE else pixels / 255

    def probabilities(self, pixels: Tensor) -> Tensor:
        """Probabilities of the classes, float32 (B, K), from what `network_input` returns."""
        return self.scores(pixels).softmax(dim=1)

    def scores(self, pixels: Tensor) -> Tensor:
        """Numbers whose softmax over the classes are the probabilities, float32 (B, K), from the same.

        A softmax of logarithms divides by the sum: so it is with those of the sigmoid, however small all of them are.
        """
        logits: Tensor = self.network(pixels)
        return F.logsigmoid(logits.float()) if self.output == SIGMOID else logits.float()

    def by_view(self, pixels: Tensor) -> Tensor:
        """Probabilities by each view of what `network_input` returns, float32 (views, B, K); their mean is what counts.

        View by view, so that a batch takes no more memory than with one.
        """
        return torch.stack([self.probabilities(view) for view in views_of(pixels, self.views)])


def _set_momentum(network: nn.Module, momentum: float) -> None:
    """Of all batch norms, of which some networks have none."""
    for layer in network.modules():
        if isinstance(layer, _BatchNorm):
            layer.momentum = momentum
