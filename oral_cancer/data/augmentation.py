"""Random changes of training images that depend on the seed, the epoch and the image, and on nothing else."""

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence

import albumentations
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from oral_cancer.settings.augmentation import CENTRE


class SeededAugmentation:
    """Applies an albumentations composition with one generator a picture.

    `Compose.set_random_seed` would hand the same seed to every transform, so that two flips of probability 1/2 always
    happened together; one generator passed through all of them keeps their draws independent.
    """

    def __init__(self, transforms: albumentations.BaseCompose, seed: int) -> None:
        self.transforms = transforms
        self.seed = seed

    def __call__(self, image: NDArray[np.uint8], epoch: int, position: int) -> NDArray[np.uint8]:
        """The image at a position of the training set as one epoch shows it; uint8 (H, W, 3) in and out."""
        generator = generator_of(self.seed, epoch, position)
        self.transforms.set_random_state(generator, random.Random(generator.bytes(16)))
        augmented: NDArray[np.uint8] = self.transforms(image=image)["image"]
        return augmented


class DeviceAugmentation(ABC):
    """Changes batches on the device that they lie on.

    What happens to a picture is drawn beforehand, one generator a picture, where its batch is put together.
    """

    @abstractmethod
    def draw(self, seed: int, epoch: int, position: int) -> Tensor:
        """What happens to the image at a position of the training set in one epoch: float32 (D,)."""

    @abstractmethod
    def __call__(self, images: Tensor, draws: Tensor) -> Tensor:
        """The images, changed as was drawn: (B, H, W, 3), uint8 or float32 of 0 to 255, of uint8 and draws (B, D)."""


class BatchAugmentation(DeviceAugmentation):
    """Rotation and flips of batches.

    `settings.check` refuses values out of range.

    Args:
        degrees: lowest and highest angle of rotation, drawn evenly.
        fill: grey level of the gaps, 0 to 255.
        horizontal_flip: its probability.
        vertical_flip: its probability.
    """

    def __init__(self, degrees: Sequence[float], fill: float, horizontal_flip: float, vertical_flip: float) -> None:
        low, high = degrees
        self.degrees = low, high
        self.fill = fill
        self.flips = horizontal_flip, vertical_flip

    def draw(self, seed: int, epoch: int, position: int) -> Tensor:
        """What happens to the image at a position of the training set in one epoch: float32 (3,).

        Its angle in degrees, counter-clockwise, then -1 or 1 for whether it is flipped left to right and upside down.
        """
        generator = generator_of(seed, epoch, position)
        flips = np.where(generator.random(2) < self.flips, -1, 1)
        return torch.tensor([generator.uniform(*self.degrees), *flips], dtype=torch.float32)

    def __call__(self, images: Tensor, draws: Tensor) -> Tensor:
        """The images, rotated and then flipped; uint8 (B, H, W, 3) in and out, with draws (B, 3)."""
        batch, height, width, _ = images.shape
        angle, across, down = draws.deg2rad()[:, 0], draws[:, 1], draws[:, 2]
        sin, cos, none = angle.sin(), angle.cos(), torch.zeros_like(angle)
        # Where a pixel of the result comes from, in coordinates that reach from -1 to 1 over either side.
        rows = [cos * across, -sin * down * height / width, none, sin * across * width / height, cos * down, none]
        grid = F.affine_grid(torch.stack(rows, dim=1).view(batch, 2, 3), [batch, 3, height, width], align_corners=False)
        pixels = images.permute(0, 3, 1, 2).float() - self.fill  # what lies outside is sampled as zero
        turned = F.grid_sample(pixels, grid, mode="bilinear", padding_mode="zeros", align_corners=False) + self.fill
        return turned.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)


class QuarterTurns(DeviceAugmentation):
    """One of the eight turns and flips of the square, each as likely: no corner is lost and nothing is blurred."""

    views = 8

    def draw(self, seed: int, epoch: int, position: int) -> Tensor:
        """Whether the image is flipped left to right, upside down, and along its diagonal: float32 (3,), 0 or 1."""
        return torch.from_numpy(generator_of(seed, epoch, position).integers(0, 2, 3).astype(np.float32))

    def __call__(self, images: Tensor, draws: Tensor) -> Tensor:
        """The images (B, S, S, 3), flipped; squares, as a store has them."""
        for flipped, drawn in zip((_across, _down, _along_diagonal), draws.T, strict=True):
            images = torch.where(drawn[:, None, None, None] > 0, flipped(images), images)
        return images


def _across(images: Tensor) -> Tensor:
    return images.flip(2)


def _down(images: Tensor) -> Tensor:
    return images.flip(1)


def _along_diagonal(images: Tensor) -> Tensor:
    return images.transpose(1, 2)


def of_accelerator(
    cpu: albumentations.BaseCompose,
    gpu: BatchAugmentation,
    accelerator: str,
    recipe: str = CENTRE,
    **others: albumentations.BaseCompose | DeviceAugmentation,
) -> albumentations.BaseCompose | DeviceAugmentation:
    """The one of the network's recipe: among `others` by its name, else `gpu` on CUDA and `cpu` elsewhere."""
    return others[recipe] if recipe in others else gpu if trains_on_cuda(accelerator) else cpu


def trains_on_cuda(accelerator: str) -> bool:
    """Whether Lightning's accelerator of this name is a CUDA device of this machine."""
    return accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available()


def generator_of(seed: int, epoch: int, position: int) -> np.random.Generator:
    """What draws for the image at a position of the training set in one epoch."""
    return np.random.default_rng([seed, epoch, position])
