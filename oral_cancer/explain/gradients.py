"""Gradients of a class's score, with respect to the last feature map and to the pixels."""

from copy import deepcopy

import torch
from captum.attr import LayerGradCam
from timm.layers import activations, activations_me
from torch import Tensor, nn

from oral_cancer.models.views import mean_turned_back

RECTIFYING = (
    nn.ReLU,
    nn.ReLU6,
    nn.LeakyReLU,
    nn.PReLU,
    nn.ELU,
    nn.CELU,
    nn.SELU,
    nn.SiLU,
    nn.GELU,
    nn.Hardswish,
    nn.Mish,
    nn.Softplus,
    activations.Swish,
    activations.HardSwish,
    activations.Mish,
    activations.HardMish,
    activations.GELU,
    activations.GELUTanh,
    activations.QuickGELU,
    activations_me.SwishMe,
    activations_me.HardSwishMe,
    activations_me.MishMe,
    activations_me.HardMishMe,
)
"""Activations that pass what is positive and hold back, or nearly so, what is negative."""


class Logits(nn.Module):
    """A timm network in two parts: its `features`, and the pooling and dense layers after them."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.features = _Features(network)

    def forward(self, pixels: Tensor) -> Tensor:
        """Scores before the softmax or the sigmoids, float32 (B, classes), of pixels (B, 3, H, W)."""
        scores: Tensor = self.network.forward_head(self.features(pixels))  # type: ignore[operator]
        return scores


class _Features(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> Tensor:
        found: Tensor = self.network.forward_features(pixels)  # type: ignore[operator]
        return found


def has_feature_map(network: nn.Module, pixels: Tensor) -> bool:
    """Whether a timm network ends in a convolutional feature map, (B, channels, height, width), as Grad-CAM needs.

    Transformers end in tokens, or in a map whose channels come last.
    """
    with torch.inference_mode():
        features = Logits(network).features(pixels[:1])
    return isinstance(features, Tensor) and features.ndim == 4 and getattr(network, "output_fmt", "NCHW") == "NCHW"


def with_random_weights(network: nn.Module, seed: int = 0) -> nn.Module:
    """A copy of a network whose layers have forgotten what they learnt.

    Pictures that look alike with and without training show edges of the image, not what decides (Adebayo et al.,
    Sanity Checks for Saliency Maps, NeurIPS 2018).
    """
    copy = deepcopy(network)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for layer in copy.modules():
            if callable(reset := getattr(layer, "reset_parameters", None)):
                reset()
    return copy


def grad_cam(network: nn.Module, pixels: Tensor, targets: Tensor, views: int = 1) -> Tensor:
    """Grad-CAM at the last convolutional activation, the one that is pooled.

    The channels' weights are the spatial means of the gradients of the target's score before the softmax or sigmoid;
    the weighted sum is rectified and divided by its maximum (Selvaraju et al., Grad-CAM, ICCV 2017; PLOS ONE e0310304).

    Args:
        network: a timm network in evaluation mode for which `has_feature_map` holds.
        pixels: float (B, 3, H, W), what the network sees.
        targets: int64 (B,), the class to explain for each image.
        views: of how many turns and flips the mean is taken, each turned back; see `models.views`.

    Returns:
        float32 (B, h, w), 0 to 1, in the resolution of the feature map; all 0 where nothing speaks for the class.
    """
    logits = Logits(network)
    layer = LayerGradCam(logits, logits.features)

    def heat_of(view: Tensor) -> Tensor:
        seen = view.detach().clone().requires_grad_()
        heat: Tensor = layer.attribute(seen, targets, relu_attributions=True)
        return heat.detach().squeeze(1)

    heat = mean_turned_back(heat_of, pixels, views)
    highest = heat.amax(dim=(1, 2), keepdim=True)
    return torch.where(highest > 0, heat / highest.clamp(min=torch.finfo(heat.dtype).tiny), 0)


def guided_backpropagation(network: nn.Module, pixels: Tensor, targets: Tensor, views: int = 1) -> Tensor:
    """Gradient of a class's score, with only what speaks for it passed back through each activation.

    Springenberg et al. (Striving for simplicity, ICLR workshop 2015) define it for ReLU: a gradient passes where both
    it and the activation's input are positive. Here every activation of `RECTIFYING` does so, with its own
    derivative: through SiLU x * sigmoid(x), for instance, a positive gradient at a positive input is multiplied by
    SiLU's derivative, at a negative input nothing passes, although SiLU itself lets a little through. Gates such as
    the sigmoid of squeeze-and-excitation pass gradients of either sign, as ever.

    Args:
        network: a timm network in evaluation mode; it is not changed.
        pixels: float (B, 3, H, W), what the network sees.
        targets: int64 (B,), the class to explain for each image.
        views: as in `grad_cam`.

    Returns:
        float32 (B, 3, H, W), of either sign.

    Raises:
        ValueError: for a network without any such activation.
    """
    guided = guided_copy(network)

    def gradient_of(view: Tensor) -> Tensor:
        seen = view.detach().clone().requires_grad_()
        scores = guided(seen).gather(1, targets[:, None]).sum()
        (gradient,) = torch.autograd.grad(scores, seen)
        return gradient

    return mean_turned_back(gradient_of, pixels, views)


def guided_copy(network: nn.Module) -> nn.Module:
    """A copy whose rectifying activations guide gradients, see `guided_backpropagation`; ValueError if it has none."""
    guided = deepcopy(network)
    rectifying = [
        (parent, name, child)
        for parent in guided.modules()
        for name, child in parent.named_children()
        if isinstance(child, RECTIFYING)
    ]
    if not rectifying:
        raise ValueError("the network has no rectifying activation")
    for parent, name, child in rectifying:
        setattr(parent, name, _Guided(child))
    return guided


class _Guided(nn.Module):
    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.activation = activation
        if hasattr(activation, "inplace"):
            activation.inplace = False  # type: ignore[assignment]

    def forward(self, given: Tensor) -> Tensor:
        if not given.requires_grad:
            passed: Tensor = self.activation(given)
            return passed
        positive = given > 0  # a hook that named the tensor itself would keep it, and the graph with it, for good
        entering = given.clone()
        entering.register_hook(lambda gradient: gradient * positive)  # type: ignore[no-untyped-call]
        passed = self.activation(entering)
        passed.register_hook(lambda gradient: gradient.clamp(min=0))  # type: ignore[no-untyped-call]
        return passed
