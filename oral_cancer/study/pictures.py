"""Pictures of images, where the files are still there, and the test images that an ensemble is most wrong about."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oral_cancer.data.preprocessing import preprocessed
from oral_cancer.data.reader import quiet, read_new
from oral_cancer.data.reading import NewReading
from oral_cancer.evaluation.metrics import squared_errors
from oral_cancer.evaluation.predictions import classes_of, labels, probabilities
from oral_cancer.files import sha256_of
from oral_cancer.labels import ImageSet
from oral_cancer.settings.training import NONE

SIDE = 280  # pixels of a thumbnail's longer side
JPEG_QUALITY = 75


@dataclass(frozen=True)
class Miss:
    """One image and what was predicted for it.

    Attributes:
        file: its path below the source's folder.
        true: its class or mixture.
        predicted: the most probable class.
        label, probabilities: proportions (K,) of the classes.
        squared_error: sum over the classes, 0 to 2.
        picture: a data URI, or None where the file is not there or does not decode.
    """

    file: str
    true: str
    predicted: str
    label: tuple[float, ...]
    probabilities: tuple[float, ...]
    squared_error: float
    picture: str | None


def most_wrong(
    frame: pd.DataFrame, image_set: ImageSet, number: int, folder: Path | None, new: NewReading
) -> list[Miss]:
    """The images of one set with the greatest errors.

    Args:
        frame: predictions of one ensemble or fold for the test images.
        image_set: of "homo" the misclassified images come first; then, as of "hetero", those of the greatest
            squared error.
        number: at most so many.
        folder: what the files lie below; None where that is not known.
        new: how the files are read.
    """
    images = frame[frame["set"] == image_set]
    files = [str(file) for file in images["file"]]
    classes, truth, shares = classes_of(images), labels(images), probabilities(images)
    errors = squared_errors(truth, shares)
    misclassified = (image_set == "homo") & (truth.argmax(axis=1) != shares.argmax(axis=1))
    worst = np.lexsort((-errors, ~misclassified))[:number]
    return [
        Miss(
            file=files[row],
            true=str(images["label"].iat[row]),
            predicted=classes[shares[row].argmax()],
            label=tuple(truth[row].tolist()),
            probabilities=tuple(shares[row].tolist()),
            squared_error=float(errors[row]),
            picture=thumbnail(folder / files[row], new) if folder else None,
        )
        for row in worst.tolist()
    ]


def thumbnail(path: Path, new: NewReading) -> str | None:
    """A small JPEG as a data URI, or None for a file that cannot be read or does not decode."""
    picture = _read(path, new)
    if picture is None:
        return None
    scale = SIDE / max(picture.shape)
    size = [max(1, round(side * scale)) for side in picture.shape[1::-1]]
    return inlined(picture, size)


def as_trained(path: Path, sha256: str, new: NewReading, side: int, preprocess: str = NONE) -> str | None:
    """As `thumbnail`, the square that training makes of an image; None also for a file that is another by now.

    Args:
        path: of the image.
        sha256: of the file that was trained on, in hex.
        new: how the files are read.
        side: pixels.
        preprocess: what training does to the square, see `data.preprocessing`.
    """
    picture = _read(path, new) if path.is_file() and sha256_of(path) == sha256 else None
    if picture is None:
        return None
    square = np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    return inlined(preprocessed(square, preprocess), (side, side))


def _read(path: Path, new: NewReading) -> NDArray[np.uint8] | None:
    try:
        with quiet():
            raw, levels = read_new(path, new)
    except ValueError:
        return None
    return raw.shown(levels)


def inlined(picture: NDArray[np.uint8], size: Sequence[int]) -> str:
    """A picture (H, W, 3), RGB, as a JPEG of this width and height in a data URI."""
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode()
