"""Learning rates over a training. A schedule takes (optimizer, epochs, steps_per_epoch) and is stepped every step."""

from bisect import bisect_right
from collections.abc import Sequence

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR


def piecewise_constant(
    optimizer: Optimizer,
    epochs: int,
    steps_per_epoch: int,
    milestones: Sequence[int],
    rates: Sequence[float],
    factor: float,
) -> LRScheduler:
    """One rate until the first milestone, and another from each milestone on.

    Args:
        optimizer: whose own rates are replaced.
        epochs: unused; a rate depends on the epoch alone.
        steps_per_epoch: steps after which an epoch, counted from 0, ends.
        milestones: epochs, ascending.
        rates: learning rates, one more than milestones.
        factor: multiplies all rates.
    """
    for group in optimizer.param_groups:
        group["lr"] = factor

    def rate(step: int) -> float:
        return rates[bisect_right(milestones, step // steps_per_epoch)]

    return LambdaLR(optimizer, rate)


def one_cycle(
    optimizer: Optimizer, epochs: int, steps_per_epoch: int, max_rate: float, rise: float, factor: float
) -> LRScheduler:
    """PyTorch's one-cycle rate: up to `factor` x `max_rate` in the share `rise` of all steps, then down to almost 0."""
    steps = max(3, epochs * steps_per_epoch)
    rise = max(rise, 2 / steps)  # PyTorch divides by zero where the rise is a single step
    return OneCycleLR(optimizer, factor * max_rate, total_steps=steps, pct_start=rise, cycle_momentum=False)
