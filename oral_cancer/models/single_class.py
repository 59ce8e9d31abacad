"""Accuracy where some images have a single class and others are mixtures."""

import torch
from torch import Tensor
from torchmetrics import Metric


class SingleClassAccuracy(Metric):
    """Share of the images of one class whose highest probability is that class'; mixtures do not count.

    Args:
        least: an image of one class is one with a greater proportion than this.

    Unlike torchmetrics' accuracy with `ignore_index`, it picks nothing out of a tensor, which would make a GPU wait.

    >>> metric = SingleClassAccuracy()
    >>> labels = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.5, 0.5, 0.0]])
    >>> metric.update(torch.tensor([[0.8, 0.1, 0.1], [0.5, 0.4, 0.1], [0.1, 0.1, 0.8]]), labels)
    >>> float(metric.compute())
    0.5
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False

    right: Tensor
    images: Tensor

    def __init__(self, least: float = 0.999) -> None:
        super().__init__()
        self.least = least
        self.add_state("right", torch.tensor(0), dist_reduce_fx="sum")
        self.add_state("images", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, probabilities: Tensor, soft_labels: Tensor) -> None:
        """Add images: two float tensors (B, K); instead of probabilities, scores in their order will do."""
        highest, cls = soft_labels.max(dim=1)
        single = highest > self.least
        self.right += (single & (probabilities.argmax(dim=1) == cls)).sum()
        self.images += single.sum()

    def compute(self) -> Tensor:
        """The share over all images added, a scalar; NaN without any of a single class."""
        return self.right / self.images
