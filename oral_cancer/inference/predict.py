"""Probabilities of new images, by the ensemble of a study's folds."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from oral_cancer.data.appearance import Appearance, appearance_of
from oral_cancer.data.reader import decode, quiet, read_bytes, resized
from oral_cancer.inference.engines import Ensemble
from oral_cancer.inference.populations import NewImage


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


Outcome = Predicted | tuple[NewImage, str]
"""The prediction of an image, or the image and the reason why it has none."""


def predict(
    images: Sequence[NewImage], ensemble: Ensemble, size: int, batch_size: int, workers: int | None
) -> Iterator[Outcome]:
    """Predict images in order.

    Each worker, a thread, decodes a batch and runs the networks on it: while one decodes, others compute. Small
    networks gain more from batches side by side than from several cores on one batch.

    Args:
        images: what to predict.
        ensemble: the folds' networks.
        size: side in pixels that images are resized to, as in training.
        batch_size: images a step.
        workers: threads; None is one a core.
    """
    batches = [images[first : first + batch_size] for first in range(0, len(images), batch_size)]
    with quiet(), _one_core_each(), ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        for outcomes in pool.map(lambda batch: _predict_batch(batch, ensemble, size), batches):
            yield from outcomes


def _predict_batch(images: Sequence[NewImage], ensemble: Ensemble, size: int) -> list[Outcome]:
    shown = [_read(image, size) for image in images]
    pixels = [found[0] for found in shown if not isinstance(found, str)]
    probabilities = iter(ensemble(np.stack(pixels)).transpose(1, 0, 2)) if pixels else iter(())
    return [
        (image, found) if isinstance(found, str) else Predicted(image, next(probabilities), found[1])
        for image, found in zip(images, shown, strict=True)
    ]


def _read(image: NewImage, size: int) -> tuple[NDArray[np.uint8], Appearance] | str:
    try:
        whole = decode(read_bytes(image.path))
    except ValueError as fault:
        return str(fault)
    return resized(whole, size), appearance_of(whole)


@contextmanager
def _one_core_each() -> Iterator[None]:
    """Let PyTorch use one core for each batch, since batches run side by side."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
