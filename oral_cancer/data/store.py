"""Every image decoded and resized once, in one memory-mapped array that folds, models and processes share."""

import hashlib
import json
import os
import re
import sys
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from oral_cancer.data.collection import IDENTICAL, Collection, LeftOut
from oral_cancer.data.reading import Reading, as_text, is_plain, record_of
from oral_cancer.data.resizing import Resizing
from oral_cancer.data.store_build import build
from oral_cancer.data.store_index import INDEX, Key, PixelArray, Stored, key_of, load
from oral_cancer.disk import insist_on_room
from oral_cancer.errors import UserError, refuse
from oral_cancer.files import sole_writer
from oral_cancer.formats.brightness import MOST_CLIPPED, Levels, Measured, summary
from oral_cancer.settings.training import NONE, PREPROCESSINGS

CHECKED_AT_ONCE = 64  # images


class ImageView:
    """Some rows of an array of images, in a given order, without a copy of their pixels.

    Args:
        images: uint8 (N, H, W, 3), memory-mapped or not.
        rows: integers (M,) into it, which may repeat.
    """

    ndim = 4

    def __init__(self, images: "NDArray[np.uint8] | ImageView", rows: NDArray[np.integer] | Sequence[int]) -> None:
        chosen = np.asarray(rows, np.intp)
        self.images: NDArray[np.uint8]
        self.rows: NDArray[np.intp]
        if isinstance(images, ImageView):
            self.images, self.rows = images.images, images.rows[chosen]
        else:
            self.images, self.rows = images, chosen

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


@dataclass(frozen=True)
class ImageStore:
    """The pixels of a collection.

    Attributes:
        collection: what is stored.
        images: uint8 RGB (N, size, size, 3), memory-mapped, read-only; row i is `collection.files[i]`.
        sha256: of each file's bytes, in hex.
        bytes: each file's size.
        sizes: int (N, 2), width and height of each file's own image in pixels.
        micrometres: float (N,), the side of a pixel of each file's own image; NaN where the file does not say.
        crc32: of each row's pixels as they were decoded; see `verify`.
        phash: perceptual hash of each row's pixels, see `perceptual_hash`.
        reading: how the files were read, as a manifest has it; see `reading.record_of`.
        fingerprint: see `fingerprint_of`.
        values: of each file, and which of them are black and white, as `reading` counts them.
        home: the folder that it lies in; None for one that lies nowhere.
    """

    collection: Collection
    images: PixelArray | ImageView
    sha256: tuple[str, ...]
    bytes: tuple[int, ...]
    sizes: NDArray[np.int64]
    micrometres: NDArray[np.float64]
    crc32: tuple[int, ...]
    phash: tuple[str, ...]
    reading: Mapping[str, Any]
    fingerprint: str
    values: tuple[tuple[Measured, Levels], ...] = ()
    home: Path | None = None

    def without(self, rows: Sequence[int]) -> "ImageStore":
        """The other rows; these are left out as identical to others."""
        dropped = set(rows)
        kept = [row for row in range(len(self.sha256)) if row not in dropped]
        files = self.collection.files
        values = tuple(self.values[row] for row in kept)
        reading = record_of(self.collection.reading, summary(values))
        left_out = (*self.collection.left_out, *(LeftOut(files[row].path, IDENTICAL) for row in sorted(dropped)))
        return replace(
            self,
            collection=replace(self.collection, files=tuple(files[row] for row in kept), left_out=left_out),
            images=ImageView(self.images, kept),
            sha256=tuple(self.sha256[row] for row in kept),
            bytes=tuple(self.bytes[row] for row in kept),
            sizes=self.sizes[kept],
            micrometres=self.micrometres[kept],
            crc32=tuple(self.crc32[row] for row in kept),
            phash=tuple(self.phash[row] for row in kept),
            reading=reading,
            fingerprint=fingerprint_of(((files[row].path, self.bytes[row], self.sha256[row]) for row in kept), reading),
            values=values,
        )


def open_store(
    collection: Collection,
    image_size: int,
    folder: str | Path,
    problems: Sequence[str] = (),
    antialias: bool = True,
    preprocess: str = NONE,
) -> ImageStore:
    """Open the store of a collection; build it first, or what has changed of it, if need be.

    Processes may call this at the same time: one builds, the others wait. An up-to-date store needs no lock.

    Args:
        collection: the images.
        image_size: side of the stored squares in pixels.
        folder: where stores are kept; each root, image size and way of resizing has its own folder in it.
        problems: further faults that the caller found, reported together with those met here.
        antialias, preprocess: of the resizing, see `resizing.resized`.

    Raises:
        UserError: one line for each of `collection.problems`, of `problems`, and of the images that do not
            decode or change while they are read; or if there is no image, or the store cannot be written.
    """
    home = Path(folder) / store_name(collection.root, image_size, collection.reading, antialias, preprocess)
    root = str(collection.root)
    keys = [key_of(root, file.path) for file in collection.files]
    faults: list[str] = []
    stored = load(home, image_size) if keys else None
    if keys and not _is_current(stored, keys):
        try:
            with sole_writer(home, _say):
                stored = load(home, image_size)
                if stored is None and (home / INDEX).exists():
                    _say(f"{home} is damaged or of another version; it is built anew")
                if not _is_current(stored, keys):
                    size = len(keys) * image_size**2 * 3
                    insist_on_room(home, size, "the image store", "give store= on another disk")
                    way = Resizing(image_size, antialias, preprocess)
                    faults = build(collection.root, keys, way, home, stored, collection.reading)
                    stored = load(home, image_size)
        except OSError as error:
            megabytes = len(keys) * image_size**2 * 3 // 10**6 + 1
            raise UserError(
                f"{home}: the image store cannot be written ({error.strerror or error}): "
                f"make it writable with {megabytes} MB free, or choose another folder"
            ) from error
    refuse([*collection.problems, *problems, *faults, *_clipped(collection, stored)])
    if stored is None:
        raise UserError(f"{collection.root}: no image to store: add images or choose another source")
    rows = [row for row in stored.rows if row]
    values = tuple((row.measured, row.levels) for row in rows)
    reading = record_of(collection.reading, summary(values))
    return ImageStore(
        collection,
        stored.images,
        tuple(row.sha256 for row in rows),
        tuple(row.bytes for row in rows),
        np.array([(row.width, row.height) for row in rows]),
        np.array([np.nan if row.micrometres is None else row.micrometres for row in rows]),
        tuple(row.crc32 for row in rows),
        tuple(row.phash for row in rows),
        reading,
        fingerprint_of(((row.path, row.bytes, row.sha256) for row in rows), reading),
        values,
        home,
    )


def open_sound_store(
    collection: Collection,
    image_size: int,
    folder: str | Path,
    problems: Sequence[str] = (),
    antialias: bool = True,
    preprocess: str = NONE,
) -> ImageStore:
    """As `open_store`, with every pixel checked; where some are damaged, it names their images and builds anew."""
    store = open_store(collection, image_size, folder, problems, antialias, preprocess)
    damaged = verify(store)
    if damaged:
        home = Path(folder) / store_name(collection.root, image_size, collection.reading, antialias, preprocess)
        _say(f"{home}: damaged pixels of {', '.join(damaged[:5])}{' ...' * (len(damaged) > 5)}; it is built anew")
        (home / INDEX).unlink(missing_ok=True)
        store = open_store(collection, image_size, folder, (), antialias, preprocess)
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


STORE_NAME = re.compile(rf".+-(\d+)px(?:-aliased)?(?:-(?:{'|'.join(PREPROCESSINGS)}))?-[0-9a-f]{{8}}")
"""What `store_name` gives, with the image size as its group."""


def store_name(root: Path, image_size: int, reading: Reading, antialias: bool = True, preprocess: str = NONE) -> str:
    """Of the folder of a store: of its images' folder, its squares, see `Resizing`, and what is said of the files."""
    path = root.resolve()
    readable = re.sub(r"[^\w.-]+", "_", path.name)[:40]
    said = b"" if reading.is_plain else json.dumps(reading.options).encode()
    squares = "-".join([f"{image_size}px", *Resizing(image_size, antialias, preprocess).marks])
    return f"{readable}-{squares}-{hashlib.sha256(os.fsencode(path) + said).hexdigest()[:8]}"


def _clipped(collection: Collection, stored: Stored | None) -> list[str]:
    """A line for each folder of which too many values lie beyond what is black and white."""
    shares: dict[str, list[float]] = defaultdict(list)
    for row in stored.rows if stored else ():
        if row is not None:
            shares[row.path.rpartition("/")[0]].append(row.clipped)
    return [
        f"{collection.root / folder}: {np.mean(each):.1%} of the values lie beyond source.range: give a wider one"
        for folder, each in shares.items()
        if np.mean(each) > MOST_CLIPPED
    ]


def _is_current(stored: Stored | None, keys: list[Key]) -> bool:
    return stored is not None and stored.holds(keys)


def fingerprint_of(files: Iterable[tuple[str, int, str]], reading: Mapping[str, Any] | None) -> str:
    """SHA-256 in hex over the relative path, size and SHA-256 of every file, and over how they were read.

    Files that were read as they always have been (`reading.is_plain`) have the fingerprint that they always had.
    """
    lines = "".join(f"{path}\0{size}\0{sha256}\n" for path, size, sha256 in files)
    if reading and not is_plain(reading):
        lines += as_text(reading)
    return hashlib.sha256(lines.encode()).hexdigest()


def _say(text: str) -> None:
    print(f"image store: {text}", file=sys.stderr, flush=True)
