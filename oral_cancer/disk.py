"""How much room files take, and whether there is enough for more."""

import shutil
from pathlib import Path

from oral_cancer.errors import UserError

UNITS = ("B", "KB", "MB", "GB", "TB")


def size_of(path: Path) -> int:
    """Bytes of a file or of all files below a folder; what a link leads to does not count."""
    if path.is_symlink() or not path.is_dir():
        return path.lstat().st_size
    return sum(size_of(child) for child in path.iterdir())


def in_bytes(size: float) -> str:
    """E.g. "41.2 MB"."""
    power = 0
    while size >= 1000 and power < len(UNITS) - 1:
        size, power = size / 1000, power + 1
    return f"{size:.3g} {UNITS[power]}"


def insist_on_room(place: Path, needed: int, what: str, remedy: str) -> None:
    """Refuse what would not fit the disk.

    Args:
        place: a file or folder, there or not, on the disk.
        needed: bytes.
        what: needs them, e.g. "the image store".
        remedy: beside making room, e.g. "give store= on another disk".

    Raises:
        UserError: one line with both numbers and the remedy.
    """
    there = next(path for path in (place.absolute(), *place.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    if needed > free:
        raise UserError(
            f"{place}: {what} needs about {in_bytes(needed)}, and {in_bytes(free)} are free there; make room "
            f"(`oral-cancer clean` shows what nothing needs), or {remedy}"
        )
