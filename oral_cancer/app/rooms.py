"""Temporary folders that do not outlive their server, not even one that was killed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

PREFIX = "oral-cancer-app-"
LOCK = "in-use"


@contextmanager
def temporary_room(below: Path | None = None) -> Iterator[Path]:
    """A folder that only its owner can read, removed at the end.

    What servers left that were killed is removed first: theirs are the folders whose lock nobody holds.

    Args:
        below: where; None for where temporary files belong on this computer.
    """
    place = below or Path(tempfile.gettempdir())
    for left in place.glob(f"{PREFIX}*"):
        _remove_unused(left)
    room = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
    with FileLock(room / LOCK):
        try:
            yield room
        finally:
            shutil.rmtree(room, ignore_errors=True)


def _remove_unused(room: Path) -> None:
    if room.is_symlink() or not room.is_dir() or room.stat().st_uid != os.getuid() or not (room / LOCK).exists():
        return
    try:
        with FileLock(room / LOCK, timeout=0):
            shutil.rmtree(room, ignore_errors=True)
    except Timeout:  # its server lives
        pass
