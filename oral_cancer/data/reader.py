"""From an image file to RGB pixels, or the reason why not."""

import logging
import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import imagecodecs
import numpy as np
import PIL
import simplejpeg
import tifffile
from numpy.typing import NDArray

from oral_cancer.data.reading import NewReading, Reading
from oral_cancer.formats.brightness import Levels, Measured, measured, shown
from oral_cancer.formats.kinds import read_values
from oral_cancer.formats.picture import Choice, Unreadable, Values

DECODER = (
    f"5, tifffile {tifffile.__version__}, imagecodecs {imagecodecs.__version__}, simplejpeg {simplejpeg.__version__}, "
    f"Pillow {PIL.__version__}, PyTorch {version('torch')}, scikit-image {version('scikit-image')}"
)
"""Version of this module and its libraries: other pixels may come out of another one."""

MAX_BYTES = 512_000_000
"""Largest file that is read into memory."""


class NeedsRange(Unreadable):
    """That an image's pixel type leaves open which values are black and white."""

    def __init__(self, measured: Measured, before: str) -> None:
        self.measured = measured
        self.remedy = f"{before}range=[low, high] must say which are black and white"
        dtype, _, low, high = measured
        super().__init__(f"{dtype} pixels, {low:g} to {high:g}: {self.remedy}")


@dataclass(frozen=True)
class Raw:
    """The values of an image file as they are.

    Attributes:
        values: (H, W), or (H, W, 3) in red, green and blue; upright.
        measured: their type, declared depth and ends.
        inverted: whether the lowest is white.
        micrometres: the side of a pixel, where the file says.
    """

    values: Values
    measured: Measured
    inverted: bool
    micrometres: float | None

    def shown(self, levels: Levels) -> NDArray[np.uint8]:
        """uint8 RGB (H, W, 3), see `brightness.shown`."""
        return shown(self.values, levels, self.inverted)


def read_image(path: str | Path, choice: Choice = Choice()) -> NDArray[np.uint8]:  # noqa: B008
    """Read and decode one image file, as a collection of its own.

    Args:
        path: an image file, whatever its suffix.
        choice: of planes and channels.

    Returns:
        uint8 RGB (H, W, 3); see `brightness`.

    Raises:
        ValueError: with the reason, but not the path, where the file cannot be read or does not decode.
    """
    with quiet():
        raw, levels = read_new(path, NewReading(Reading(choice), {}))
    return raw.shown(levels)


def read_bytes(path: str | Path) -> bytes:
    """The whole file; ValueError with the reason if it cannot be read or exceeds `MAX_BYTES`."""
    try:
        if stat.S_IFMT(os.stat(path).st_mode) not in (stat.S_IFREG, stat.S_IFDIR):
            raise Unreadable("is no file: a pipe, a socket or a device")
        with open(path, "rb") as file:
            # No more than the file has: a buffer for the largest one costs more than its bytes.
            data = file.read(min(os.fstat(file.fileno()).st_size, MAX_BYTES) + 1)
    except OSError as error:
        raise Unreadable(f"cannot be read ({error.strerror})") from error
    if len(data) > MAX_BYTES:
        raise Unreadable(f"more than {MAX_BYTES // 10**6} MB in one file")
    return data


def decode(data: bytes, choice: Choice) -> Raw:
    """Decode the bytes of an image file: the values as they are, an orientation in the file applied, alpha left out.

    Raises:
        ValueError: with the reason, for anything that does not give the whole right picture.
    """
    picture, values = read_values(data, choice)
    return Raw(values, measured(picture, values), picture.inverted, picture.micrometres)


def read_new(path: str | Path, new: NewReading) -> tuple[Raw, Levels]:
    """An image that a study has not seen, and which of its values are black and white.

    Raises:
        ValueError: with the reason, but not the path.
    """
    raw = decode(read_bytes(path), new.reading.choice)
    levels = new.levels(raw.measured)
    if levels is None:
        raise NeedsRange(raw.measured, new.reading.choice.before)
    return raw, levels


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what the decoders say about broken files off stderr; the reason is in the ValueError."""
    loggers = [logging.getLogger(name) for name in ("tifffile", "imagecodecs", "czifile", "nd2", "PIL")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            for logger, level in zip(loggers, before, strict=True):
                logger.setLevel(level)
