"""How an image looks at first glance, and whether it looks like those that a network was trained on.

The rule is coarse on purpose: it catches another microscope, another exposure, a grey, a flat or a cropped picture, and
not an unusual cell.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

GREY = 1.0  # grey levels between the channels, on the mean, below which an image has no colour
SIZE_FACTOR = 1.5  # of width or height, beyond the training images'
BRIGHTNESS_MARGIN = 25.0  # grey levels beyond the darkest and the brightest training image
CONTRAST_FACTOR = 2.0  # beyond the flattest and the sharpest training image
SCALE_FACTOR = 1.1  # of a pixel's side, beyond the training images'
FLAT = 2.0  # grey levels of contrast, below which there is nothing to see in an image
OUTLIERS = 0.025  # share of the training images that is disregarded at either end
ALWAYS = frozenset(("width", "height", "brightness", "colour"))
"""Properties that every `span` has."""


class Appearance(NamedTuple):
    """How an image looks.

    `width` and `height` in pixels; mean `brightness`, 0 to 255; `colour`, the mean range of a pixel's channels;
    `contrast`, the standard deviation of brightness; `micrometres`, the side of a pixel, NaN where it is not known.
    """

    width: int
    height: int
    brightness: float
    colour: float
    contrast: float
    micrometres: float


def appearance_of(image: NDArray[np.uint8], size: tuple[int, int], micrometres: float | None) -> Appearance:
    """The appearance of an image.

    Args:
        image: uint8 RGB (H, W, 3), resized as the network takes it, since resizing takes away noise.
        size: its own width and height.
        micrometres: the side of a pixel of its own, where that is known.
    """
    every_fourth = image[::4, ::4]
    red, green, blue = (every_fourth[..., channel] for channel in range(3))  # quicker than along an axis of three
    colour = (np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)).mean()
    brightness, contrast = float(every_fourth.mean()), float(every_fourth.mean(axis=2).std())
    return Appearance(*size, brightness, float(colour), contrast, math.nan if micrometres is None else micrometres)


def span(appearances: Sequence[Appearance]) -> dict[str, list[float]]:
    """Least and greatest of each property, by its name, as a manifest keeps them.

    The outermost `OUTLIERS` at either end, one image at least where there are three, do not count: a single dark image
    would make every dark one look usual. A property that no image has is left out.
    """
    found = {}
    for name, values in zip(Appearance._fields, np.array(appearances, dtype=float).T, strict=True):
        known = np.sort(values[np.isfinite(values)])
        if len(known):
            cut = min(math.ceil(OUTLIERS * len(known)), (len(known) - 1) // 2)
            found[name] = [round(float(known[cut]), 4), round(float(known[len(known) - 1 - cut]), 4)]
    return found


def unlike(image: Appearance, training: Mapping[str, Any]) -> list[str]:
    """In what an image differs from the training images, a few words for each; empty if in nothing.

    Args:
        image: the one to judge.
        training: the `span` of the training images; what it lacks is not judged.

    Returns:
        "grey" where they have colour and it has none; "size ..." where its width or height is more than `SIZE_FACTOR`
        times beyond theirs, either way; "dark ..." or "bright ..." where it is so by more than `BRIGHTNESS_MARGIN`;
        "flat ..." or "harsh ..." where its contrast is more than `CONTRAST_FACTOR` times beyond theirs; "scale ..."
        where the side of its pixels is more than `SCALE_FACTOR` times beyond.
    """
    found = []
    if image.colour < GREY <= training["colour"][0]:
        found.append("grey")
    if _beyond(image.width, training["width"], SIZE_FACTOR) or _beyond(image.height, training["height"], SIZE_FACTOR):
        found.append(f"size {image.width} x {image.height}")
    darkest, brightest = training["brightness"]
    if image.brightness < darkest - BRIGHTNESS_MARGIN:
        found.append(f"dark ({image.brightness:.0f} of 255)")
    if image.brightness > brightest + BRIGHTNESS_MARGIN:
        found.append(f"bright ({image.brightness:.0f} of 255)")
    if (side := _beyond(image.contrast, training.get("contrast"), CONTRAST_FACTOR)) is not None:
        found.append(f"{side} (contrast {image.contrast:.1f} grey levels)")
    if _beyond(image.micrometres, training.get("micrometres"), SCALE_FACTOR):
        ends = " to ".join(dict.fromkeys(f"{end:.3g}" for end in training["micrometres"]))
        found.append(f"scale {image.micrometres:.3g} µm a pixel for {ends}")
    return found


def _beyond(value: float, ends: Sequence[float] | None, factor: float) -> str | None:
    """Whether a value lies more than `factor` times beyond two ends: "flat" below, "harsh" above, None within."""
    if ends is None or not math.isfinite(value) or ends[0] / factor <= value <= ends[1] * factor:
        return None
    return "flat" if value < ends[0] else "harsh"
