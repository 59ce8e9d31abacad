"""New images on disk: each folder that holds images is one population."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oral_cancer.counting import counted
from oral_cancer.data.collection import HIDDEN, NO_IMAGE, NOT_READ, LeftOut
from oral_cancer.errors import UserError, gathered, refuse
from oral_cancer.formats.kinds import OTHER_IMAGES, SUFFIXES
from oral_cancer.spreadsheets import REASON, harmless_path, is_formula

OUTSIDE = "a link out of the folders that may be read"


@dataclass(frozen=True)
class NewImage:
    """An image to predict.

    Attributes:
        path: where it lies.
        file: its path relative to the folder of images, with forward slashes; see `spreadsheets.harmless_path`.
        population: the folder part of `file`; "." for the folder of images itself.
    """

    path: Path
    file: str
    population: str


@dataclass(frozen=True)
class Found:
    """What a folder of new images holds.

    Attributes:
        images: those that can be read by their suffix, sorted by population and name.
        others: images of kinds that are not read.
        left_out: these and what is no image, as a collection has them.
    """

    images: list[NewImage]
    others: list[NewImage]
    left_out: tuple[LeftOut, ...]


def find_images(
    root: Path,
    option: str = "images",
    permitted: Callable[[Path], bool] | None = None,
    most: int | None = None,
) -> Found:
    """Every image below a folder, by its suffix; hidden folders are passed over.

    Symbolic links are followed, each folder once.

    Args:
        root: the folder.
        option: what a refusal says that it was given by.
        permitted: says of a link whether it may be followed; None where all may.
        most: images that there may be; None for any number.

    Raises:
        UserError: for a folder that is not there, or holds no image that is read or too many, and for names that no
            table can hold without a spreadsheet taking them for formulas.
    """
    refuse(_not_there(root, option))
    images, others, left_out = [], [], []
    seen: set[tuple[int, int]] = set()
    for folder, subfolders, names in os.walk(root, followlinks=True):
        own = os.stat(folder)
        if (own.st_dev, own.st_ino) in seen:  # by a symbolic link
            subfolders.clear()
            continue
        seen.add((own.st_dev, own.st_ino))
        population = harmless_path(printable(Path(folder).relative_to(root).as_posix()))

        def as_file(name: str, population: str = population) -> str:
            return harmless_path(printable(name)) if population == "." else f"{population}/{printable(name)}"

        left_out += [LeftOut(as_file(name), HIDDEN) for name in sorted(subfolders) if name.startswith(".")]
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        if permitted:
            outside = {name for name in (*subfolders, *names) if _leads_out(Path(folder, name), permitted)}
            left_out += [LeftOut(as_file(name), OUTSIDE) for name in sorted(outside)]
            subfolders[:] = [name for name in subfolders if name not in outside]
            names = [name for name in names if name not in outside]
        for name in sorted(names):
            image = NewImage(Path(folder, name), as_file(name), population)
            if name.startswith("."):
                left_out.append(LeftOut(image.file, HIDDEN))
            elif name.lower().endswith(SUFFIXES):
                images.append(image)
            elif os.path.splitext(name)[1].lower() in OTHER_IMAGES:
                others.append(image)
                left_out.append(LeftOut(image.file, NOT_READ))
            else:
                left_out.append(LeftOut(image.file, NO_IMAGE))
        if most is not None and len(images) > most:
            raise UserError(f"{option}={root} holds more than {counted(most, 'image')}; give a folder with fewer")
    strange = ((image.file, f"{REASON}; rename it") for image in (*images, *others) if is_formula(image.file))
    refuse([f"{option}: {line}" for line in gathered(Path(printable(str(root))), strange)])
    if not images:
        kinds = ", ".join(dict.fromkeys(image.path.suffix.lower() for image in others))
        instead = f"; it has {len(others)} of kinds that are not read ({kinds}): export these as TIFF" if others else ""
        raise UserError(f"{option}={root} holds no image ({', '.join(SUFFIXES)}); give the folder that does{instead}")
    return Found(images, others, tuple(left_out))


def images_not_there(settings: Mapping[str, Any]) -> list[str]:
    """A line where the folder of new images that is given, if one is, is not there."""
    images = settings.get("images")
    return _not_there(Path(images)) if isinstance(images, str) and images else []


def _leads_out(path: Path, permitted: Callable[[Path], bool]) -> bool:
    return path.is_symlink() and not permitted(path)


def _not_there(root: Path, option: str = "images") -> list[str]:
    fault = "is not a folder" if root.exists() else "does not exist"
    return [] if root.is_dir() else [f"{option}={root} {fault}; give the folder that holds the images"]


def printable(name: str) -> str:
    """A name from the file system as text: bytes that are no UTF-8 as \\xff."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
