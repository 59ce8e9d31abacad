"""Stages of a network that stay as they start."""

from collections.abc import Iterator
from typing import Any

from timm.models import group_parameters
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from oral_cancer.errors import UserError


def freeze(network: nn.Module, stages: int) -> None:
    """Let the first stages of a timm network stay as they are: weights, and the running statistics of batch norm.

    Whatever puts the network in training mode must call `keep_frozen` then.

    Args:
        network: the stem is its first stage, and its head, which always trains, is none; see timm's `group_matcher`.
        stages: how many, from the images on.

    Raises:
        UserError: for more stages than there are before the head, and a network that does not say where they are.
    """
    if stages == 0:
        return
    if not hasattr(network, "group_matcher"):
        raise UserError(f"model.freeze={stages}: must be 0, as model.backbone does not say where its stages are")
    matcher: Any = network.group_matcher(coarse=True)  # type: ignore[operator]
    *before_head, _ = group_parameters(network, matcher).values()
    if stages > len(before_head):
        raise UserError(f"model.freeze={stages}: must be a whole number from 0 to {len(before_head)} for this network")
    for name in (name for stage in before_head[:stages] for name in stage):
        network.get_parameter(name).requires_grad_(False)
    for layer in network.modules():
        if isinstance(layer, _BatchNorm) and layer.affine and not layer.weight.requires_grad:
            layer.track_running_stats = False  # by which PyTorch never takes them anew, in `update_bn` neither
    keep_frozen(network)


def keep_frozen(network: nn.Module) -> None:
    """Put what is frozen of a network in training mode back to evaluation: nothing is dropped, no statistics taken."""
    for part in _frozen(network):
        part.eval()


def _frozen(module: nn.Module) -> Iterator[nn.Module]:
    """The largest parts of a module of which nothing trains."""
    training = [parameter.requires_grad for parameter in module.parameters()]
    if training and not any(training):
        yield module
    elif not all(training):
        for part in module.children():
            yield from _frozen(part)
