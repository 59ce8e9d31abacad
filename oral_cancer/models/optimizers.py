"""Optimisers that PyTorch has not."""

from collections.abc import Iterable
from typing import Any

from timm.optim import param_groups_weight_decay  # type: ignore[attr-defined]
from torch import nn
from torch.optim import AdamW


def adamw(parameters: Iterable[nn.Parameter], weight_decay: float, **options: Any) -> AdamW:
    """PyTorch's AdamW (Loshchilov and Hutter, ICLR 2019), whose weight decay leaves out biases and norms.

    Args:
        parameters: those with a single dimension, which biases and the weights of norms are, do not decay.
        weight_decay: at least 0; each step takes the share `lr` x `weight_decay` from the others.
        options: the rest of AdamW's.
    """
    return AdamW(param_groups_weight_decay(nn.ParameterList(parameters), weight_decay), **options)
