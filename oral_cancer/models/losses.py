"""How wrong probabilities are, image by image, against soft labels.

A loss takes scores, float32 (B, K), whose softmax over the classes are the probabilities p, and soft labels y, float32
(B, K), of rows that sum to 1; it returns one number of at least 0 an image, float32 (B,). What trains is their mean,
weighted where the classes have weights.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pkgutil import resolve_name
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from oral_cancer.errors import UserError, brief
from oral_cancer.settings.learning import CROSS_ENTROPY, FOCAL, KL, MSE
from oral_cancer.settings.refusals import shown

Loss = Callable[[Tensor, Tensor], Tensor]


def mse(scores: Tensor, soft_labels: Tensor) -> Tensor:
    """The mean over the classes of (p_k - y_k)^2, 0 to 2 / K (PLOS ONE e0310304)."""
    return (scores.softmax(dim=1) - soft_labels).square().mean(dim=1)


def cross_entropy(scores: Tensor, soft_labels: Tensor) -> Tensor:
    """-sum of y_k log p_k over the classes; its least value is the label's entropy."""
    return F.cross_entropy(scores, soft_labels, reduction="none")


def kl(scores: Tensor, soft_labels: Tensor) -> Tensor:
    """The Kullback-Leibler divergence, sum of y_k log(y_k / p_k) over the classes with y_k > 0.

    Cross-entropy less the label's entropy: the same gradients, and 0 where p = y.
    """
    return F.kl_div(scores.log_softmax(dim=1), soft_labels, reduction="none").sum(dim=1)


def focal(scores: Tensor, soft_labels: Tensor, gamma: float, alpha: Sequence[float] | None = None) -> Tensor:
    """The focal loss of soft labels: sum of alpha_k y_k (1 - p_k)^gamma (-log p_k) over the classes.

    Lin et al., Focal loss for dense object detection, ICCV 2017, with a soft label for their 0 or 1. Of a label of
    0.25 and 0.75 it is least at about 0.40 and 0.60, with gamma 2.

    Args:
        scores, soft_labels: see the module.
        gamma: at least 0, where it is the cross-entropy; how little an image counts that is answered well.
        alpha: K weights of the classes; None is 1 each.
    """
    logs = scores.log_softmax(dim=1)
    missing = (1 - logs.exp()).clamp(min=torch.finfo(logs.dtype).eps)  # a root of 0 has no gradient
    of_classes = (soft_labels * missing**gamma * -logs).unbind(dim=1)
    weights = [1.0] * len(of_classes) if alpha is None else alpha
    return torch.stack([weight * one for weight, one in zip(weights, of_classes, strict=True)]).sum(dim=0)


LOSSES: dict[str, Callable[..., Tensor]] = {MSE: mse, CROSS_ENTROPY: cross_entropy, KL: kl, FOCAL: focal}
"""By what `model.loss` calls them; the options of one are those of `model.<its name>`."""
CONTRACT = "make of scores and soft labels (B, K) one number an image that has a gradient, (B,)"


def loss_of(name: str, classes: int, options: Mapping[str, Any] | None = None) -> Loss:
    """The loss of a name.

    Args:
        name: one of `LOSSES`, or a function of the user's, `module.name`.
        classes: K.
        options: of the focal loss.

    Raises:
        UserError: for other than K numbers as `alpha`, and a function that is not there or no loss.
    """
    if name not in LOSSES:
        return _own(name, classes)
    if name != FOCAL:
        return LOSSES[name]
    options = {"gamma": 2.0} | dict(options or {})
    if (alpha := options.get("alpha")) is not None and len(alpha) != classes:
        wanted = f"null or a list of {classes} positive numbers, one for each class in their order"
        raise UserError(f"model.focal.alpha={shown(list(alpha))}: must be {wanted}")
    return partial(focal, **options)


def _own(name: str, classes: int) -> Loss:
    """A function of the user's, tried on two images."""
    try:
        own: Loss = resolve_name(name)
    except Exception as error:  # whatever the import of a module provokes
        raise UserError(
            f"model.loss={name}: cannot be imported ({brief(error)}); see that PYTHONPATH leads to it"
        ) from error
    scores, even = torch.zeros((2, classes), requires_grad=True), torch.full((2, classes), 1 / classes)
    try:
        made = own(scores, even)
    except Exception as error:
        said = f"{type(error).__name__}: {brief(error)}"
        raise UserError(f"model.loss={name}: fails on two images ({said}); it must {CONTRACT}") from error
    if not (isinstance(made, Tensor) and made.shape == (2,) and made.requires_grad):
        raise UserError(f"model.loss={name}: must {CONTRACT}")
    return own


def smoothed(soft_labels: Tensor, smoothing: float) -> Tensor:
    """(1 - e) y_k + e / K: labels drawn a share e to the even one (Szegedy et al., CVPR 2016).

    Args:
        soft_labels: float32 (B, K).
        smoothing: e, from 0 to below 1.
    """
    return soft_labels if smoothing == 0 else (1 - smoothing) * soft_labels + smoothing / soft_labels.shape[1]
