"""Fills an image store: decodes on all cores what is new, and copies the rows that still hold.

Which raw values are black and white may depend on all images of a collection. Each is first shown by what it alone
says; those that the others contradict are decoded once more.
"""

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
from typing import BinaryIO, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from oral_cancer.counting import counted
from oral_cancer.data.perceptual_hash import perceptual_hash
from oral_cancer.data.reader import decode, quiet, read_bytes
from oral_cancer.data.reading import Reading
from oral_cancer.data.resizing import Resizing, resized
from oral_cancer.data.store_index import Key, Row, Stored, commit, key_of
from oral_cancer.errors import gathered
from oral_cancer.formats.brightness import Levels, Measured, clipped, common_levels, own_levels
from oral_cancer.formats.picture import Ambiguous, Unreadable

AHEAD = 256  # files


class Filled(NamedTuple):
    """What has become of a file: its row, None where its values need a range; its values; whether it was decoded."""

    row: Row | None
    measured: Measured
    fresh: bool


def build(
    root: Path,
    keys: list[Key],
    way: Resizing,
    home: Path,
    old: Stored | None,
    reading: Reading,
) -> list[str]:
    """Write a new array and its index; the caller must hold the folder's lock.

    Args:
        root: the folder that the keys' paths start from.
        keys: the files, in the order of the rows.
        way: how images become the squares of the rows.
        home: the store's folder.
        old: what it holds now; an array of squares made in the same way of files read in the same way.
        reading: what the user says of the files.

    Returns:
        A line for each fault, of a file that has got no row or of the collection: path, reason, remedy.

    Raises:
        OSError: if the store cannot be written; the old one is left as it was.
    """
    reusable = _Reusable(old)
    console, started = Console(stderr=True), time.monotonic()
    array = home / f"images-{secrets.token_hex(4)}.npy"
    try:
        with open(array, "wb") as file, _one_thread_each(), quiet(), _all_cores() as pool:
            first = _reserve(file, (len(keys), way.size, way.size, 3))

            def fill(number: int, levels: Levels | None = None) -> Filled:
                filled, pixels = _filled(root, keys[number], way, reusable, reading, levels)
                if pixels is not None:
                    _write(file.fileno(), pixels, first + number * pixels.nbytes)
                return filled

            def filled(numbers: list[int], levels: Levels | None) -> Iterator[tuple[int, Filled | ValueError]]:
                work = _in_order(pool, lambda at: fill(numbers[at], levels), len(numbers))
                unseen = not (console.is_terminal and numbers)
                shown = track(work, "image store", len(numbers), console=console, disable=unseen)
                for number, future in zip(numbers, shown, strict=True):
                    try:
                        yield number, future.result()
                    except ValueError as fault:
                        yield number, fault

            found = dict(filled(list(range(len(keys))), None))
            good = {number: one for number, one in found.items() if isinstance(one, Filled)}
            levels, problems = common_levels({keys[at].path: one.measured for at, one in good.items()}, reading.range)
            found |= dict(filled([at for at, one in good.items() if _is_contradicted(one.row, levels)], levels))
            os.fsync(file.fileno())
        rows = [one.row if isinstance(one, Filled) else None for one in found.values()]
        if problems:  # of the collection: whatever they may be about is looked at again next time
            rows = [row if row and row.levels.by in ("type", "declared") else None for row in rows]
        commit(home, array, rows)
    except BaseException:
        array.unlink(missing_ok=True)
        raise
    faults = gathered(root, ((keys[at].path, str(one)) for at, one in found.items() if isinstance(one, ValueError)))
    faults += [f"{root}: {problem}" for problem in problems]
    if not faults:
        decoded = sum(one.fresh for one in good.values())
        seconds = time.monotonic() - started
        console.print(
            f"image store: decoded {decoded} of {counted(len(keys), 'image')} in {seconds:.1f} s", highlight=False
        )
    return faults


class _Reusable:
    """Rows of an older build, found by their file's key or by its content."""

    def __init__(self, old: Stored | None) -> None:
        self._images = old.images if old else np.empty((0, 0, 0, 3), np.uint8)
        rows = [(number, row) for number, row in enumerate(old.rows if old else []) if row]
        self._by_key = {row.key: (number, row) for number, row in rows}
        self._by_sha256 = {row.sha256: (number, row) for number, row in rows}

    def unchanged(self, key: Key, levels: Levels | None) -> tuple[NDArray[np.uint8], Row] | None:
        """Pixels and row of a file that has not changed since; only with these levels, if any are given."""
        return self._sound(self._by_key.get(key), levels)

    def same_bytes(self, sha256: str, levels: Levels | None) -> tuple[NDArray[np.uint8], Row] | None:
        """Pixels and row of a file with the same content, which may have been renamed or touched since."""
        return self._sound(self._by_sha256.get(sha256), levels)

    def _sound(self, found: tuple[int, Row] | None, levels: Levels | None) -> tuple[NDArray[np.uint8], Row] | None:
        if found is None:
            return None
        number, row = found
        pixels = self._images[number]
        if (levels and row.levels != levels) or zlib.crc32(pixels.data) != row.crc32:
            return None
        return pixels, row


def _filled(
    root: Path, key: Key, way: Resizing, old: _Reusable, reading: Reading, levels: Levels | None
) -> tuple[Filled, NDArray[np.uint8] | None]:
    """What becomes of a file, and its resized pixels; ValueError with reason and remedy.

    `levels` are for images whose files declare no depth; None
    is those of the image alone.
    """
    if known := old.unchanged(key, levels):
        pixels, row = known
        return Filled(row, row.measured, False), pixels
    try:
        data = read_bytes(root / key.path)
        sha256 = hashlib.sha256(data).hexdigest()
        if known := old.same_bytes(sha256, levels):
            pixels, row = known
            filled = Filled(row._replace(**key._asdict()), row.measured, False)
        else:
            raw = decode(data, reading.choice)
            own = levels or own_levels(raw.measured, reading.range)
            if own is None:
                return Filled(None, raw.measured, True), None
            whole = raw.shown(own)
            pixels = resized(whole, *way)
            size, marks = (whole.shape[1], whole.shape[0]), (perceptual_hash(pixels), zlib.crc32(pixels.data))
            beyond = clipped(raw.values, own) if own.by == "range" else 0.0
            row = Row(*key, sha256, *size, *marks, raw.measured, own, beyond, raw.micrometres)
            filled = Filled(row, raw.measured, True)
    except Ambiguous:
        raise
    except ValueError as fault:
        raise Unreadable(f"{fault}: replace or remove it") from fault
    if len(data) != key.bytes or key_of(str(root), key.path) != key:
        raise ValueError("changed while it was read: start again when nothing writes it any more")
    return filled, pixels


def _is_contradicted(row: Row | None, levels: Levels | None) -> bool:
    """Whether a file that declares no depth has been shown by other levels than those of all such files."""
    return row is not None and row.levels.by == "least" and row.levels != levels


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
