import gc
import weakref

import cv2
import numpy as np
import pytest
import timm
import torch
from captum.attr import GuidedBackprop
from torch import nn

from oral_cancer.explain.gradients import (
    grad_cam,
    guided_backpropagation,
    guided_copy,
    has_feature_map,
    with_random_weights,
)
from oral_cancer.explain.pictures import overlay, sheet

PIXELS = 64
SQUARE = 32


def network(name: str = "test_efficientnet") -> nn.Module:
    torch.manual_seed(0)
    return timm.create_model(name, num_classes=3).eval()


def images(number: int = 2) -> torch.Tensor:
    return 255 * torch.rand((number, 3, PIXELS, PIXELS), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", ["test_efficientnet", "test_resnet", "test_convnext"])
def test_grad_cam_is_that_of_hooks_on_the_map_that_is_pooled(name: str) -> None:
    net, pixels, targets = network(name), images(6), torch.tensor([0, 1, 2, 0, 1, 2])
    maps = net.forward_features(pixels)
    maps.retain_grad()
    net.forward_head(maps)[range(6), targets].sum().backward()
    weights = maps.grad.mean(dim=(2, 3), keepdim=True)
    expected = (weights * maps).sum(dim=1).relu()
    expected = (expected / expected.amax(dim=(1, 2), keepdim=True)).nan_to_num(0)  # nothing speaks for some classes
    found = grad_cam(net, pixels, targets)
    assert found.max() == pytest.approx(1)
    torch.testing.assert_close(found, expected.detach(), atol=1e-5, rtol=1e-4)


def test_the_map_of_an_efficientnet_is_its_last_convolutional_activation() -> None:
    net, pixels, seen = network(), images(), []
    net.bn2.act.register_forward_hook(lambda module, given, result: seen.append(result))
    torch.testing.assert_close(net.forward_features(pixels), seen[0])


def test_a_transformer_has_no_feature_map() -> None:
    assert has_feature_map(network(), images())
    assert not has_feature_map(network("test_vit"), images(1).repeat(1, 1, 3, 3)[..., :160, :160])
    swin = timm.create_model("swin_tiny_patch4_window7_224", num_classes=3, img_size=64, window_size=2).eval()
    assert not has_feature_map(swin, images())


def test_where_nothing_speaks_for_a_class_there_is_no_heat() -> None:
    net = network()
    nn.init.zeros_(net.classifier.weight)
    assert grad_cam(net, images(), torch.tensor([0, 1])).abs().max() == 0


def test_with_relu_guided_backpropagation_is_the_published_one() -> None:
    net, pixels, targets = network("test_resnet"), images(), torch.tensor([1, 2])
    plain = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(3))
    plain(pixels)
    for relu_network in (plain.eval(), net):
        found = guided_backpropagation(relu_network, pixels, targets)
        expected = GuidedBackprop(guided_copy_of_relus(relu_network)).attribute(pixels.requires_grad_(), targets)
        torch.testing.assert_close(found, expected.detach(), atol=1e-6, rtol=1e-4)


def guided_copy_of_relus(net: nn.Module) -> nn.Module:
    """Captum's hooks do not bear activations in place."""
    for module in net.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    return net


def test_silu_passes_only_positive_gradients_at_positive_inputs() -> None:
    net = nn.Sequential(nn.SiLU())
    given = torch.tensor([[-1.0, 2.0, 3.0]], requires_grad=True)
    weights = torch.tensor([[1.0, 1.0, -1.0]])
    (guided_copy(net)(given) * weights).sum().backward()
    sigmoid = torch.sigmoid(torch.tensor(2.0))
    derivative = sigmoid * (1 + 2 * (1 - sigmoid))
    torch.testing.assert_close(given.grad, torch.tensor([[0.0, float(derivative), 0.0]]))


def test_nothing_of_a_batch_is_kept_once_it_is_explained() -> None:
    """The pictures of a study are thousands of backward passes: what one left would fill the memory."""
    net, kept = network(), []
    for module in [module for module in net.modules() if isinstance(module, nn.SiLU)]:
        module.register_forward_pre_hook(lambda _, given: kept.append(weakref.ref(given[0])))
    guided_backpropagation(net, images(), torch.tensor([0, 1]))
    gc.collect()
    assert kept
    assert all(tensor() is None for tensor in kept)


@pytest.mark.parametrize(("name", "kind", "least"), [("tf_efficientnet_b3", "SiLU", 50), ("convnext_tiny", "GELU", 18)])
def test_every_activation_is_guided_and_the_network_itself_is_not(name: str, kind: str, least: int) -> None:
    net = timm.create_model(name, num_classes=3).eval()
    number = sum(type(module).__name__ == kind for module in net.modules())
    guided = guided_copy(net)
    assert number >= least
    assert sum(type(module).__name__ == "_Guided" for module in guided.modules()) == number
    assert sum(type(module).__name__ == kind for module in net.modules()) == number
    with torch.inference_mode():
        torch.testing.assert_close(guided(images()), net(images()))


def test_with_randomised_weights_the_pictures_change() -> None:
    """A sanity check: what does not depend on the weights explains nothing (Adebayo et al., NeurIPS 2018)."""
    targets = torch.tensor([0, 0])
    pictures = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        net = timm.create_model("test_efficientnet", num_classes=3).eval()
        pixels = torch.nn.functional.interpolate(images(), (160, 160))
        pictures.append((grad_cam(net, pixels, targets), guided_backpropagation(net, pixels, targets)))
    for first, second in zip(*pictures, strict=True):
        correlation = np.corrcoef(first.flatten(), second.flatten())[0, 1]
        assert abs(correlation) < 0.5


@pytest.fixture(scope="module")
def square_finder() -> nn.Module:
    """A network that has learned the colour of a bright square among noise."""
    torch.manual_seed(0)
    net = timm.create_model("test_resnet", num_classes=3).train()
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    rng = np.random.default_rng(0)
    for _ in range(60):
        shown, colours, _ = squares(rng, 16)
        loss = nn.functional.cross_entropy(net(shown), colours)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net.eval()


def squares(rng: np.random.Generator, number: int) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
    """Noise with a square of one of three colours; the colours, and the squares' upper left corners."""
    shown = rng.normal(100, 30, (number, 3, 160, 160))
    colours, corners = rng.integers(0, 3, number), rng.integers(0, 160 - SQUARE, (number, 2))
    for image, colour, (y, x) in zip(shown, colours, corners, strict=True):
        image[colour, y : y + SQUARE, x : x + SQUARE] = 250
    return torch.from_numpy(shown.clip(0, 255).astype(np.float32)), torch.from_numpy(colours), corners


@pytest.mark.slow
def test_the_heat_lies_on_the_cue_that_decides(square_finder: nn.Module, tmp_path) -> None:
    shown, colours, corners = squares(np.random.default_rng(1), 20)
    assert (square_finder(shown).argmax(dim=1) == colours).float().mean() > 0.9
    heats = grad_cam(square_finder, shown, colours).numpy()
    near = SQUARE  # of the map's fields, each 32 px wide
    hits, sheets = 0, []
    for image, heat, corner in zip(shown.numpy(), heats, corners, strict=True):
        whole = cv2.resize(heat, (160, 160), interpolation=cv2.INTER_LINEAR)
        highest = np.array(np.unravel_index(whole.argmax(), whole.shape))
        hits += bool((np.abs(highest - (corner + SQUARE / 2)) <= near).all())
        picture = np.ascontiguousarray(image.transpose(1, 2, 0)).astype(np.uint8)
        sheets.append(sheet({"original": picture, "grad_cam": overlay(picture, heat)}, scaled="grad_cam"))
    cv2.imwrite(str(tmp_path / "cues.png"), np.vstack(sheets[:4])[..., ::-1])
    assert hits >= 16


def test_a_copy_with_random_weights_has_forgotten_and_leaves_the_network_alone() -> None:
    network = timm.create_model("test_efficientnet", num_classes=3)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    state = torch.random.get_rng_state()
    untrained, again = (with_random_weights(network).state_dict() for _ in range(2))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    weights = [name for name, value in before.items() if name.endswith("weight") and value.ndim > 1]
    assert weights
    assert not any(torch.equal(untrained[name], before[name]) for name in weights)
    assert all(torch.equal(untrained[name], again[name]) for name in weights)


@pytest.mark.parametrize("explain", [grad_cam, guided_backpropagation])
def test_the_mean_over_the_views_turns_with_the_image(explain) -> None:
    net, pixels, targets = network(), images(), torch.tensor([0, 1])
    found, turned = (explain(net, seen, targets, 8) for seen in (pixels, pixels.rot90(1, (2, 3)).flip(3)))
    expected = found.rot90(1, (-2, -1)).flip(-1)
    torch.testing.assert_close(turned, expected, atol=1e-5 * float(found.abs().max()), rtol=0)
    one, one_turned = (explain(net, seen, targets) for seen in (pixels, pixels.rot90(1, (2, 3)).flip(3)))
    assert (one_turned - one.rot90(1, (-2, -1)).flip(-1)).abs().max() > 1e-2 * float(one.abs().max())
