"""Adam of Keras 2.2.4 beside its formula in NumPy."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import nn

from oral_cancer.models.keras_adam import KerasAdam

SIZES = (1e-8, 1e-6, 1e-4, 1.0)  # of gradients: below, about and above eps


def gradients(steps: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(steps, len(SIZES))) * SIZES


def by_formula(start: np.ndarray, given: np.ndarray, lr: float, b1: float, b2: float, eps: float) -> np.ndarray:
    """keras/optimizers.py of 2.2.4, `Adam.get_updates`, line by line."""
    p, m, v = start.astype(np.float64), np.zeros_like(start), np.zeros_like(start)
    for iterations, g in enumerate(given):
        t = iterations + 1
        lr_t = lr * (np.sqrt(1.0 - b2**t) / (1.0 - b1**t))
        m = (b1 * m) + (1.0 - b1) * g
        v = (b2 * v) + (1.0 - b2) * np.square(g)
        p = p - lr_t * m / (np.sqrt(v) + eps)
    return p


def take(optimizer: torch.optim.Optimizer, parameter: nn.Parameter, given: np.ndarray) -> None:
    for g in given:
        parameter.grad = torch.tensor(g, dtype=parameter.dtype)
        optimizer.step()


@pytest.mark.parametrize("fused", [False, True])
def test_steps_are_those_of_the_formula(fused: bool) -> None:
    given = gradients(30)
    parameter = nn.Parameter(torch.zeros(len(SIZES)))
    take(KerasAdam([parameter], lr=1e-3, betas=(0.9, 0.999), eps=1e-7, fused=fused), parameter, given)
    expected = by_formula(np.zeros(len(SIZES)), given, 1e-3, 0.9, 0.999, 1e-7)
    np.testing.assert_allclose(parameter.detach().numpy(), expected, rtol=1e-4)


@pytest.mark.parametrize(("kind", "share"), [(KerasAdam, 0.24), (torch.optim.Adam, 0.91)])
def test_the_first_step_of_a_gradient_about_eps(kind: type[torch.optim.Optimizer], share: float) -> None:
    parameter = nn.Parameter(torch.zeros(1))
    take(kind([parameter], lr=1.0, eps=1e-7), parameter, np.array([[1e-6]]))
    assert -parameter.item() == pytest.approx(share, abs=0.005)


def test_what_goes_on_from_its_state_takes_the_same_steps() -> None:
    given = gradients(6)
    whole, cut = nn.Parameter(torch.zeros(4)), nn.Parameter(torch.zeros(4))
    take(KerasAdam([whole]), whole, given)
    first = KerasAdam([cut])
    take(first, cut, given[:3])
    second = KerasAdam([cut])
    second.load_state_dict(deepcopy(first.state_dict()))
    take(second, cut, given[3:])
    assert torch.equal(cut, whole)
