"""How an image looks at first glance, and whether it looks like those that a network was trained on.

The rule is coarse on purpose: it catches another microscope, another exposure, a grey or a cropped picture, and not an
unusual cell.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

GREY = 1.0  # grey levels between the channels, on the mean, below which an image has no colour
SIZE_FACTOR = 1.5  # of width or height, beyond the training images'
BRIGHTNESS_MARGIN = 25.0  # grey levels beyond the darkest and the brightest training image


class Appearance(NamedTuple):
    """`width` and `height` in pixels; mean `brightness`, 0 to 255; `colour`, the mean range of a pixel's channels."""

    width: int
    height: int
    brightness: float
    colour: float


def appearance_of(image: NDArray[np.uint8], size: tuple[int, int] | None = None) -> Appearance:
    """The appearance of uint8 RGB (H, W, 3); `size` is its own width and height if it has been resized since."""
    width, height = size or (image.shape[1], image.shape[0])
    every_fourth = image[::4, ::4]
    red, green, blue = (every_fourth[..., channel] for channel in range(3))  # quicker than along an axis of three
    colour = (np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)).mean()
    return Appearance(width, height, float(every_fourth.mean()), float(colour))


def span(appearances: Sequence[Appearance]) -> dict[str, list[float]]:
    """Least and greatest of each property, by its name, as a manifest keeps them."""
    columns = np.array(appearances, dtype=float)
    ends = zip(columns.min(axis=0).round(2).tolist(), columns.max(axis=0).round(2).tolist(), strict=True)
    return {name: list(pair) for name, pair in zip(Appearance._fields, ends, strict=True)}


def unlike(image: Appearance, training: Mapping[str, Any]) -> list[str]:
    """In what an image differs from all training images, a few words for each; empty if in nothing.

    Args:
        image: the one to judge.
        training: the `span` of the training images.

    Returns:
        "grey" where they have colour and it has none; "size ..." where its width or height is more than `SIZE_FACTOR`
        times beyond theirs, either way; "dark ..." or "bright ..." where it is so by more than `BRIGHTNESS_MARGIN`.
    """
    found = []
    if image.colour < GREY <= training["colour"][0]:
        found.append("grey")
    sides = ((image.width, training["width"]), (image.height, training["height"]))
    if any(not low / SIZE_FACTOR <= side <= high * SIZE_FACTOR for side, (low, high) in sides):
        found.append(f"size {image.width} x {image.height}")
    darkest, brightest = training["brightness"]
    if image.brightness < darkest - BRIGHTNESS_MARGIN:
        found.append(f"dark ({image.brightness:.0f} of 255)")
    if image.brightness > brightest + BRIGHTNESS_MARGIN:
        found.append(f"bright ({image.brightness:.0f} of 255)")
    return found
