"""Images as the squares that networks take."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from oral_cancer.data.preprocessing import preprocessed
from oral_cancer.settings.training import NONE

if TYPE_CHECKING:
    from torch import Tensor  # it comes late, as OpenCV does: to name a store needs none of them


class Resizing(NamedTuple):
    """How images become squares.

    Attributes:
        size: pixels a side.
        antialias: whether by the filter that keeps aliasing out.
        preprocess: what is then done to them, see `preprocessing`.
    """

    size: int
    antialias: bool = True
    preprocess: str = NONE

    def __str__(self) -> str:
        return " ".join((f"{self.size} px", *self.marks))

    @property
    def marks(self) -> list[str]:
        """What tells such squares from plain ones of the size, in one word each."""
        return [*([] if self.antialias else ["aliased"]), *([] if self.preprocess == NONE else [self.preprocess])]


def resized(rgb: NDArray[np.uint8], size: int, antialias: bool = True, preprocess: str = NONE) -> NDArray[np.uint8]:
    """An image as a square, the aspect ratio not kept; uint8 (size, size, 3) from (H, W, 3).

    Args:
        rgb: the image.
        size: pixels a side.
        antialias: see `resized_batch`; False is OpenCV itself, as in PLOS ONE e0310304.
        preprocess: what is done to the square, see `preprocessing`.
    """
    if antialias:
        import torch

        writable = np.require(rgb, requirements="W")  # PyTorch warns of others
        square = np.ascontiguousarray(resized_batch(torch.from_numpy(writable)[None], size)[0].numpy())
    else:
        import cv2

        square = np.asarray(cv2.resize(rgb, (size, size), interpolation=cv2.INTER_LINEAR), np.uint8)
    return preprocessed(square, preprocess)


def resized_batch(images: "Tensor", size: int, antialias: bool = True) -> "Tensor":
    """Images as squares; uint8 (B, size, size, 3) from (B, H, W, 3), not preprocessed.

    With `antialias` the filter is bilinear and weighs all pixels that a new one covers, as Pillow's does, from which it
    differs by a grey level where a pixel comes out at a half. Without, it is OpenCV's, which takes two a side and
    leaves aliasing; it differs from OpenCV, which calculates with 11 bits, by a grey level at most. Rotation smooths
    aliasing away in training, and networks that have learned from the smoother images may then fail on the sharper
    ones they are evaluated on.
    """
    import torch
    from torch.nn import functional as F

    pixels = images.permute(0, 3, 1, 2)
    if antialias:
        return F.interpolate(pixels, (size, size), mode="bilinear", antialias=True).permute(0, 2, 3, 1)
    between = F.interpolate(pixels.float(), (size, size), mode="bilinear", align_corners=False)
    return between.round().to(torch.uint8).permute(0, 2, 3, 1)
