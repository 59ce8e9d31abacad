from concurrent.futures import ThreadPoolExecutor

import pytest
import timm
import torch

from oral_cancer.models.features import FeatureTap, has_features

FAMILIES = ("test_efficientnet", "test_byobnet", "test_resnet", "test_convnext", "test_vit")


@pytest.mark.parametrize("name", FAMILIES)
def test_what_is_taken_is_what_the_stages_and_the_classifier_see(name: str) -> None:
    fixed = {"img_size": 32} if name == "test_vit" else {}
    network = timm.create_model(name, num_classes=3, **fixed).eval()
    images = torch.rand(4, 3, 32, 32)
    assert has_features(network)
    with torch.inference_mode():
        given = network.forward_head(network.forward_features(images), pre_logits=True)
        expected = network(images)
    with torch.inference_mode(), FeatureTap(network) as tap:
        assert torch.equal(network(images), expected)
        early, last = tap.taken()
        assert early.shape == (4, tap.width)
        torch.testing.assert_close(last, given)
        network(images)
        network(images.flip(3))
        assert torch.equal(tap.taken().early, early)
        network(images.flip(3))
        assert not torch.equal(tap.taken().early, early)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())


def test_the_early_stages_are_means_of_maps_of_a_fourth_and_an_eighth() -> None:
    network = timm.create_model("test_efficientnet", num_classes=3).eval()
    images = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        maps = network.forward_intermediates(images, intermediates_only=True)
    expected = torch.cat([one.mean((2, 3)) for one in maps if one.shape[2] in (8, 16)], dim=1)
    with torch.inference_mode(), FeatureTap(network) as tap:
        network(images)
        torch.testing.assert_close(tap.taken().early, expected)


def test_threads_take_their_own() -> None:
    network = timm.create_model("test_efficientnet", num_classes=3).eval()
    batches = [torch.rand(1 + n % 3, 3, 32, 32) for n in range(24)]
    with FeatureTap(network) as tap:

        def run(images: torch.Tensor) -> torch.Tensor:
            with torch.inference_mode():
                network(images)
                return tap.taken().early

        alone = [run(images) for images in batches]
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(run, batches))
    for one, other in zip(alone, together, strict=True):
        torch.testing.assert_close(one, other)


def test_a_network_without_a_classifier_has_none() -> None:
    assert not has_features(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 3)))
