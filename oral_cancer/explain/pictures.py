"""From gradients to pictures that people can look at."""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

SIDE = 480  # pixels of a picture's longer side
OPACITY = 0.45  # of the heat over the image
CONTRAST = 99.5  # percentile of the gradients' size that is drawn in full
CAPTION = 36  # pixels high
SCALE = 46  # pixels below the pictures, for the scale of heat
LEAST_WIDTH = 280  # pixels that a title needs
GAP = 8  # pixels between the pictures of a sheet
TITLES = {
    "original": "original",
    "grad_cam": "Grad-CAM",
    "guided_backprop": "guided backpropagation",
    "guided_grad_cam": "guided Grad-CAM",
    "randomised": "same, untrained",
}
"""What each picture is called on a sheet, by its name in files."""

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]


def shown(image: Pixels) -> Pixels:
    """An image (H, W, 3) in the size of the pictures, its aspect ratio kept; never enlarged beyond `SIDE`."""
    scale = min(1.0, SIDE / max(image.shape[:2]))
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))


def overlay(image: Pixels, heat: Floats) -> Pixels:
    """Heat (h, w), 0 to 1, in colours over an image (H, W, 3), stretched bilinearly."""
    return np.asarray(cv2.addWeighted(coloured(heat, image.shape[1::-1]), OPACITY, image, 1 - OPACITY, 0), np.uint8)


def coloured(heat: Floats, size: tuple[int, int]) -> Pixels:
    """Heat (h, w), 0 to 1, as a picture of this width and height, stretched bilinearly."""
    return _coloured(np.asarray(cv2.resize(heat, size, interpolation=cv2.INTER_LINEAR), np.float32))


def _coloured(heat: Floats) -> Pixels:
    """Heat (H, W), 0 to 1, in "inferno", whose steps look as large as they are."""
    levels = (255 * heat.clip(0, 1)).round().astype(np.uint8)
    return np.asarray(cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB), np.uint8)


def relief(gradient: Floats, size: tuple[int, int]) -> Pixels:
    """A gradient (3, H, W) as a picture of the given width and height: grey where it is 0, brighter where positive."""
    extent = np.percentile(np.abs(gradient), CONTRAST)
    levels = 127.5 + 127.5 * (gradient / extent if extent > 0 else gradient)
    picture = np.ascontiguousarray(levels.clip(0, 255).round().astype(np.uint8).transpose(1, 2, 0))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def product(gradient: Floats, heat: Floats) -> Floats:
    """Guided Grad-CAM: a gradient (3, H, W) times heat (h, w) stretched bilinearly to it."""
    stretched = cv2.resize(heat, gradient.shape[:0:-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(gradient * stretched, np.float32)


def sheet(pictures: Mapping[str, Pixels], scaled: str) -> Pixels:
    """Pictures of one size side by side, each below its title; the one that `scaled` names above the scale of heat."""
    height, width = next(iter(pictures.values())).shape[:2]
    column = max(width, LEAST_WIDTH) + GAP
    page = Image.new("RGB", (column * len(pictures) - GAP, height + CAPTION + SCALE), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(24)
    for number, (name, picture) in enumerate(pictures.items()):
        draw.text((number * column, 2), TITLES[name], fill="black", font=font)
        page.paste(Image.fromarray(picture), (number * column, CAPTION))
        if name == scaled:
            _draw_scale(page, number * column, height + CAPTION, width)
    return np.asarray(page)


def _draw_scale(page: Image.Image, left: int, top: int, width: int) -> None:
    """The colours of heat from 0 to its maximum."""
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(18)
    bar = _coloured(np.tile(np.linspace(0, 1, width, dtype=np.float32), (12, 1)))
    page.paste(Image.fromarray(bar), (left, top + GAP))
    draw.text((left, top + 22), "0", fill="black", font=font)
    draw.text((left + width, top + 22), "most", fill="black", font=font, anchor="ra")


def png(picture: Pixels) -> bytes:
    """The bytes of a PNG file of a picture (H, W, 3)."""
    _, encoded = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return encoded.tobytes()
