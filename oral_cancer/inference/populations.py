"""New images on disk: each folder that holds images is one population."""

import os
from dataclasses import dataclass
from pathlib import Path

from oral_cancer.data.folder import SUFFIXES
from oral_cancer.errors import UserError


@dataclass(frozen=True)
class NewImage:
    """An image to predict.

    Attributes:
        path: where it lies.
        file: its path relative to the folder of images, with forward slashes.
        population: the folder part of `file`; "." for the folder of images itself.
    """

    path: Path
    file: str
    population: str


def find_images(root: Path) -> list[NewImage]:
    """Every image below a folder, by its suffix, sorted by population and name; hidden files are passed over.

    Symbolic links are followed, each folder once.

    Raises:
        UserError: for a folder that is not there, or holds no image.
    """
    if not root.is_dir():
        fault = "is not a folder" if root.exists() else "does not exist"
        raise UserError(f"images={root} {fault}; give the folder that holds the images")
    found = []
    seen: set[tuple[int, int]] = set()
    for folder, subfolders, names in os.walk(root, followlinks=True):
        own = os.stat(folder)
        if (own.st_dev, own.st_ino) in seen:  # by a symbolic link
            subfolders.clear()
            continue
        seen.add((own.st_dev, own.st_ino))
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        population = printable(Path(folder).relative_to(root).as_posix())
        for name in sorted(names):
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                file = printable(name) if population == "." else f"{population}/{printable(name)}"
                found.append(NewImage(Path(folder, name), file, population))
    if not found:
        raise UserError(f"images={root} holds no image ({', '.join(SUFFIXES)}); give the folder that does")
    return found


def printable(name: str) -> str:
    """A name from the file system as text: bytes that are no UTF-8 as \\xff."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
