"""The two files of an image store: an array of pixels, and an index that names it and describes its rows.

Each build writes its array under a new name. Renaming a finished `index.json` into place is the only step
that changes what readers see, so an interrupted build leaves the store of before.
"""

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from oral_cancer.data.reader import DECODER
from oral_cancer.formats.brightness import Levels, Measured

INDEX = "index.json"

PixelArray = np.memmap[Any, np.dtype[np.uint8]]


class Key(NamedTuple):
    """What tells whether a file has changed: its path below the root, its size and its modification time."""

    path: str
    bytes: int
    mtime_ns: int


class Row(NamedTuple):
    """What is known of one row of the array.

    The file's key and SHA-256; the image's own size; perceptual hash and CRC-32 of the row's pixels; the file's values
    and what of them the row shows as black and white, see `formats.brightness`; the share of values that lie beyond;
    the side of a pixel, where the file
    says.
    """

    path: str
    bytes: int
    mtime_ns: int
    sha256: str
    width: int
    height: int
    phash: str
    crc32: int
    measured: Measured
    levels: Levels
    clipped: float
    micrometres: float | None

    @property
    def key(self) -> Key:
        return Key(*self[:3])

    @classmethod
    def of(cls, content: Any) -> "Row":
        """A row as JSON has it."""
        content[8:10] = Measured(*content[8]), Levels(*content[9])
        return cls(*content)


@dataclass(frozen=True)
class Stored:
    """A store as it lies on the disk; the row of a file that did not decode is None."""

    rows: list[Row | None]
    images: PixelArray

    def holds(self, keys: list[Key]) -> bool:
        """Whether the rows are those of exactly these files, in this order."""
        return [row and row[:3] for row in self.rows] == keys


def key_of(root: str, path: str) -> Key:
    """The key of a file as it is now; one that no stored row equals if the file is not there."""
    try:
        status = os.stat(f"{root}/{path}")
    except OSError:
        return Key(path, -1, -1)
    return Key(path, status.st_size, status.st_mtime_ns)


def load(home: Path, image_size: int) -> Stored | None:
    """The store in a folder; None if there is none, if it is damaged, or if another decoder wrote it."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        index = json.loads((home / INDEX).read_bytes())
        content = index["content"]
        if index["sha256"] != _checksum(content) or content["decoder"] != DECODER:
            return None
        rows = [row and Row.of(row) for row in content["rows"]]
        path = home / content["array"]
        images = np.load(path, mmap_mode="r")
        whole = path.stat().st_size == images.offset + images.nbytes
        expected = (len(rows), image_size, image_size, 3)
        if whole and images.shape == expected and images.dtype == np.uint8 and images.flags.c_contiguous:
            return Stored(rows, images)
    return None


def commit(home: Path, array: Path, rows: list[Row | None]) -> None:
    """Make a finished array the folder's store, and remove every other array in it."""
    content = {"decoder": DECODER, "array": array.name, "rows": rows}
    written = home / f"{INDEX}.tmp"
    with open(written, "w", encoding="utf-8") as file:
        json.dump({"sha256": _checksum(content), "content": content}, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(written, home / INDEX)
    for left in home.glob("images-*.npy"):
        if left != array:
            left.unlink(missing_ok=True)


def _checksum(content: Any) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
