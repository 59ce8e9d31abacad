"""Fills an image store: decodes on all cores what is new, and copies the rows that still hold."""

import errno
import hashlib
import math
import os
import secrets
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from oral_cancer.data.perceptual_hash import perceptual_hash
from oral_cancer.data.reader import decode, quiet, read_bytes, resized
from oral_cancer.data.store_index import Key, Row, Stored, commit, key_of

Own = tuple[str, int, int, str]  # SHA-256, width and height of a file, perceptual hash of its pixels
Filled = tuple[Row, bool]  # a row, and whether its file had to be decoded

AHEAD = 256  # files


def build(root: Path, keys: list[Key], image_size: int, home: Path, old: Stored | None) -> list[str]:
    """Write a new array and its index; the caller must hold the folder's lock.

    Args:
        root: the folder that the keys' paths start from.
        keys: the files, in the order of the rows.
        image_size: side of a row's square in pixels.
        home: the store's folder.
        old: what it holds now; an array of the same image size.

    Returns:
        One line for each file that has got no row: path, reason, remedy.

    Raises:
        OSError: if the store cannot be written; the old one is left as it was.
    """
    reusable = _Reusable(old)
    console, started = Console(stderr=True), time.monotonic()
    array = home / f"images-{secrets.token_hex(4)}.npy"
    rows: list[Row | None] = []
    faults: list[str] = []
    decoded = 0
    try:
        with open(array, "wb") as file:
            first = _reserve(file, (len(keys), image_size, image_size, 3))

            def fill(number: int) -> Filled:
                pixels, own, fresh = _pixels(root, keys[number], image_size, reusable)
                _write(file.fileno(), pixels, first + number * pixels.nbytes)
                sha256, width, height, phash = own
                return Row(*keys[number], sha256, width, height, phash, zlib.crc32(pixels.data)), fresh

            with _one_thread_each(), quiet(), _all_cores() as pool:
                filled = zip(keys, _in_order(pool, fill, len(keys)), strict=True)
                shown = track(filled, "image store", len(keys), console=console, disable=not console.is_terminal)
                for key, future in shown:
                    try:
                        row, fresh = future.result()
                    except ValueError as fault:
                        faults.append(f"{root / key.path}: {fault}")
                        rows.append(None)
                    else:
                        rows.append(row)
                        decoded += fresh
            os.fsync(file.fileno())
        commit(home, array, rows)
    except BaseException:
        array.unlink(missing_ok=True)
        raise
    seconds = time.monotonic() - started
    if not faults:
        console.print(f"image store: decoded {decoded} of {len(keys)} images in {seconds:.1f} s", highlight=False)
    return faults


class _Reusable:
    """Rows of an older build, found by their file's key or by its content."""

    def __init__(self, old: Stored | None) -> None:
        self._images = old.images if old else np.empty((0, 0, 0, 3), np.uint8)
        rows = [(number, row) for number, row in enumerate(old.rows if old else []) if row]
        self._by_key = {row.key: (number, row) for number, row in rows}
        self._by_sha256 = {row.sha256: (number, row) for number, row in rows}

    def unchanged(self, key: Key) -> tuple[NDArray[np.uint8], Own] | None:
        """Pixels and facts of a file that has not changed since."""
        return self._sound(self._by_key.get(key))

    def same_bytes(self, sha256: str) -> tuple[NDArray[np.uint8], Own] | None:
        """Pixels and facts of a file with the same content, which may have been renamed or touched since."""
        return self._sound(self._by_sha256.get(sha256))

    def _sound(self, found: tuple[int, Row] | None) -> tuple[NDArray[np.uint8], Own] | None:
        if found is None:
            return None
        number, row = found
        pixels = self._images[number]
        if zlib.crc32(pixels.data) != row.crc32:
            return None
        return pixels, (row.sha256, row.width, row.height, row.phash)


def _pixels(root: Path, key: Key, image_size: int, old: _Reusable) -> tuple[NDArray[np.uint8], Own, bool]:
    """Resized pixels of a file, facts about it, and whether it had to be decoded; ValueError with reason and remedy."""
    if known := old.unchanged(key):
        return *known, False
    try:
        data = read_bytes(root / key.path)
        sha256 = hashlib.sha256(data).hexdigest()
        known = old.same_bytes(sha256)
        fresh = known is None
        if known is None:
            whole = decode(data)
            pixels = resized(whole, image_size)
            known = pixels, (sha256, whole.shape[1], whole.shape[0], perceptual_hash(pixels))
    except ValueError as fault:
        raise ValueError(f"{fault}: replace or remove it") from fault
    if len(data) != key.bytes or key_of(str(root), key.path) != key:
        raise ValueError("changed while it was read: start again when nothing writes it any more")
    return *known, fresh


def _reserve(file: BinaryIO, shape: tuple[int, ...]) -> int:
    """Give a new file the header and the length of a uint8 array in NumPy's format; returns where row 0 begins."""
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
    file.flush()
    first = file.tell()
    file.truncate(first + math.prod(shape))
    return first


def _write(descriptor: int, pixels: NDArray[np.uint8], offset: int) -> None:
    """Not through a memory map: there a full disk kills the process, here it raises OSError."""
    if os.pwrite(descriptor, pixels.data, offset) != pixels.nbytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextmanager
def _all_cores() -> Iterator[ThreadPoolExecutor]:
    """A thread for each core; what has not begun when an error or Ctrl-C comes is dropped."""
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _in_order(pool: ThreadPoolExecutor, work: Callable[[int], Filled], count: int) -> Iterator[Future[Filled]]:
    """What becomes of each number from 0, begun few numbers ahead: so many futures would take memory."""
    begun: deque[Future[Filled]] = deque()
    for number in range(count):
        begun.append(pool.submit(work, number))
        if len(begun) > AHEAD:
            yield begun.popleft()
    yield from begun


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Keep OpenCV from starting threads of its own inside each of ours."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
