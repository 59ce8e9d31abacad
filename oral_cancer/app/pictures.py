"""Pictures of images as browsers can show them, in the range of intensities that the networks saw."""

import threading
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from oral_cancer.app.shelf import Shelf
from oral_cancer.app.work import Result
from oral_cancer.data.reader import decode, quiet, read_bytes
from oral_cancer.errors import UserError
from oral_cancer.explain.choice import Labelled
from oral_cancer.explain.explaining import Explained, explain
from oral_cancer.explain.pictures import Pixels, coloured, png
from oral_cancer.files import write_bytes
from oral_cancer.inference.predict import Predicted

SIDES = (320, 1600)
"""Pixels of a picture's longer side: in the list, and alone."""
_EXPLAINING = threading.Lock()


def picture(result: Result, one: Predicted, side: int, folder: Path) -> bytes:
    """A PNG of an image, at most so many pixels wide and high.

    Raises:
        UserError: where the file is no longer what it was.
    """

    def make() -> bytes:
        try:
            with quiet():
                pixels = decode(read_bytes(one.image.path), result.prediction.new.reading.choice).shown(one.levels)
        except ValueError as fault:
            raise UserError(f"{one.image.file}: {fault}") from None
        return png(_at_most(pixels, side))

    return _kept(folder / result.key / f"{_number(result, one)}-{side}.png", make)


def heat(result: Result, one: Predicted, shelf: Shelf, folder: Path) -> bytes:
    """A PNG of what speaks for the predicted class by Grad-CAM, in colours to lay over an image.

    The class is that of the mean over all networks, as the page shows it; the network is that of the first run, as
    that of `oral-cancer explain`, whose `fold=null` shows those of the others.

    Raises:
        UserError: where it does not apply to the network, or the file is no longer what it was.
    """

    def make() -> bytes:
        explainers = shelf.explainers(result.card)
        new = result.prediction.new
        if one.levels.by == "least":
            new = new.with_common([found.measured for found in result.prediction.predicted])
        with _EXPLAINING:
            (found,) = explain([Labelled(one.image)], explainers, new, one.predicted, 1)
        if not isinstance(found, Explained):
            raise UserError(f"{one.image.file}: {found.reason}")
        if found.explanation.heat is None:
            raise UserError("Grad-CAM does not apply to this network")
        return png(coloured(found.explanation.heat, found.original.shape[1::-1]))

    return _kept(folder / result.key / f"{_number(result, one)}-heat.png", make)


def _kept(path: Path, make: Callable[[], bytes]) -> bytes:
    """The bytes of a file, which is made where it is not there."""
    if not path.exists():
        write_bytes(path, make())
    return path.read_bytes()


def _number(result: Result, one: Predicted) -> int:
    return result.files.index(one.image.file)


def _at_most(pixels: Pixels, side: int) -> Pixels:
    scale = side / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    height, width = (max(1, round(length * scale)) for length in pixels.shape[:2])
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
