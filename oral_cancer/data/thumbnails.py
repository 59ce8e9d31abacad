"""Small pictures of many images as one JPEG, row by row, which is smaller than as many files."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 64  # pixels; a multiple of JPEG's blocks, so that pictures do not run into each other
ACROSS = 32  # pictures in a row
MOST_BYTES = 1_200_000
QUALITIES = (80, 60, 40, 20, 5)
"""Of which the first is taken that keeps within `MOST_BYTES`; only noise needs the last ones."""


def sheet_of(images: Iterable[NDArray[np.uint8]], number: int) -> NDArray[np.uint8]:
    """The bytes of a JPEG, uint8 (S,), of RGB images (H, W, 3), made square.

    Args:
        images: which.
        number: how many they are.
    """
    sheet = np.zeros((math.ceil(number / ACROSS) * SIDE, min(number, ACROSS) * SIDE, 3), np.uint8)
    for place, image in enumerate(images):
        sheet[_tile(place)] = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)[..., ::-1]
    jpeg = np.empty(0, np.uint8)
    for quality in QUALITIES:
        _, jpeg = cv2.imencode(".jpg", sheet, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if len(jpeg) <= MOST_BYTES:
            break
    return np.asarray(jpeg, np.uint8).ravel()


def thumbnails(sheet: NDArray[np.uint8], places: Sequence[int]) -> list[NDArray[np.uint8] | None]:
    """The pictures at some places of a sheet, RGB (SIDE, SIDE, 3); None for each that it does not have."""
    try:
        whole: Any = cv2.imdecode(sheet, cv2.IMREAD_COLOR) if len(sheet) else None
    except cv2.error:
        whole = None
    if whole is None:
        return [None] * len(places)
    tiles = (whole[_tile(place)] for place in places)
    return [tile[..., ::-1] if tile.shape == (SIDE, SIDE, 3) else None for tile in tiles]


def _tile(place: int) -> tuple[slice, slice]:
    top, left = (SIDE * number for number in divmod(place, ACROSS))
    return slice(top, top + SIDE), slice(left, left + SIDE)
