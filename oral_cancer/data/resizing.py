"""Images as the squares that networks take."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F


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
