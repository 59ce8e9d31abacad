"""What microscopes change between days: focus, illumination, colour, exposure, contrast, tone curve, noise.

A network that has seen one day's light goes by it, and fails on another's. Here each training image is shown as another
day might have shown it, in the order in which light passes a microscope, turned by quarters and flipped.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import albumentations
import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtri
from torch import Tensor
from torch.nn import functional as F

from oral_cancer.data.augmentation import DeviceAugmentation, generator_of, trains_on_cuda

SHARPEST = 1e-3  # pixels of a Gaussian's SD, below which it changes nothing
SEEDS = 2**24  # that a float32 holds exactly
NORMAL = ndtri((np.arange(2**16) + 0.5) / 2**16).astype(np.float32)
"""Normal numbers, evenly likely: to draw among them takes a fifth of the time of drawing normal numbers."""


@dataclass(frozen=True)
class Ranges:
    """Lowest and highest values, drawn evenly; `conf/augmentation/robust.yaml` says of what. `blur` is in pixels.

    Without any, images are turned and flipped alone.
    """

    blur: tuple[float, float] = (0, 0)
    fall_off: tuple[float, float] = (0, 0)
    colour: tuple[float, float] = (1, 1)
    brightness: tuple[float, float] = (1, 1)
    contrast: tuple[float, float] = (1, 1)
    gamma: tuple[float, float] = (1, 1)
    noise: tuple[float, float] = (0, 0)


def robust(
    accelerator: str, image_size: int, supersampling: int, blur: Sequence[float], **ranges: Sequence[float]
) -> albumentations.BaseCompose | DeviceAugmentation:
    """The changes in batches where a GPU trains, picture by picture elsewhere.

    `settings.check` refuses values out of range.

    Args:
        accelerator: the trainer's.
        image_size: pixels a side that the network sees.
        supersampling: how many times larger the images are that are changed.
        blur: its range as a share of the side.
        ranges: the others of `Ranges`.
    """
    chosen = ranges_of(image_size * supersampling, blur=blur, **ranges)
    return RobustBatches(chosen) if trains_on_cuda(accelerator) else pictures(chosen)


def ranges_of(side: int, blur: Sequence[float], **others: Sequence[float]) -> Ranges:
    """Ranges for images of a side in pixels, of which `blur` is a share."""
    pairs = {name: (float(low), float(high)) for name, (low, high) in others.items()}
    return Ranges((side * float(blur[0]), side * float(blur[1])), **pairs)


def pictures(ranges: Ranges) -> albumentations.Compose:
    """The changes as albumentations makes them, for uint8 pictures (S, S, 3)."""
    gamma = 100 * ranges.gamma[0], 100 * ranges.gamma[1]
    blur = max(ranges.blur[0], SHARPEST), max(ranges.blur[1], SHARPEST)
    return albumentations.Compose(
        [
            albumentations.D4(p=1),
            albumentations.GaussianBlur(blur_limit=0, sigma_limit=blur, p=1),
            FallOff(ranges.fall_off),
            albumentations.MultiplicativeNoise(ranges.colour, per_channel=True, p=1),
            albumentations.ColorJitter(ranges.brightness, ranges.contrast, saturation=(1, 1), hue=(0, 0), p=1),
            albumentations.RandomGamma(gamma, p=1),
            Noise(ranges.noise),
        ]
    )


class FallOff(albumentations.ImageOnlyTransform):  # type: ignore[misc]
    """Light that falls off from the middle to the corners, which lack a share of it; see `falling_off`."""

    def __init__(self, share: tuple[float, float]) -> None:
        super().__init__(p=1)
        self.share = share

    def get_params(self) -> dict[str, Any]:
        """The share of one picture."""
        return {"share": self.py_random.uniform(*self.share)}

    def apply(self, img: NDArray[np.uint8], share: float, **_: Any) -> NDArray[np.uint8]:
        """The picture, uint8 (S, S, 3), in that light."""
        return np.asarray(cv2.multiply(img, 1 - share * _falling_off_cpu(img.shape[0]), dtype=cv2.CV_8U), np.uint8)


class Noise(albumentations.ImageOnlyTransform):  # type: ignore[misc]
    """Normal noise of each pixel and channel. That of albumentations is cut to whole grey levels, and so too weak."""

    def __init__(self, deviation: tuple[float, float]) -> None:
        super().__init__(p=1)
        self.deviation = deviation

    def apply(self, img: NDArray[np.uint8], **_: Any) -> NDArray[np.uint8]:
        """The picture, uint8 (S, S, 3), with noise of an SD within the range."""
        levels = np.float32(self.py_random.uniform(*self.deviation)) * NORMAL
        noise = levels[self.random_generator.integers(0, len(levels), img.shape, np.uint16)]
        return np.asarray(cv2.add(img, noise, dtype=cv2.CV_8U), np.uint8)


def falling_off(side: int, device: torch.device) -> Tensor:
    """The squared distance from the middle, float32 (side, side): 0 there, 1 in the corners."""
    along = torch.linspace(-1, 1, side, device=device).square() / 2
    return along[:, None] + along


@cache
def _falling_off_cpu(side: int) -> NDArray[np.float32]:
    return np.repeat(falling_off(side, torch.device("cpu")).numpy()[..., None], 3, axis=2)


class RobustBatches(DeviceAugmentation):
    """The changes in batches, spread as those of `pictures`."""

    def __init__(self, ranges: Ranges) -> None:
        self.ranges = ranges

    def draw(self, seed: int, epoch: int, position: int) -> Tensor:
        """Three flips (0 or 1), what is drawn of each range in its order, a colour each, and a seed: float32 (13,)."""
        generator = generator_of(seed, epoch, position)
        flips = generator.integers(0, 2, 3)
        drawn = [
            generator.uniform(low, high, 3 if name == "colour" else 1)
            for name, (low, high) in vars(self.ranges).items()
        ]
        return torch.from_numpy(np.concatenate([flips, *drawn, generator.integers(0, SEEDS, 1)])).float()

    def __call__(self, images: Tensor, draws: Tensor) -> Tensor:
        """The images, changed; uint8 (B, S, S, 3) in and out, with draws (B, 13)."""
        across, down, over, blur, fall_off, *_, brightness, contrast, gamma, noise, seed = draws[
            :, :, None, None, None
        ].unbind(dim=1)  # each (B, 1, 1, 1)
        pixels = images.permute(0, 3, 1, 2).float()
        pixels = torch.where(across > 0, pixels.flip(3), pixels)
        pixels = torch.where(down > 0, pixels.flip(2), pixels)
        pixels = torch.where(over > 0, pixels.mT, pixels)
        pixels = self._blurred(pixels, blur)
        pixels = pixels * (1 - fall_off * falling_off(pixels.shape[3], pixels.device))
        pixels = pixels * draws[:, 5:8, None, None] * brightness
        red, green, blue = pixels.mean(dim=(2, 3), keepdim=True).chunk(3, dim=1)
        middle = 0.299 * red + 0.587 * green + 0.114 * blue  # ITU-R BT.601, as OpenCV's grey
        pixels = (middle + contrast * (pixels - middle)).clamp(0, 255)
        pixels = 255 * (pixels / 255) ** gamma
        noisy: Tensor = pixels + noise * normal_noise(seed, pixels.shape)
        return noisy.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)

    def _blurred(self, pixels: Tensor, blur: Tensor) -> Tensor:
        """Pixels (B, C, S, S) by Gaussians of SDs (B, 1, 1, 1), mirrored at the border."""
        reach = max(1, math.ceil(3.5 * self.ranges.blur[1]))
        batch, channels, height, width = pixels.shape
        at = torch.arange(-reach, reach + 1, device=pixels.device)
        weights = (-((at / blur.clamp(min=SHARPEST)) ** 2) / 2).softmax(dim=3)  # (B, 1, 1, 2 reach + 1)
        weights = weights.repeat_interleave(channels, dim=0)
        flat = F.pad(pixels.reshape(1, batch * channels, height, width), (reach,) * 4, mode="reflect")
        for each in (weights, weights.mT):
            flat = F.conv2d(flat, each, groups=batch * channels)
        return flat.view(batch, channels, height, width)


def normal_noise(seeds: Tensor, shape: Sequence[int]) -> Tensor:
    """Standard normal numbers that depend on a seed and a place alone; float32 (B, C, H, W) for seeds (B, 1, 1, 1).

    A device's own generator would be seeded by a number that the processor has to wait for.
    """
    place = torch.arange(math.prod(shape[1:]), device=seeds.device).view(1, *shape[1:])
    even = (_hashed(place ^ _hashed(seeds.long())) + 0.5) / 2**32
    return math.sqrt(2) * torch.erfinv((2 * even - 1).clamp(-1 + 1e-7, 1 - 1e-7))


def _hashed(number: Tensor) -> Tensor:
    """32 bits from 32 (Wellons, Hash function prospector, lowbias32); int64 in and out."""
    number = (number ^ (number >> 16)) * 0x7FEB352D & 0xFFFFFFFF
    number = (number ^ (number >> 15)) * 0x846CA68B & 0xFFFFFFFF
    return number ^ (number >> 16)
