from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from oral_cancer.data.resizing import resized_batch
from oral_cancer.models import SoftLabelNetwork
from oral_cancer.models.views import mean_turned_back, one_view_each, views_of

TURNS: dict[str, Callable[[Tensor], Tensor]] = {
    "quarter turn": lambda images: images.rot90(1, (1, 2)),
    "half turn": lambda images: images.rot90(2, (1, 2)),
    "left to right": lambda images: images.flip(2),
    "transposed and turned": lambda images: images.transpose(1, 2).rot90(1, (1, 2)),
}
"""Of uint8 images (B, H, W, 3)."""


def network(supersampling: int = 1, views: int = 8) -> SoftLabelNetwork:
    torch.manual_seed(0)
    found = SoftLabelNetwork("test_efficientnet", "none", 3, 32, supersampling, 0.2, views).eval()
    torch.nn.init.normal_(found.network.classifier.weight, std=0.02)  # so that it is sure of nothing
    return found


def images(number: int, side: int) -> Tensor:
    return torch.randint(0, 256, (number, side, side, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


@torch.inference_mode()
def predicted(network: SoftLabelNetwork, images: Tensor) -> Tensor:
    return network.by_view(network.network_input(images)).mean(dim=0)


def test_the_eight_views_are_all_there_are_and_the_first_lies_as_it_is() -> None:
    image = torch.arange(9).view(1, 1, 3, 3)
    views = list(views_of(image, 8))
    assert torch.equal(views[0], image)
    assert len({tuple(view.flatten().tolist()) for view in views}) == 8
    again = {tuple(view.flatten().tolist()) for each in views for view in views_of(each, 8)}
    assert len(again) == 8  # a turn of a view is a view
    (only,) = views_of(image, 1)
    assert torch.equal(only, image)


def test_what_is_no_square_has_no_views_and_no_image_comes_so() -> None:
    with pytest.raises(ValueError, match=r"squares, and not of \(3, 4\)"):
        views_of(torch.zeros(1, 3, 3, 4), 8)
    for shape in ((20, 50), (50, 20), (33, 32)):
        assert resized_batch(torch.zeros(1, *shape, 3, dtype=torch.uint8), 32).shape == (1, 32, 32, 3)


def test_maps_of_views_lie_as_the_image_does_once_turned_back() -> None:
    image = torch.rand(2, 3, 6, 6)
    torch.testing.assert_close(mean_turned_back(lambda view: view, image, 8), image)
    coarse = mean_turned_back(lambda view: torch.nn.functional.avg_pool2d(view, 2)[:, 0], image, 8)
    torch.testing.assert_close(coarse, torch.nn.functional.avg_pool2d(image, 2)[:, 0])


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("supersampling", [1, 2, 3])
def test_an_image_is_predicted_the_same_however_it_lies(supersampling: int, turn: str) -> None:
    shown = images(3, 32 * supersampling)
    of_views, of_one = network(supersampling), network(supersampling, views=1)
    turned = TURNS[turn](shown)
    torch.testing.assert_close(predicted(of_views, turned), predicted(of_views, shown), atol=1e-5, rtol=0)
    assert (predicted(of_one, turned) - predicted(of_one, shown)).abs().max() > 1e-4  # which one view does not do


def test_one_view_is_the_network_itself_and_views_do_not_grow_a_batch() -> None:
    of_one, of_views, shown = network(views=1), network(), images(5, 32)
    with torch.inference_mode():
        torch.testing.assert_close(predicted(of_one, shown), of_one(shown), atol=0, rtol=0)
        torch.testing.assert_close(of_views(shown), of_one(shown), atol=0, rtol=0)  # as what is trained is seen
    batches: list[int] = []
    of_views.network.register_forward_pre_hook(lambda _, given: batches.append(len(given[0])))
    predicted(of_views, shown)
    assert batches == [5] * 8


@pytest.mark.parametrize(("number", "first", "step"), [(1, 0, 1), (8, 0, 1), (8, 1, 2)])
def test_one_view_each_goes_through_the_views(number: int, first: int, step: int) -> None:
    pixels = torch.rand(11, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    views = torch.stack(list(views_of(pixels, number)))
    expected = [views[(first + step * place) % number, place] for place in range(len(pixels))]
    assert torch.equal(one_view_each(pixels, number, first, step), torch.stack(expected))


def test_two_ranks_give_each_image_the_view_that_one_rank_gives_it() -> None:
    pixels = torch.rand(16, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    alone = one_view_each(pixels, 8)
    for rank in range(2):
        assert torch.equal(one_view_each(pixels[rank::2], 8, first=rank, step=2), alone[rank::2])
