"""Files as a browser sends them, into the temporary folder of one person and nowhere else."""

import shutil
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from oral_cancer.data.walk import is_image
from oral_cancer.disk import in_bytes
from oral_cancer.errors import UserError, brief
from oral_cancer.files import below

MB = 10**6
SPARE = 500 * MB
"""Bytes of the disk that are left alone."""
LONGEST = 255  # bytes of a name, as file systems have it


@dataclass(frozen=True)
class Limits:
    """How much one person may bring: images, and MB an image and in all."""

    max_images: int
    max_mb: int
    max_mb_in_all: int


@dataclass
class Uploads:
    """What one person has brought.

    Attributes:
        folder: that holds it, made with the first file.
        limits: of it.
        sizes: bytes by the path of each file.
    """

    folder: Path
    limits: Limits
    sizes: dict[str, int] = field(default_factory=dict)
    _total: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    async def receive(self, name: str, content: AsyncIterator[bytes]) -> None:
        """Store a file; of one that is no image that is read the name alone, so that it can be told of.

        Args:
            name: its path below the folder that was dropped, with forward slashes.
            content: its bytes, piece by piece.

        Raises:
            UserError: for a path that leads out of the folder, and for what is too much.
        """
        _refuse_path(name)
        image = is_image(name)
        with self._lock:
            self._refuse_number(name, image)
            self._forget(name)
            self.sizes[name] = 0
        path = self.folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = self.folder.with_name(f"partial-{uuid4().hex}")
            try:
                with partial.open("wb") as file:
                    async for piece in content:
                        if image:
                            self._count(name, len(piece))
                            file.write(piece)
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)
        except OSError as error:
            self._forget(name)
            raise UserError(f"{name}: cannot be stored ({error.strerror or brief(error)}); rename it") from error
        except BaseException:
            self._forget(name)
            raise

    @property
    def root(self) -> Path:
        """The folder that was dropped: the only one there, or where there are several or single files the whole."""
        there = list(self.folder.iterdir()) if self.folder.is_dir() else []
        return there[0] if len(there) == 1 and there[0].is_dir() else self.folder

    def clear(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.sizes.clear()
        self._total = 0

    def _forget(self, name: str) -> None:
        self._total -= self.sizes.pop(name, 0)

    def _refuse_number(self, name: str, image: bool) -> None:
        alike = sum(is_image(one) == image for one in self.sizes if one != name)
        if alike >= self.limits.max_images:
            what = "images" if image else "other files"
            raise UserError(f"{name}: more than {self.limits.max_images} {what}; drop fewer, or start with max_images=")

    def _count(self, name: str, size: int) -> None:
        limits = self.limits
        self.sizes[name] += size
        self._total += size
        if self.sizes[name] > limits.max_mb * MB:
            raise UserError(f"{name}: more than {limits.max_mb} MB; save it smaller, or start with max_mb=")
        if self._total > limits.max_mb_in_all * MB:
            raise UserError(
                f"{name}: more than {limits.max_mb_in_all} MB in all; drop fewer, or start with max_mb_in_all="
            )
        if shutil.disk_usage(self.folder).free < SPARE:
            raise UserError(f"{name}: less than {in_bytes(SPARE)} are free for temporary files; make room")


def _refuse_path(name: str) -> None:
    parts = name.split("/")
    if not below(name) or any(part in ("", ".") for part in parts) or "\\" in name:
        raise UserError(f"{name[:LONGEST]!r}: is no path below the folder that was dropped; rename the file")
    if any(len(part.encode()) > LONGEST for part in parts) or len(name.encode()) > 10 * LONGEST:
        raise UserError(f"{name[:40]}...: has a name that is too long; shorten it")
