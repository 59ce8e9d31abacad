"""Which images look alike: perceptual hashes, and the distance between them."""

from collections.abc import Sequence

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 16  # of the square of bits
BITS = SIDE * SIDE
NEAR = 64
"""Bits of `BITS` that two hashes may differ by and still count as near.

Fields of other cells differ by 88 and more (600 real micrographs, 340 simulated ones), a field cut or moved by 2 % of
its side by up to 60, one compressed, brightened or made noisy by up to 16.
"""
CHUNK = 512  # images compared with all others at once


def perceptual_hash(pixels: NDArray[np.uint8]) -> str:
    """The hash of an image's coarse structure (pHash: signs of its lowest cosine frequencies), in hex.

    Args:
        pixels: uint8 RGB (H, W, 3).
    """
    return str(imagehash.phash(Image.fromarray(pixels), hash_size=SIDE))


def near_pairs(hashes: Sequence[str], labels: NDArray[np.str_]) -> list[tuple[int, int, int]]:
    """The pairs of near images with different labels, nearest first.

    Args:
        hashes: of N images, by `perceptual_hash`.
        labels: (N,), such as their roles.

    Returns:
        (i, j, distance) with i < j and a distance in bits of at most `NEAR`.
    """
    words = np.frombuffer(bytes.fromhex("".join(hashes)), np.uint64).reshape(len(hashes), -1)
    found: list[tuple[int, int, int]] = []
    for first in range(0, len(words), CHUNK):
        chunk = words[first : first + CHUNK]
        distances = sum(
            np.bitwise_count(chunk[:, [k]] ^ words[None, first:, k]).astype(np.uint16) for k in range(words.shape[1])
        )
        differ = labels[first : first + CHUNK, None] != labels[None, first:]
        rows, columns = np.nonzero((distances <= NEAR) & differ)
        upper = columns > rows
        found += [
            (first + int(i), first + int(j), int(distances[i, j]))
            for i, j in zip(rows[upper], columns[upper], strict=True)
        ]
    return sorted(found, key=lambda pair: (pair[2], *pair[:2]))
