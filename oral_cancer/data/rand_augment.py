"""RandAugment by torchvision, picture by picture."""

from typing import Any

import albumentations
import numpy as np
import torch
from numpy.typing import NDArray
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import RandAugment

from oral_cancer.settings.augmentation import MAGNITUDES

SEEDS = 2**63


def rand_augment(num_ops: int, magnitude: int, fill: float) -> albumentations.Compose:
    """A quarter turn or flip of uint8 pictures (S, S, 3), then RandAugment (Cubuk et al., NeurIPS 2020).

    Args:
        num_ops: changes, one after another, each drawn from torchvision's fourteen, of which one is none.
        magnitude: of every change, 0 to 30, the greatest.
        fill: grey level of the gaps.
    """
    return albumentations.Compose([albumentations.D4(p=1), OfTorchvision(num_ops, magnitude, fill)])


class OfTorchvision(albumentations.ImageOnlyTransform):  # type: ignore[misc]
    """RandAugment as a transform of albumentations, which hands each picture a generator of its own.

    torchvision draws from PyTorch's only generator, which is seeded for the picture and then put back.
    """

    def __init__(self, num_ops: int, magnitude: int, fill: float) -> None:
        super().__init__(p=1)
        self.policy = RandAugment(num_ops, magnitude, MAGNITUDES, InterpolationMode.BILINEAR, fill)

    def apply(self, img: NDArray[np.uint8], **_: Any) -> NDArray[np.uint8]:
        """The picture, uint8 (S, S, 3), changed."""
        pixels = torch.from_numpy(img.copy()).permute(2, 0, 1)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(self.random_generator.integers(SEEDS)))
            changed: torch.Tensor = self.policy(pixels)
        return np.ascontiguousarray(changed.permute(1, 2, 0).numpy())
