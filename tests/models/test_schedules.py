import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from tests.conftest import REPOSITORY

HIGHEST = 1.5e-3
"""The rate of the small network at its top."""


def rates(model: str, epochs: int, steps: int) -> list[float]:
    """The learning rate of every step under a model's configured optimiser and schedule."""
    with initialize_config_dir(str(REPOSITORY / "conf"), version_base="1.3"):
        cfg = compose("train", [f"model={model}"]).model
    optimizer = instantiate(cfg.optimizer)([torch.nn.Parameter(torch.zeros(1))])
    schedule = instantiate(cfg.scheduler)(optimizer, epochs, steps)
    found = []
    for _ in range(epochs * steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


def test_the_published_rates_by_epoch() -> None:
    by_epoch = rates("efficientnet_b3", epochs=25, steps=3)[::3]
    assert by_epoch == pytest.approx([7e-5] * 5 + [3e-5] * 7 + [1e-5] * 8 + [1e-6] * 5)


def test_a_rate_holds_to_the_last_step_of_its_epochs() -> None:
    by_step = rates("efficientnet_b3", epochs=6, steps=36)
    assert by_step[5 * 36 - 1] == pytest.approx(7e-5)
    assert by_step[5 * 36] == pytest.approx(3e-5)


def test_one_cycle_rises_and_falls() -> None:
    by_step = rates("efficientnet_lite0", epochs=10, steps=36)
    assert max(by_step) == pytest.approx(HIGHEST)
    assert by_step.index(max(by_step)) == pytest.approx(0.1 * 360, abs=2)
    assert by_step[-1] < 1e-6


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 11])
def test_one_cycle_of_few_steps(steps: int) -> None:
    by_step = rates("efficientnet_lite0", epochs=1, steps=steps)
    assert all(0 < rate <= HIGHEST * (1 + 1e-9) for rate in by_step)
