#!/usr/bin/env python3
"""A made-up second microscope: the same fields in another light, a little out of focus, by a camera of another gain.

What changes is fixed, and of another form than `augmentation=robust` draws: the light falls off from one side to the
other, the camera adds an offset. So how a network that has not seen this microscope fares with it can be measured.

    python -m benchmarks.second_microscope FOLDER ANOTHER     # every image below a folder, in the same places
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from oral_cancer.data.reader import read_image
from oral_cancer.formats.kinds import SUFFIXES

FOCUS = 0.002  # SD of a Gaussian, as a share of the shorter side
TILT = 0.2  # share of the light that the right edge lacks, and half of it the lower edge
LIGHT = (1.1, 1.0, 0.88)  # of red, green and blue: a warmer lamp
GAIN, OFFSET, TONE = 0.88, 12.0, 0.9  # of the camera: factor, grey levels, exponent
NOISE = 3.0  # grey levels


def second_microscope(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A field as the second microscope shows it; uint8 (H, W, 3) in and out, the same bytes each time."""
    height, width = image.shape[:2]
    seen = gaussian_filter(image.astype(float), (FOCUS * min(height, width), FOCUS * min(height, width), 0))
    across, down = np.linspace(0, 1, width), np.linspace(0, 1, height)[:, None]
    seen *= ((1 - TILT * across) * (1 - TILT / 2 * down))[..., None] * LIGHT
    seen = 255 * (seen.clip(0, 255) / 255) ** TONE * GAIN + OFFSET
    seen += np.random.default_rng(int(image.sum())).normal(0, NOISE, image.shape)
    return np.asarray(seen.round().clip(0, 255), np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("another", type=Path)
    chosen = parser.parse_args()
    for path in sorted(chosen.folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES:
            to = chosen.another / path.relative_to(chosen.folder).with_suffix(".png")
            to.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(to), cv2.cvtColor(second_microscope(read_image(path)), cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    main()
