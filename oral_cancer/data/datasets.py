"""Images of a store as PyTorch's datasets: to evaluate, to train on, to augment where the network trains."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from oral_cancer.data.augmentation import DeviceAugmentation, SeededAugmentation
from oral_cancer.data.store import ImageView
from oral_cancer.data.training_set import TrainingSet

Batch = tuple[torch.Tensor, torch.Tensor]


class EvaluationImages(Dataset[Batch]):
    """Images as the store has them: uint8 (H, W, 3) and soft label float32 (K,)."""

    def __init__(self, images: ImageView, soft_labels: NDArray[np.float32]) -> None:
        self.images = images
        self.soft_labels = torch.from_numpy(soft_labels)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, position: int) -> Batch:
        return torch.from_numpy(np.array(self.images[position])), self.soft_labels[position]


class TrainingImages(Dataset[Batch]):
    """A treated training set; its keys are the pairs (epoch, position) of a `ShuffledStream`.

    Without an augmentation, images are as the store has them.
    """

    def __init__(
        self, images: ImageView, training_set: TrainingSet, augmentation: SeededAugmentation | None = None
    ) -> None:
        self.images = images
        self.indices = training_set.indices
        self.synthetic = training_set.synthetic
        self.soft_labels = torch.from_numpy(training_set.soft_labels)
        self.augmentation = augmentation

    def __len__(self) -> int:
        return len(self.soft_labels)

    def __getitem__(self, key: tuple[int, int]) -> Batch:
        epoch, position = key
        image = self.image(position)
        shown = self.augmentation(image, epoch, position) if self.augmentation else image
        return torch.from_numpy(np.require(shown, requirements="W")), self.soft_labels[position]

    def distinct(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Positions (U,) of which no two show the same image, and which of these is shown at each position (M,)."""
        made = -1 - np.arange(len(self.synthetic))
        _, first, which = np.unique(np.concatenate((self.indices, made)), return_index=True, return_inverse=True)
        return first, which

    def image(self, position: int) -> NDArray[np.uint8]:
        """The image at a position, uint8 (H, W, 3), not augmented."""
        chosen = len(self.indices)
        image = self.images[self.indices[position]] if position < chosen else self.synthetic[position - chosen]
        return np.asarray(image)


class DrawnImages(Dataset[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]):
    """A training set that is augmented on the device: images or their positions, what happens to them, soft labels.

    Args:
        plain: the training set, not augmented.
        augmentation: whose `draw` says what happens.
        seed: of the draws.
        by_position: whether the device has the pixels, and wants positions (int64) for images.
    """

    def __init__(self, plain: TrainingImages, augmentation: DeviceAugmentation, seed: int, by_position: bool) -> None:
        self.plain = plain
        self.augmentation = augmentation
        self.seed = seed
        self.by_position = by_position

    def __len__(self) -> int:
        return len(self.plain)

    def __getitem__(self, key: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        image, label = (torch.tensor(key[1]), self.plain.soft_labels[key[1]]) if self.by_position else self.plain[key]
        return image, self.augmentation.draw(self.seed, *key), label
