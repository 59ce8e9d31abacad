#!/usr/bin/env python3
"""A sheet of training images as `augmentation=robust` shows them.

Left each field as it is, beside it as on other days; below, each option alone at both ends of its range. The fields are
simulated micrographs, or the images that are given.

    python -m benchmarks.augmented docs/images/robust.jpg [--images a.png b.png]
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from oral_cancer.data.augmentation import SeededAugmentation
from oral_cancer.data.reader import read_image
from oral_cancer.data.resizing import resized
from oral_cancer.data.robust import Ranges, pictures, ranges_of
from oral_cancer.experiments import compose_settings
from oral_cancer.simulation.simulator import draw_field

LABELS = ("parental", "resistant", "control", "1:3")
SIDE, SHOWN, GAP, TITLE = 300, 170, 4, 20  # pixels: of an image that is changed, on the sheet, between, of a title
DAYS = 6
FINE = ("blur", "noise")  # which a small picture hides
OF_CHOICE = ("_target_", "accelerator", "image_size", "supersampling")
Picture = NDArray[np.uint8]
Titled = tuple[str, Picture]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sheet", type=Path, help="the file to write")
    parser.add_argument("--images", type=Path, nargs="+", help="instead of simulated micrographs")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    shown = (
        [read_image(path) for path in chosen.images]
        if chosen.images
        else [draw_field(label, np.random.default_rng(number)) for number, label in enumerate(LABELS)]
    )
    settings = compose_settings(["augmentation=robust"]).augmentation
    ranges = ranges_of(SIDE, **{name: span for name, span in settings.items() if name not in OF_CHOICE})
    images = [resized(image, SIDE) for image in shown]
    rows = [list(on_other_days(image, ranges, chosen.seed + row)) for row, image in enumerate(images)]
    rows += alone(images[0], ranges)
    sheet(rows).save(chosen.sheet, quality=88)
    print(f"written: {chosen.sheet}")


def on_other_days(image: Picture, ranges: Ranges, seed: int) -> Iterator[Titled]:
    """An image, and what training shows of it."""
    augmentation = SeededAugmentation(pictures(ranges), seed)
    yield "as it is", image
    yield from (("", augmentation(image, 0, day)) for day in range(DAYS))


def alone(image: Picture, ranges: Ranges) -> Iterator[list[Titled]]:
    """An image with each option alone, at the lowest and at the highest of its range; of fine ones the middle."""
    middle = slice((SIDE - SHOWN) // 2, (SIDE + SHOWN) // 2)
    for end, word in enumerate(("least", "most")):
        yield [
            (f"{word} {name.replace('_', ' ')}", picture[middle, middle] if name in FINE else picture)
            for name, picture in ((one, changed(image, one, span[end])) for one, span in vars(ranges).items())
        ]


def changed(image: Picture, name: str, value: float) -> Picture:
    """An image with one option at a value; a colour balance of red by it, and of blue the other way."""
    if name == "colour":
        return np.asarray((image * (value, 1.0, 1 / value)).round().clip(0, 255), np.uint8)
    compose = pictures(Ranges(**{name: (value, value)}))
    compose.transforms = compose.transforms[1:]  # not turned
    return SeededAugmentation(compose, seed=0)(image, 0, 0)


def sheet(rows: Sequence[Sequence[Titled]]) -> Image.Image:
    """Pictures in rows, each below its title."""
    across, down = SHOWN + GAP, SHOWN + GAP + TITLE
    page = Image.new("RGB", (across * max(map(len, rows)) - GAP, down * len(rows)), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(14)
    for row, titled in enumerate(rows):
        for column, (title, picture) in enumerate(titled):
            draw.text((column * across, row * down + 2), title, fill="black", font=font)
            page.paste(Image.fromarray(resized(picture, SHOWN)), (column * across, row * down + TITLE))
    return page


if __name__ == "__main__":
    main()
