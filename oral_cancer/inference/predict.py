"""Probabilities of new images, by the ensemble of a study's folds."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from oral_cancer.data.appearance import Appearance, appearance_of
from oral_cancer.data.reader import read_image, resized
from oral_cancer.inference.populations import NewImage

Ensemble = Callable[[NDArray[np.uint8]], NDArray[np.float64]]
"""Probabilities float64 (folds, B, 3) of images uint8 (B, size, size, 3)."""


@dataclass(frozen=True)
class Predicted:
    """One image that could be read.

    Attributes:
        image: where it lies.
        probabilities: float64 (folds, 3), in the order of `labels.CLASSES`.
        appearance: how it looks, to be compared with the training images.
    """

    image: NewImage
    probabilities: NDArray[np.float64]
    appearance: Appearance


class NewImages(Dataset[tuple[int, NDArray[np.uint8] | str, Appearance | None]]):
    """Decoded images, or the reason why not."""

    def __init__(self, images: Sequence[NewImage], size: int) -> None:
        self.images = images
        self.size = size

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, number: int) -> tuple[int, NDArray[np.uint8] | str, Appearance | None]:
        try:
            whole = read_image(self.images[number].path)
        except ValueError as fault:
            return number, str(fault), None
        return number, resized(whole, self.size), appearance_of(whole)


def torch_ensemble(networks: Sequence[torch.nn.Module]) -> Ensemble:
    """The ensemble of networks that take uint8 (B, H, W, 3), on the GPU where there is one."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    placed = [network.to(device).eval() for network in networks]

    def run(images: NDArray[np.uint8]) -> NDArray[np.float64]:
        with torch.inference_mode():
            batch = torch.from_numpy(images).to(device)
            return np.stack([network(batch).double().cpu().numpy() for network in placed])

    return run


def predict(
    images: Sequence[NewImage], ensemble: Ensemble, size: int, batch_size: int, workers: int | None
) -> Iterator[Predicted | tuple[NewImage, str]]:
    """Predict images in order, decoding the next ones meanwhile.

    Args:
        images: what to predict.
        ensemble: the folds' networks.
        size: side in pixels that images are resized to, as in training.
        batch_size: images a step.
        workers: decoding processes; None is one a core, up to 8.

    Yields:
        The prediction of each image, or the image and the reason why it has none.
    """
    loader = DataLoader(
        NewImages(images, size),
        batch_size=batch_size,
        num_workers=min(os.cpu_count() or 1, 8) if workers is None else workers,
        collate_fn=list,
    )
    for batch in loader:
        pixels = [shown for _, shown, _ in batch if not isinstance(shown, str)]
        found = iter(ensemble(np.stack(pixels)).transpose(1, 0, 2)) if pixels else iter(())
        for number, shown, appearance in batch:
            image = images[number]
            yield (image, shown) if isinstance(shown, str) else Predicted(image, next(found), appearance)
