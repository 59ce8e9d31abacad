"""Images as the squares that networks take."""

from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F


class Resizing(NamedTuple):
    """How images become squares: pixels a side, and whether by the filter that keeps aliasing out."""

    size: int
    antialias: bool = True

    def __str__(self) -> str:
        return f"{self.size} px{'' if self.antialias else ' aliased'}"


def resized(rgb: NDArray[np.uint8], size: int, antialias: bool = True) -> NDArray[np.uint8]:
    """An image as a square, the aspect ratio not kept; uint8 (size, size, 3) from (H, W, 3).

    Args:
        rgb: the image.
        size: pixels a side.
        antialias: see `resized_batch`; False is OpenCV itself, as in PLOS ONE e0310304.
    """
    if not antialias:
        return np.asarray(cv2.resize(rgb, (size, size), interpolation=cv2.INTER_LINEAR), np.uint8)
    return np.ascontiguousarray(resized_batch(torch.from_numpy(rgb)[None], size)[0].numpy())


def resized_batch(images: Tensor, size: int, antialias: bool = True) -> Tensor:
    """Images as squares; uint8 (B, size, size, 3) from (B, H, W, 3).

    With `antialias` the filter is bilinear and weighs all pixels that a new one covers, as Pillow's does, from which it
    differs by a grey level where a pixel comes out at a half. Without, it is OpenCV's, which takes two a side and
    leaves aliasing; it differs from OpenCV, which calculates with 11 bits, by a grey level at most. Rotation smooths
    aliasing away in training, and networks that have learned from the smoother images may then fail on the sharper
    ones they are evaluated on.
    """
    pixels = images.permute(0, 3, 1, 2)
    if antialias:
        return F.interpolate(pixels, (size, size), mode="bilinear", antialias=True).permute(0, 2, 3, 1)
    between = F.interpolate(pixels.float(), (size, size), mode="bilinear", align_corners=False)
    return between.round().to(torch.uint8).permute(0, 2, 3, 1)
