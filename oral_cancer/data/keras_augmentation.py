"""Rotation and flips as the published study's library does them."""

import torch
from torch import Tensor
from torch.nn import functional as F

from oral_cancer.data.augmentation import BatchAugmentation


class KerasAugmentation(BatchAugmentation):
    """Rotation and flips of keras-preprocessing 1.1.2: in floats, about a point a pixel beside the middle.

    The turned picture has at (row, column) = y what the picture has at

        c + R (y - c),   R = ((cos t, -sin t), (sin t, cos t)),   c = (height / 2 + 1/2, width / 2 + 1/2)

    (keras_preprocessing/image/affine_transformations.py, `apply_affine_transform` and
    `transform_matrix_offset_center`): of 300 px about (150.5, 150.5), where pixels counted from 0 have their middle at
    149.5. It is interpolated linearly between four pixels, and `fill` beyond the outermost ones, as by
    `scipy.ndimage.affine_transform` with order 1 and mode "constant". Flips follow.
    """

    def __call__(self, images: Tensor, draws: Tensor) -> Tensor:
        """The images, turned and flipped: float32 (B, H, W, 3), 0 to 255, not rounded, of uint8 and draws (B, 3)."""
        _, height, width, _ = images.shape
        exact = torch.float32 if images.device.type == "mps" else torch.float64  # which has no other
        angle, across, down = draws.to(exact).T[:, :, None, None]
        middles = [(side - 1) / 2 for side in (height, width)]
        rows, columns = (torch.arange(side, dtype=exact, device=images.device) for side in (height, width))
        y = (rows[:, None] - middles[0]) * down - 1  # from c, a pixel further than the middle; flipped beforehand
        x = (columns - middles[1]) * across - 1
        sin, cos = angle.deg2rad().sin(), angle.deg2rad().cos()
        row = cos * y - sin * x + middles[0] + 1
        column = sin * y + cos * x + middles[1] + 1
        inside = (row >= 0) & (row <= height - 1) & (column >= 0) & (column <= width - 1)
        grid = torch.stack([column / (width - 1), row / (height - 1)], dim=-1).mul(2).sub(1).float()
        pixels = images.permute(0, 3, 1, 2).float()
        turned = F.grid_sample(pixels, grid, mode="bilinear", padding_mode="border", align_corners=True)
        return torch.where(inside[..., None], turned.permute(0, 2, 3, 1), self.fill)
