"""synthetic.jpg of a run: some of the images that its treatment made, side by side, since they lie nowhere else."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from oral_cancer.files import write_bytes
from oral_cancer.training.manifest import SYNTHETIC

SIDE = 96  # pixels of an image
EACH = 2  # images of a label
ALL = 16  # images, so that the file stays below 200 kB whatever they show
JPEG_QUALITY = 75

Pixels = NDArray[np.uint8]


def write_synthetic(folder: Path, images: Pixels, labels: NDArray[np.str_]) -> None:
    """Write it for a run; not where nothing is synthetic.

    Args:
        folder: the run's.
        images: uint8 RGB (S, H, W, 3).
        labels: of each, (S,).
    """
    small = [
        cv2.resize(images[np.flatnonzero(labels == name)[place]], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        for name, place in _kept(Counter(labels.tolist()))
    ]
    if small:
        strip = cv2.cvtColor(np.hstack(small), cv2.COLOR_RGB2BGR)
        _, jpeg = cv2.imencode(".jpg", strip, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        write_bytes(folder / SYNTHETIC, jpeg.tobytes())


def read_synthetic(folder: Path, numbers: Mapping[str, int]) -> list[tuple[str, Pixels]]:
    """The images that a run kept, each with its label; none where there is no file, or it is none of ours.

    Args:
        folder: the run's.
        numbers: of all synthetic images, by label.

    Returns:
        RGB (SIDE, SIDE, 3), label by label.
    """
    kept = _kept(numbers)
    try:
        with Image.open(folder / SYNTHETIC, formats=("JPEG",)) as strip:
            if strip.size != (SIDE * len(kept), SIDE):  # looked at before a pixel is decoded
                return []
            images = np.split(np.asarray(strip.convert("RGB")), len(kept), axis=1)
    except (OSError, ValueError, Image.DecompressionBombError):
        return []
    return [(name, image) for (name, _), image in zip(kept, images, strict=True)]


def _kept(numbers: Mapping[str, int]) -> list[tuple[str, int]]:
    """Label and place among the images of this label of those that are kept."""
    chosen = [
        (name, place)
        for name in sorted(numbers)
        for place in np.unique(np.linspace(0, numbers[name] - 1, min(EACH, numbers[name])).round().astype(int)).tolist()
    ]
    return chosen[:ALL]
