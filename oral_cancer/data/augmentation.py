"""Random changes of training images that depend on the seed, the epoch and the image, and on nothing else."""

import random

import albumentations
import numpy as np
from numpy.typing import NDArray


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
        generator = np.random.default_rng([self.seed, epoch, position])
        self.transforms.set_random_state(generator, random.Random(generator.bytes(16)))
        augmented: NDArray[np.uint8] = self.transforms(image=image)["image"]
        return augmented
