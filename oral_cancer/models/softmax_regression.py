"""The softmax regression of soft labels on features, brought to its optimum."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.optim import LBFGS

MOST_STEPS = 2000
FLAT = 1e-6
"""The greatest derivative by U and b at which L-BFGS ends; scikit-learn's `LogisticRegression` ends at 1e-4."""


@dataclass(frozen=True)
class SoftmaxRegression:
    """The loss  L(W, b) = - sum_ik t_ik log softmax(W z_i + b)_k / sum_ik t_ik + ridge / 2 sum W^2.

    z_i are the features, standardised: less their mean and divided by their standard deviation, both over the rows as
    the targets weigh them. It is that of scikit-learn's `LogisticRegression` with C = 1 / (ridge sum t) on rows that
    are repeated for each class with the targets as sample weights (Bishop, Pattern Recognition and Machine Learning,
    2006, 4.3.4; soft targets as in 4.107).

    What is sought is not W but U, with W = U diag(scale) axes^T: along the principal axes of the features, each scaled
    by how curved the loss is at most there, an optimiser needs a tenth of the steps that it needs for W.

    Attributes:
        features: float64 (N, D), z diag(scale) along the axes.
        targets: float64 (N, K), whose sum is 1, none negative.
        ridge: positive.
        mean: of the features as they are, (D,).
        deviation: likewise, 1 where a feature is constant.
        axes: (D, D), the principal axes of the standardised features in columns.
        scale: (D,), one over the root of the ridge and a quarter of the variance along an axis.
    """

    features: Tensor
    targets: Tensor
    ridge: float
    mean: Tensor
    deviation: Tensor
    axes: Tensor
    scale: Tensor

    @classmethod
    def of(cls, features: Tensor, targets: Tensor, ridge: float) -> "SoftmaxRegression":
        """Of features as they are, float (N, D), and targets (N, K); a row of zeros counts for nothing."""
        exact, targets = features.double(), targets.double()
        weight = targets.sum(dim=1) / targets.sum()
        mean = weight @ exact
        deviation = (weight @ (exact - mean).square()).sqrt()
        deviation[deviation <= 1e-12 * (1 + mean.abs())] = 1
        standardised = (exact - mean) / deviation
        variances, axes = torch.linalg.eigh((standardised * weight[:, None]).T @ standardised)
        scale = (variances.clamp(min=0) / 4 + ridge).rsqrt()
        along = standardised @ (axes * scale)
        return cls(along, targets / targets.sum(), ridge, mean, deviation, axes, scale)

    def loss(self, weight: Tensor, bias: Tensor) -> Tensor:
        """L, a scalar, of U (K, D) and b (K,)."""
        log_probabilities = F.log_softmax(F.linear(self.features, weight, bias), dim=1)
        return -(self.targets * log_probabilities).sum() + self.ridge / 2 * (weight * self.scale).square().sum()

    def minimise(self, optimizer: Any) -> float:
        """Bring what `lbfgs` has, U and b, to the optimum; the greatest derivative of L by W and b that is left."""
        weight, bias = optimizer.param_groups[0]["params"]

        def closure() -> Tensor:
            weight.grad = bias.grad = None
            loss = self.loss(weight, bias)
            loss.backward()  # type: ignore[no-untyped-call]
            return loss

        optimizer.step(closure)
        closure()
        of_weight = weight.grad / self.scale @ self.axes.T
        return float(torch.cat((of_weight.flatten(), bias.grad)).abs().max())

    def head(self, optimizer: Any) -> tuple[Tensor, Tensor]:
        """Weight and bias of `lbfgs` for features as they are: float64 (K, D) and (K,)."""
        weight, bias = optimizer.param_groups[0]["params"]
        scaled = (weight * self.scale) @ self.axes.T / self.deviation
        return scaled, bias - scaled @ self.mean


def lbfgs(classes: int, width: int, flat: float = FLAT) -> LBFGS:
    """PyTorch's, of U (K, D) and a bias (K,) that are zeros; one step of it goes on until the loss is so flat."""
    shapes = ((classes, width), (classes,))
    return LBFGS(
        [torch.zeros(shape, dtype=torch.float64, requires_grad=True) for shape in shapes],
        max_iter=MOST_STEPS,
        history_size=100,
        tolerance_grad=flat,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )
