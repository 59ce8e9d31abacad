"""Batch normalisation over the whole batch of a training that is divided between several ranks."""

from collections.abc import Callable

import torch
from pytorch_lightning.plugins import LayerSync
from timm.layers.norm_act import convert_sync_batchnorm
from torch import Tensor, nn
from torch.distributed.nn.functional import all_gather
from torch.nn.modules.batchnorm import _BatchNorm


class SyncBatchNorm(LayerSync):
    """On GPUs timm's SyncBatchNorm, which keeps the activation that many of timm's norm layers hold.

    PyTorch synchronises on GPUs only. On CPUs each layer is given the activations of all ranks, and keeps its own part
    of what comes out: the same figures, at the cost of the whole batch's normalisation on every rank.

    Args:
        on_gpu: which of both.
    """

    def __init__(self, on_gpu: bool) -> None:
        self.on_gpu = on_gpu

    def apply(self, model: nn.Module) -> nn.Module:
        """Let the model's batch-norm layers see the whole batch in training."""
        if self.on_gpu:
            converted: nn.Module = convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
            return converted
        for layer in _layers(model):
            layer.forward = _over_all_ranks(layer)  # type: ignore
        return model

    def revert(self, model: nn.Module) -> nn.Module:
        """Undo it. timm's layers may stay, for outside training they do not synchronise."""
        for layer in _layers(model):
            layer.__dict__.pop("forward", None)
        return model


def _layers(model: nn.Module) -> list[_BatchNorm]:
    return [module for module in model.modules() if isinstance(module, _BatchNorm)]


def _over_all_ranks(layer: _BatchNorm) -> Callable[[Tensor], Tensor]:
    forward = layer.forward

    def synchronised(own: Tensor) -> Tensor:
        if not layer.training:
            return forward(own)
        everyone = torch.cat(all_gather(own.contiguous()))  # type: ignore[no-untyped-call]
        return forward(everyone).chunk(torch.distributed.get_world_size())[torch.distributed.get_rank()]

    return synchronised
