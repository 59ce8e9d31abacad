from typing import Any

import numpy as np
import pytest
import torch
from hydra.utils import get_class
from torch import nn

from oral_cancer.evaluation.metrics import classification, rmse
from oral_cancer.inference.networks import NAMES
from oral_cancer.models import LinearProbe, SoftLabelClassifier, SoftLabelNetwork
from oral_cancer.models.composition_error import CompositionRMSE
from oral_cancer.models.single_class import SingleClassAccuracy
from tests.published import BY_NAME, soft_label


@pytest.fixture
def model() -> SoftLabelClassifier:
    return SoftLabelClassifier("test_efficientnet", "none", 3, 32, 1, 0.2, False, torch.optim.Adam, lambda *_: None)


def test_probabilities_from_raw_pixels(model: SoftLabelClassifier) -> None:
    images = torch.randint(0, 256, (4, 32, 32, 3), dtype=torch.uint8)
    seen = []
    model.network.conv_stem.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    probabilities = model.eval()(images)
    assert probabilities.shape == (4, 3)
    assert probabilities.dtype == torch.float32
    assert torch.allclose(probabilities.sum(dim=1), torch.ones(4))
    assert torch.equal(seen[0], images.permute(0, 3, 1, 2).float())
    assert seen[0].is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(("supersampling", "width"), [(2, 4), (3, 5)])
def test_with_supersampling_the_network_sees_overlapping_means(supersampling: int, width: int) -> None:
    model = SoftLabelClassifier(
        "test_efficientnet", "none", 3, 32, supersampling, 0.2, False, torch.optim.Adam, lambda *_: None
    )
    side = 32 * supersampling
    images = torch.randint(0, 256, (2, side, side, 3), dtype=torch.uint8)
    seen = []
    model.network.conv_stem.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    model.eval()(images)
    assert seen[0].shape == (2, 3, 32, 32)
    start = 5 * supersampling - 1
    expected = images[1, start : start + width, start : start + width].float().mean(dim=(0, 1))
    assert torch.allclose(seen[0][1, :, 5, 5], expected)


def build(**settings: Any) -> SoftLabelNetwork:
    return SoftLabelNetwork("test_efficientnet", "none", 3, 32, 1, 0.2, **settings)


def test_normalised_pixels_have_imagenets_mean_and_deviation(model: SoftLabelClassifier) -> None:
    images = torch.randint(0, 256, (4, 32, 32, 3), dtype=torch.uint8)
    network = build(normalize="imagenet")
    found = network.network_input(images)
    scaled = images.permute(0, 3, 1, 2).float() / 255
    mean, deviation = (torch.tensor(one).view(1, 3, 1, 1) for one in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    torch.testing.assert_close(found, (scaled - mean) / deviation, rtol=1e-5, atol=1e-5)
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert network.state_dict().keys() == model.state_dict().keys()  # studies of before have no such tensors


def test_the_momentum_of_batch_norm_is_the_backbones_unless_it_is_set() -> None:
    for momentum, expected in ((None, 0.1), (0.01, 0.01)):
        layers = [one for one in build(batch_norm_momentum=momentum).modules() if isinstance(one, nn.BatchNorm2d)]
        assert layers
        assert {layer.momentum for layer in layers} == {expected}


def test_a_backbone_without_batch_norm_takes_the_place_of_one_with_it() -> None:
    network = SoftLabelNetwork("test_vit", "none", 3, 160, 1, 0.0, batch_norm_momentum=0.01)
    assert network(torch.zeros(1, 160, 160, 3, dtype=torch.uint8)).shape == (1, 3)


def test_every_layer_trains_and_nothing_is_dropped_from_the_head(model: SoftLabelClassifier) -> None:
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert model.network.drop_rate == 0


def test_mixtures_do_not_count_as_right_or_wrong() -> None:
    labels = torch.from_numpy(np.stack([soft_label(name) for name in ("parental", "1:3", "control", "2:1")]))
    metric = SingleClassAccuracy()
    metric.update(labels, labels)
    assert metric.compute() == 1
    metric.update(labels.roll(1, dims=1), labels)
    assert metric.compute() == 0.5


def test_rmse_sums_the_squares_over_the_classes() -> None:
    rng = np.random.default_rng(0)
    labels, probabilities = rng.dirichlet(np.ones(3), (2, 50)).astype(np.float32)
    metric = CompositionRMSE()
    for part in (slice(0, 20), slice(20, 50)):
        metric.update(torch.from_numpy(probabilities[part]), torch.from_numpy(labels[part]))
    total = sum(
        sum((a - b) ** 2 for a, b in zip(*rows, strict=True)) for rows in zip(labels, probabilities, strict=True)
    )
    assert float(metric.compute()) == pytest.approx(np.sqrt(total / 50), rel=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_figures_while_training_are_those_of_the_evaluation(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.stack([soft_label(name) for name in rng.choice(list(BY_NAME), 200)])
    probabilities = (rng.multinomial(8, [0.4, 0.3, 0.3], len(labels)) / 8).astype(np.float32)  # ties among them
    error, accuracy = CompositionRMSE(), SingleClassAccuracy()
    for part in np.array_split(np.arange(len(labels)), 3):
        for metric in (error, accuracy):
            metric.update(torch.from_numpy(probabilities[part]), torch.from_numpy(labels[part]))
    single = labels.max(axis=1) == 1
    expected = classification(labels[single], probabilities[single]).summary()["accuracy"]
    assert float(accuracy.compute()) == pytest.approx(expected, abs=1e-7)
    assert float(error.compute()) == pytest.approx(rmse(labels, probabilities), rel=1e-6)


def test_its_names_are_those_that_a_prediction_knows() -> None:
    assert {get_class(name) for name in NAMES} == {SoftLabelClassifier, LinearProbe}
    assert f"{SoftLabelClassifier.__module__}.{SoftLabelClassifier.__name__}" in NAMES


def test_a_network_without_training_has_the_same_state(model: SoftLabelClassifier) -> None:
    network = SoftLabelNetwork("test_efficientnet", "none", 3, 32, 1, 0.2)
    network.load_state_dict(model.state_dict())
    images = torch.randint(0, 256, (2, 32, 32, 3), dtype=torch.uint8)
    torch.testing.assert_close(network.eval()(images), model.eval()(images))
