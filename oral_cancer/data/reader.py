"""From the bytes of an image file to RGB pixels, or the reason why not."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from oral_cancer.data.headers import check

DECODER = f"4, OpenCV {cv2.__version__}, PyTorch {torch.__version__}"
"""Version of this module and its libraries: other pixels may come out of another one."""

MAX_BYTES = 512_000_000
"""Largest file that is read into memory."""


def read_image(path: str | Path, size: int | None = None) -> NDArray[np.uint8]:
    """Read and decode one image file.

    Args:
        path: PNG, JPEG or TIFF file, whatever its suffix.
        size: side of the returned square in pixels; None keeps the image's own size.

    Returns:
        uint8 RGB (H, W, 3), or (size, size, 3); see `decode` and `resized`.

    Raises:
        ValueError: with the reason, but not the path, where the file cannot be read or does not decode.
    """
    data = read_bytes(path)
    with quiet():
        pixels = decode(data)
    return pixels if size is None else resized(pixels, size)


def read_bytes(path: str | Path) -> bytes:
    """The whole file; ValueError with the reason if it cannot be read or exceeds `MAX_BYTES`."""
    try:
        with open(path, "rb") as file:
            # No more than the file has: a buffer for the largest one costs more than its bytes.
            data = file.read(min(os.fstat(file.fileno()).st_size, MAX_BYTES) + 1)
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror})") from error
    if len(data) > MAX_BYTES:
        raise ValueError(f"more than {MAX_BYTES // 10**6} MB in one file")
    return data


def decode(data: bytes) -> NDArray[np.uint8]:
    """Decode the bytes of a PNG, JPEG or TIFF file.

    Grey becomes three equal channels, alpha is dropped, 16 bits are scaled over their full range (v / 257,
    rounded). An orientation in the file (EXIF, TIFF) is applied, as viewers do. Of several pages the first
    is taken.

    Args:
        data: the whole file.

    Returns:
        uint8 RGB (H, W, 3).

    Raises:
        ValueError: with the reason, for anything that does not decode completely, and for pixels that are
            neither 8- nor 16-bit unsigned integers.
    """
    raw = np.frombuffer(check(data), np.uint8)
    try:
        pixels = cv2.imdecode(raw, cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise ValueError("does not decode: truncated, damaged, or of an unusual kind")
    if pixels.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"{pixels.dtype} pixels; save it with 8 or 16 bits unsigned")
    if pixels.dtype == np.uint16:
        pixels = cv2.convertScaleAbs(pixels, alpha=1 / 257)
    rgb = cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB if pixels.ndim == 2 else cv2.COLOR_BGR2RGB)
    return np.asarray(rgb, np.uint8)


def resized(rgb: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """An image as a square, the aspect ratio not kept; uint8 (size, size, 3) from (H, W, 3); see `resized_batch`."""
    return np.ascontiguousarray(resized_batch(torch.from_numpy(rgb)[None], size)[0].numpy())


def resized_batch(images: Tensor, size: int) -> Tensor:
    """Images as squares; uint8 (B, size, size, 3) from (B, H, W, 3).

    The filter is bilinear and weighs all pixels that a new one covers, as Pillow's does, from which it differs by a
    grey level where a pixel comes out at a half. OpenCV's takes two a side and leaves aliasing; rotation smooths that
    away in training, and networks that have learned from the smoother images then fail on the sharper ones they are
    evaluated on.
    """
    pixels = F.interpolate(images.permute(0, 3, 1, 2), (size, size), mode="bilinear", antialias=True)
    return pixels.permute(0, 2, 3, 1)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep OpenCV's own messages about broken files off stderr; the reason is in the ValueError."""
    before = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(before)
