"""Every image decoded and resized once, in one memory-mapped array that folds, models and processes share."""

import hashlib
import os
import re
import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, SupportsIndex

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from oral_cancer.data.collection import Collection
from oral_cancer.data.store_build import build
from oral_cancer.data.store_index import INDEX, Key, PixelArray, Stored, key_of, load
from oral_cancer.errors import UserError, refuse

CHECKED_AT_ONCE = 64  # images


@dataclass(frozen=True)
class ImageStore:
    """The pixels of a collection.

    Attributes:
        collection: what is stored.
        images: uint8 RGB (N, size, size, 3), memory-mapped, read-only; row i is `collection.files[i]`.
        sha256: of each file's bytes, in hex.
        bytes: each file's size.
        sizes: int (N, 2), width and height of each file's own image in pixels.
        crc32: of each row's pixels as they were decoded; see `verify`.
        phash: perceptual hash of each row's pixels, see `perceptual_hash`.
        fingerprint: SHA-256 in hex over every file's relative path, size and hash.
    """

    collection: Collection
    images: PixelArray
    sha256: tuple[str, ...]
    bytes: tuple[int, ...]
    sizes: NDArray[np.int64]
    crc32: tuple[int, ...]
    phash: tuple[str, ...]
    fingerprint: str


def open_store(collection: Collection, image_size: int, folder: str | Path, problems: Sequence[str] = ()) -> ImageStore:
    """Open the store of a collection; build it first, or what has changed of it, if need be.

    Processes may call this at the same time: one builds, the others wait. An up-to-date store needs no lock.

    Args:
        collection: the images.
        image_size: side of the stored squares in pixels.
        folder: where stores are kept; each root and image size has its own folder in it.
        problems: further faults that the caller found, reported together with those met here.

    Raises:
        UserError: one line for each of `collection.problems`, of `problems`, and of the images that do not
            decode or change while they are read; or if there is no image, or the store cannot be written.
    """
    home = Path(folder) / _name(collection.root, image_size)
    root = str(collection.root)
    keys = [key_of(root, file.path) for file in collection.files]
    faults: list[str] = []
    stored = load(home, image_size) if keys else None
    if keys and not _is_current(stored, keys):
        try:
            with _sole_builder(home):
                stored = load(home, image_size)
                if stored is None and (home / INDEX).exists():
                    _say(f"{home} is damaged or of another version; it is built anew")
                if not _is_current(stored, keys):
                    faults = build(collection.root, keys, image_size, home, stored)
                    stored = load(home, image_size)
        except OSError as error:
            megabytes = len(keys) * image_size**2 * 3 // 10**6 + 1
            raise UserError(
                f"{home}: the image store cannot be written ({error.strerror or error}): "
                f"make it writable with {megabytes} MB free, or choose another folder"
            ) from error
    refuse([*collection.problems, *problems, *faults])
    if stored is None:
        raise UserError(f"{collection.root}: no image to store: add images or choose another source")
    rows = [row for row in stored.rows if row]
    return ImageStore(
        collection,
        stored.images,
        tuple(row.sha256 for row in rows),
        tuple(row.bytes for row in rows),
        np.array([(row.width, row.height) for row in rows]),
        tuple(row.crc32 for row in rows),
        tuple(row.phash for row in rows),
        fingerprint_of((row.path, row.bytes, row.sha256) for row in rows),
    )


def open_sound_store(
    collection: Collection, image_size: int, folder: str | Path, problems: Sequence[str] = ()
) -> ImageStore:
    """As `open_store`, with every pixel checked; where some are damaged, it names their images and builds anew."""
    store = open_store(collection, image_size, folder, problems)
    damaged = verify(store)
    if damaged:
        home = Path(folder) / _name(collection.root, image_size)
        _say(f"{home}: damaged pixels of {', '.join(damaged[:5])}{' ...' * (len(damaged) > 5)}; it is built anew")
        (home / INDEX).unlink(missing_ok=True)
        store = open_store(collection, image_size, folder)
    return store


def verify(store: ImageStore) -> list[str]:
    """The paths of the images whose stored pixels are no longer those that were decoded."""

    def checksums(first: int) -> list[int]:
        return [zlib.crc32(pixels.data) for pixels in store.images[first : first + CHECKED_AT_ONCE]]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = chain.from_iterable(pool.map(checksums, range(0, len(store.images), CHECKED_AT_ONCE)))
    return [
        file.path for file, now, then in zip(store.collection.files, found, store.crc32, strict=True) if now != then
    ]


class ImageView:
    """Some rows of an array of images, in a given order, without a copy of their pixels.

    Args:
        images: uint8 (N, H, W, 3), memory-mapped or not.
        rows: integers (M,) into it, which may repeat.
    """

    ndim = 4

    def __init__(self, images: NDArray[np.uint8], rows: NDArray[np.integer] | Sequence[int]) -> None:
        self.images = images
        self.rows = np.asarray(rows, np.intp)

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self), *self.images.shape[1:])

    @property
    def dtype(self) -> np.dtype[np.uint8]:
        return self.images.dtype

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, key: SupportsIndex | slice | NDArray[Any] | Sequence[int]) -> NDArray[np.uint8]:
        """uint8 (H, W, 3), not copied, for an integer; a copy (K, H, W, 3) for a slice or an array."""
        return np.asarray(self.images[self.rows[key]])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("the rows of an ImageView lie apart: an array of them is always a copy")
        return self[:].astype(dtype or self.dtype, copy=False)


def _name(root: Path, image_size: int) -> str:
    path = root.resolve()
    readable = re.sub(r"[^\w.-]+", "_", path.name)[:40]
    return f"{readable}-{image_size}px-{hashlib.sha256(os.fsencode(path)).hexdigest()[:8]}"


def _is_current(stored: Stored | None, keys: list[Key]) -> bool:
    return stored is not None and stored.holds(keys)


def fingerprint_of(files: Iterable[tuple[str, int, str]]) -> str:
    """SHA-256 in hex over the relative path, size and SHA-256 of every file."""
    lines = "".join(f"{path}\0{size}\0{sha256}\n" for path, size, sha256 in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def _say(text: str) -> None:
    print(f"image store: {text}", file=sys.stderr, flush=True)


@contextmanager
def _sole_builder(home: Path) -> Iterator[None]:
    home.mkdir(parents=True, exist_ok=True)
    lock = FileLock(home / ".lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        _say(f"waiting for the process that builds {home}")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
