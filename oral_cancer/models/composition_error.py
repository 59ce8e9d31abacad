"""The study's RMSE as a torchmetrics metric."""

import torch
from torch import Tensor
from torchmetrics import Metric


class CompositionRMSE(Metric):
    """sqrt of the mean over images of the squared distance between label and probabilities (PLOS ONE e0310304).

    The squares are summed over the K classes, not averaged: it is sqrt(K) times the RMSE over all numbers. It lies
    between 0 and sqrt(2).

    >>> metric = CompositionRMSE()
    >>> metric.update(torch.tensor([[0.5, 0.5, 0.0]]), torch.tensor([[0.25, 0.75, 0.0]]))
    >>> round(float(metric.compute()), 6)
    0.353553
    """

    is_differentiable = True
    higher_is_better = False
    full_state_update = False

    squares: Tensor
    images: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("squares", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("images", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, probabilities: Tensor, soft_labels: Tensor) -> None:
        """Add images: two float tensors (B, K)."""
        self.squares += (probabilities - soft_labels).square().sum()
        self.images += len(soft_labels)

    def compute(self) -> Tensor:
        """The RMSE over all images added, a scalar."""
        return (self.squares / self.images).sqrt()
