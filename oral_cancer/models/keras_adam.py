"""Adam as the published study's library calculates it."""

import math
from collections.abc import Callable, Iterable
from typing import Any

from torch import nn
from torch.optim import Adam


class KerasAdam(Adam):
    """Adam of Keras 2.2.4, where eps counts before the bias is corrected, and so for more in the first steps.

    In step t, from 1, with gradient g:

        m <- b1 m + (1 - b1) g
        v <- b2 v + (1 - b2) g^2
        p <- p - lr sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + eps)

    (keras/optimizers.py, class Adam, `get_updates`). PyTorch divides by sqrt(v / (1 - b2^t)) + eps' instead, which is
    the same with eps' = eps / sqrt(1 - b2^t): that is what each step sets.

    Args:
        params: of one group, all with a gradient in every step.
        lr, betas, eps: of the formula; eps as Keras has it.
        fused: whether one kernel updates all parameters; None leaves it to PyTorch.
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-7,
        fused: bool | None = None,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, fused=fused)
        (group,) = self.param_groups
        group |= {"keras_eps": eps, "steps": 0}  # in the group, so that a checkpoint has them

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step, see the class; returns what `closure` does."""
        (group,) = self.param_groups
        group["steps"] += 1
        group["eps"] = group["keras_eps"] / math.sqrt(1 - group["betas"][1] ** group["steps"])
        return super().step(closure)
