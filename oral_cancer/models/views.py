"""The turns and flips of a square image, which the mean of predictions is taken over.

A field of cells has no up or down, and a network that has seen few of them says something else of each view. The mean
over the eight (the symmetries of the square, the group D4) says the same of an image however it lies.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

SIDES = (-2, -1)


def views_of(images: Tensor, number: int) -> Iterator[Tensor]:
    """Images as they lie, then for `number` 8 their quarter turns, and those of their mirror images.

    Args:
        images: (..., S, S), such as (B, C, S, S).
        number: 1 or 8.

    Raises:
        ValueError: where several views are asked of images that are not square.
    """
    if number > 1 and images.shape[-2] != images.shape[-1]:
        raise ValueError(f"views are of squares, and not of {tuple(images.shape[-2:])}")
    return (_turned(images, view) for view in range(number))


def one_view_each(images: Tensor, number: int, first: int = 0, step: int = 1) -> Tensor:
    """Images (B, C, S, S), each by one of its `number` views: the first by view `first`, the next `step` further on."""
    turned = torch.stack([_turned(image, (first + step * place) % number) for place, image in enumerate(images)])
    return turned.contiguous(memory_format=torch.channels_last)


def mean_turned_back(map_of: Callable[[Tensor], Tensor], images: Tensor, number: int) -> Tensor:
    """The mean over the views of a map of each, such as its heat, once all lie as the images do.

    Args:
        map_of: makes maps (..., s, s) of images (..., S, S); it is called view by view.
        images: as `views_of` has them.
        number: of views.
    """
    maps = [_turned_back(map_of(view), place) for place, view in enumerate(views_of(images, number))]
    return torch.stack(maps).mean(dim=0)


def _turned(images: Tensor, view: int) -> Tensor:
    turned = (images.flip(-1) if view >= 4 else images).rot90(view % 4, SIDES) if view else images
    return turned.contiguous(memory_format=torch.channels_last) if turned.ndim == 4 else turned


def _turned_back(maps: Tensor, view: int) -> Tensor:
    upright = maps.rot90(-view % 4, SIDES)
    return upright.flip(-1) if view >= 4 else upright
