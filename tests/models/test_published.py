"""The published network, layer by layer, beside what its paper and its library say of it.

Without weights: parameters, shapes, drop rates, momentum, eps. The expected numbers follow from EfficientNet's own rule
of scaling (Tan and Le, ICML 2019, table 1: B3 is B0 made 1.2 times as wide and 1.4 times as deep) and from the package
`efficientnet` 1.1.1; none is read from the network.
"""

import math
from typing import Any

import pytest
import torch
from hydra.utils import instantiate
from timm.layers import DropPath
from torch import nn

from oral_cancer.experiments import compose_settings
from oral_cancer.models import SoftLabelClassifier
from oral_cancer.models.keras_adam import KerasAdam

B0 = (  # repeats, kernel, stride, expansion, channels
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
WIDTH, DEPTH, CLASSES = 1.2, 1.4, 3
TRAINABLE, RUNNING = 10_696_232, 87_296  # of Keras' B3 without its head, as `count_params` gives them


def wide(channels: int) -> int:
    """`round_filters` of the package: to a multiple of 8, not more than a tenth below."""
    scaled = channels * WIDTH
    rounded = max(8, int(scaled + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * scaled else rounded


def blocks() -> list[dict[str, Any]]:
    """What each of the blocks is made of."""
    found, entering = [], wide(32)
    for repeats, kernel, stride, expansion, channels in B0:
        for repeat in range(math.ceil(DEPTH * repeats)):
            found.append(
                {
                    "in": entering,
                    "inner": entering * expansion,
                    "out": wide(channels),
                    "kernel": kernel,
                    "stride": stride if repeat == 0 else 1,
                    "squeezed": max(1, int(entering * 0.25)),
                }
            )
            entering = wide(channels)
    return found


@pytest.fixture(scope="module")
def model() -> SoftLabelClassifier:
    settings = compose_settings(["model=efficientnet_b3", "model.weights=none"])
    return instantiate(settings.model, classes=CLASSES)


def layers(model: SoftLabelClassifier) -> list[nn.Module]:
    return [block for stage in model.network.blocks for block in stage]


def test_it_has_as_many_parameters(model: SoftLabelClassifier) -> None:
    head = (wide(1280) + 1) * CLASSES
    assert sum(one.numel() for one in model.parameters() if one.requires_grad) == TRAINABLE + head
    norms = [one for one in model.modules() if isinstance(one, nn.BatchNorm2d)]
    assert sum(one.running_mean.numel() + one.running_var.numel() for one in norms) == RUNNING


def test_every_block_has_its_shapes(model: SoftLabelClassifier) -> None:
    network: Any = model.network
    assert len(layers(model)) == len(blocks()) == 26
    assert tuple(network.conv_stem.weight.shape) == (wide(32), 3, 3, 3)
    assert network.conv_stem.stride == (2, 2)
    for block, said in zip(layers(model), blocks(), strict=True):
        own: Any = block
        last = own.conv_pwl if hasattr(own, "conv_pwl") else own.conv_pw
        assert tuple(own.conv_dw.weight.shape) == (said["inner"], 1, said["kernel"], said["kernel"])
        assert own.conv_dw.stride == (said["stride"],) * 2
        assert tuple(last.weight.shape) == (said["out"], said["inner"], 1, 1)
        assert tuple(own.se.conv_reduce.weight.shape) == (said["squeezed"], said["inner"], 1, 1)
        assert own.has_skip == (said["stride"] == 1 and said["in"] == said["out"])
    assert tuple(network.conv_head.weight.shape) == (wide(1280), wide(320), 1, 1)
    assert tuple(network.classifier.weight.shape) == (CLASSES, wide(1280))


def test_blocks_are_dropped_more_and_more_often(model: SoftLabelClassifier) -> None:
    """efficientnet 1.1.1 divides by the 16 blocks of B0 though B3 has 26."""
    for number, block in enumerate(layers(model)):
        own: Any = block
        dropped = own.drop_path.drop_prob if isinstance(own.drop_path, DropPath) else 0.0
        assert dropped == pytest.approx(0.2 * number / 16, abs=1e-9), number
        assert not isinstance(own.drop_path, DropPath) or own.drop_path.scale_by_keep
    assert dropped == pytest.approx(0.3125)
    assert model.network.drop_rate == 0


def test_batch_norm_averages_as_slowly(model: SoftLabelClassifier) -> None:
    norms = [one for one in model.modules() if isinstance(one, nn.BatchNorm2d)]
    assert len(norms) == 2 + 3 * 26 - 2  # the first stage's two blocks do not expand
    assert {(one.momentum, one.eps) for one in norms} == {(0.01, 1e-3)}


def test_it_sees_raw_pixels_padded_as_tensorflow_does(model: SoftLabelClassifier) -> None:
    images = torch.randint(0, 256, (1, 40, 40, 3), dtype=torch.uint8)
    assert torch.equal(model.network_input(images), images.permute(0, 3, 1, 2).float())
    with torch.inference_mode():
        stem = model.eval().network.conv_stem(model.network_input(images))
    assert stem.shape[-2:] == (20, 20)
    padded = nn.functional.pad(images.permute(0, 3, 1, 2).float(), (0, 1, 0, 1))  # "same": right and below
    expected = nn.functional.conv2d(padded, model.network.conv_stem.weight, stride=2)
    torch.testing.assert_close(stem, expected, rtol=1e-4, atol=1e-2)


def test_it_learns_as_published(model: SoftLabelClassifier) -> None:
    optimizer = model.build_optimizer(model.parameters())
    assert isinstance(optimizer, KerasAdam)
    (group,) = optimizer.param_groups
    assert (tuple(group["betas"]), group["keras_eps"], group["weight_decay"]) == ((0.9, 0.999), 1e-7, 0)
    schedule = model.build_scheduler(optimizer, 25, 1)
    rates = []
    for _ in range(25):
        rates.append(group["lr"])
        optimizer.step()
        schedule.step()
    assert rates == pytest.approx([7e-5] * 5 + [3e-5] * 7 + [1e-5] * 8 + [1e-6] * 5)


def test_data_augmentation_and_trainer_follow_it() -> None:
    settings = compose_settings(["experiment=m5"])
    assert settings.model.antialias is False
    assert (settings.trainer.precision, settings.data.end_of_pass) == ("32-true", "short_batch")
    assert settings.augmentation.recipe == "keras"
    followed = compose_settings(["experiment=m5", "model=efficientnet_lite0"])
    assert (followed.trainer.precision, followed.data.end_of_pass) == ("auto", "runs_on")
    assert followed.augmentation.recipe == "robust"
