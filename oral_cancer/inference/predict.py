"""Probabilities of new images, by the ensemble of a study's networks."""

import hashlib
import os
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from oral_cancer.data.appearance import Appearance, appearance_of
from oral_cancer.data.reader import NeedsRange, quiet, read_new
from oral_cancer.data.reading import NewReading
from oral_cancer.data.resizing import Resizing, resized
from oral_cancer.evaluation.feature_space import Likeness
from oral_cancer.formats.brightness import Levels, Measured, clipped
from oral_cancer.formats.picture import Ambiguous
from oral_cancer.inference.engines import Answers, Ensemble
from oral_cancer.inference.populations import NewImage

ON_GPU, ON_CPU = 16, 4
"""Images a step; the first result, progress and cancelling wait for a whole batch."""


@dataclass(frozen=True)
class Predicted:
    """One image that could be read.

    Attributes:
        image: where it lies.
        probabilities: float64 (networks, K), in the order of the classes, means over the views.
        by_view: float64 (views, K), means over the networks.
        likeness: how like its training images it is by each network; None where that is not known.
        appearance: how it looks, to be compared with the training images.
        measured: its values, as the file has them.
        levels: which of them are black and white.
        clipped: the share of them that lies beyond, 0 to 1.
        digest: of the pixels that the networks saw; images with the same one are the same.
    """

    image: NewImage
    probabilities: NDArray[np.float64]
    by_view: NDArray[np.float64]
    likeness: Likeness | None
    appearance: Appearance
    measured: Measured
    levels: Levels
    clipped: float
    digest: bytes

    @property
    def predicted(self) -> int:
        """Index of the class that is the most probable by the mean over the networks."""
        return int(self.probabilities.mean(axis=0).argmax())


@dataclass(frozen=True)
class Skipped:
    """An image that has no prediction, and why; its values where these want a range; what of it is to be chosen."""

    image: NewImage
    reason: str
    measured: Measured | None = None
    several: Ambiguous | None = None


Outcome = Predicted | Skipped


@dataclass(frozen=True)
class _Read:
    """An image, resized for the networks."""

    pixels: NDArray[np.uint8]
    appearance: Appearance
    measured: Measured
    levels: Levels
    clipped: float


@dataclass(frozen=True)
class _Undecided:
    """An image whose levels depend on all images of the call."""

    image: NewImage
    measured: Measured


def predict(
    images: Sequence[NewImage],
    ensemble: Ensemble,
    way: Resizing,
    batch_size: int | None,
    workers: int | None,
    new: NewReading,
) -> Generator[Outcome, None, None]:
    """Predict images, in order but for those whose files do not say how deep they are, which come last.

    Each worker, a thread, decodes a batch and runs the networks on it: while one decodes, others compute. Small
    networks gain more from batches side by side than from several cores on one batch.

    Args:
        images: what to predict.
        ensemble: the study's networks.
        way: how images are resized, as in training.
        batch_size: images a step; None is `ON_GPU` or `ON_CPU`.
        workers: threads; None is one a core.
        new: how the files are to be read.
    """
    size = batch_size or (ON_GPU if torch.cuda.is_available() else ON_CPU)
    undecided: list[_Undecided] = []
    with quiet(), _one_core_each(), ThreadPoolExecutor(workers or os.cpu_count()) as pool:

        def outcomes(images: Sequence[NewImage], new: NewReading) -> Iterator[Outcome | _Undecided]:
            batches = [images[first : first + size] for first in range(0, len(images), size)]
            for of_batch in pool.map(lambda batch: _predict_batch(batch, ensemble, way, new), batches):
                yield from of_batch

        for one in outcomes(images, new):
            if isinstance(one, _Undecided):
                undecided.append(one)
            else:
                yield one
        if undecided:
            common = new.with_common([one.measured for one in undecided])
            for one in outcomes([one.image for one in undecided], common):
                assert not isinstance(one, _Undecided)
                yield one


def apart(outcomes: Sequence[Outcome]) -> tuple[list[Predicted], list[Skipped]]:
    """What could be predicted, and what could not."""
    predicted = [one for one in outcomes if isinstance(one, Predicted)]
    return predicted, [one for one in outcomes if isinstance(one, Skipped)]


def _predict_batch(
    images: Sequence[NewImage], ensemble: Ensemble, way: Resizing, new: NewReading
) -> list[Outcome | _Undecided]:
    found = [_read(image, way, new) for image in images]
    pixels = [one.pixels for one in found if isinstance(one, _Read)]
    answers = _by_image(ensemble(np.stack(pixels))) if pixels else iter(())
    return [
        Predicted(
            image,
            *next(answers),
            one.appearance,
            one.measured,
            one.levels,
            one.clipped,
            hashlib.sha256(one.pixels.data).digest(),
        )
        if isinstance(one, _Read)
        else one
        for image, one in zip(images, found, strict=True)
    ]


def _by_image(answers: Answers) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64], Likeness | None]]:
    """Probabilities by network and by view, and likeness, of each image of a batch."""
    by_image = zip(answers.by_network.swapaxes(0, 1), answers.by_view.swapaxes(0, 1), strict=True)
    for number, (by_network, by_view) in enumerate(by_image):
        of_image = [[part[number] for part in one] for one in answers.likeness]
        likeness = Likeness(*map(np.array, zip(*of_image, strict=True))) if of_image else None
        yield by_network, by_view, likeness


def _read(image: NewImage, way: Resizing, new: NewReading) -> _Read | Skipped | _Undecided:
    try:
        raw, levels = read_new(image.path, new)
    except NeedsRange as fault:
        return Skipped(image, f"{fault.measured.dtype} pixels: {fault.remedy}", fault.measured)
    except ValueError as fault:
        return Skipped(image, str(fault), several=fault if isinstance(fault, Ambiguous) else None)
    if levels.by == "least" and "uint16" not in new.known:
        return _Undecided(image, raw.measured)
    whole = raw.shown(levels)
    pixels = resized(whole, *way)
    appearance = appearance_of(pixels, (whole.shape[1], whole.shape[0]), raw.micrometres)
    beyond = 0.0 if levels.by == "type" else clipped(raw.values, levels)
    return _Read(pixels, appearance, raw.measured, levels, beyond)


@contextmanager
def _one_core_each() -> Iterator[None]:
    """Let PyTorch use one core for each batch, since batches run side by side."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
