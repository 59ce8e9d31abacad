"""Training images as puzzles: cut into squares that change places. What is left to learn from is within a square."""

import math

import albumentations
import numpy as np
import torch
from torch import Tensor

from oral_cancer.data.augmentation import DeviceAugmentation, generator_of
from oral_cancer.settings.augmentation import IN_A_ROW


def puzzle(
    image_size: int,
    supersampling: int,
    square: int | None,
    then: albumentations.BaseCompose | DeviceAugmentation,
) -> albumentations.BaseCompose | DeviceAugmentation:
    """The squares shuffled, and then another augmentation; in batches or picture by picture, as that one works.

    `settings.check` refuses squares that do not fill the image.

    Args:
        image_size: pixels a side that the network sees.
        supersampling: how many times larger the images are that are cut.
        square: pixels a side of a square; None is a third of the image's.
        then: what happens to the shuffled image.
    """
    in_a_row = image_size * supersampling // square if square else IN_A_ROW
    if isinstance(then, DeviceAugmentation):
        return PuzzleBatches(in_a_row, then)
    shuffle = albumentations.RandomGridShuffle(grid=(in_a_row, in_a_row), p=1)
    return albumentations.Compose([shuffle, *then.transforms])


class PuzzleBatches(DeviceAugmentation):
    """The squares of batches shuffled, and then another augmentation.

    Args:
        in_a_row: squares a side.
        then: what happens to the shuffled images.
    """

    def __init__(self, in_a_row: int, then: DeviceAugmentation) -> None:
        self.in_a_row = in_a_row
        self.then = then

    def draw(self, seed: int, epoch: int, position: int) -> Tensor:
        """Which square comes to each place, row by row, and what then happens: float32 (in_a_row^2 + D,)."""
        generator = generator_of(seed, epoch, position).spawn(1)[0]  # `then` has the other
        order = generator.permutation(self.in_a_row**2).astype(np.float32)
        return torch.cat([torch.from_numpy(order), self.then.draw(seed, epoch, position)])

    def __call__(self, images: Tensor, draws: Tensor) -> Tensor:
        """See `DeviceAugmentation`; sides must be multiples of `in_a_row`."""
        squares = self.in_a_row**2
        return self.then(shuffled(images, draws[:, :squares].long()), draws[:, squares:])


def shuffled(images: Tensor, order: Tensor) -> Tensor:
    """Images whose squares have changed places.

    Args:
        images: (B, S, S, C).
        order: int64 (B, n^2), of n squares a side: which square comes to each place, both counted row by row.
    """
    batch, side, _, channels = images.shape
    in_a_row = math.isqrt(order.shape[1])
    square = side // in_a_row
    cut = images.view(batch, in_a_row, square, in_a_row, square, channels).transpose(2, 3)
    squares = cut.reshape(batch, in_a_row**2, square, square, channels)
    moved = squares[torch.arange(batch, device=images.device)[:, None], order]
    back = moved.view(batch, in_a_row, in_a_row, square, square, channels).transpose(2, 3)
    return back.reshape(images.shape)
