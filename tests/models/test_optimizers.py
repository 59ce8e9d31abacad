"""AdamW whose weight decay leaves out biases and norms."""

import numpy as np
import torch
from hydra.utils import instantiate
from torch import nn

from oral_cancer.experiments import compose_settings
from oral_cancer.models.optimizers import adamw

RATE, DECAY, BETAS, EPS = 0.1, 0.5, (0.9, 0.999), 1e-7


def test_a_step_is_adams_and_the_weights_alone_decay() -> None:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    optimizer = adamw(layers.parameters(), DECAY, lr=RATE, betas=BETAS, eps=EPS)
    expected = {name: one.detach().double().numpy() for name, one in layers.named_parameters()}
    first = {name: np.zeros_like(one) for name, one in expected.items()}
    second = {name: np.zeros_like(one) for name, one in expected.items()}
    for step in (1, 2, 3):
        optimizer.zero_grad()
        layers(torch.randn(8, 4)).square().sum().backward()
        for name, parameter in layers.named_parameters():
            gradient = parameter.grad.double().numpy()
            first[name] = BETAS[0] * first[name] + (1 - BETAS[0]) * gradient
            second[name] = BETAS[1] * second[name] + (1 - BETAS[1]) * gradient**2
            corrected = first[name] / (1 - BETAS[0] ** step), second[name] / (1 - BETAS[1] ** step)
            kept = 1 - RATE * DECAY if name == "0.weight" else 1
            expected[name] = kept * expected[name] - RATE * corrected[0] / (np.sqrt(corrected[1]) + EPS)
        optimizer.step()
        for name, parameter in layers.named_parameters():
            np.testing.assert_allclose(parameter.detach(), expected[name], atol=1e-5)


def test_the_experiment_keeps_the_networks_other_numbers_and_its_schedule() -> None:
    settings = compose_settings(["experiment=adamw", "model=efficientnet_lite0"])
    layer = nn.Linear(2, 2)
    optimizer = instantiate(settings.model.optimizer)(layer.parameters())
    assert isinstance(optimizer, torch.optim.AdamW)
    assert {(tuple(group["betas"]), group["eps"], group["fused"]) for group in optimizer.param_groups} == {
        ((0.9, 0.999), 1e-7, True)
    }
    assert sorted(group["weight_decay"] for group in optimizer.param_groups) == [0, 0.05]
    instantiate(settings.model.scheduler)(optimizer, 2, 10)
    assert len({group["lr"] for group in optimizer.param_groups}) == 1
