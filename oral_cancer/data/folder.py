"""Images in the published layout: <root>/<split folder>/<folder of a class or mixture>/<image>."""

import os
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from oral_cancer.data.collection import Collection, ImageFile
from oral_cancer.errors import UserError
from oral_cancer.labels import GROUPS, SPLIT_FOLDERS, SPLITS, Group, Split

SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg")


class FolderSource:
    """The published layout below a folder of the user's.

    Args:
        root: the folder that holds the four split folders of `labels.SPLIT_FOLDERS`.

    Raises:
        UserError: where there is no such folder.
    """

    def __init__(self, root: str | Path) -> None:
        if not isinstance(root, str | Path) or not str(root):
            raise UserError(f"source.root={root}: must be a folder")
        self.root = Path(root)
        if not self.root.is_dir():
            fault = "is not a folder" if self.root.exists() else "does not exist"
            remedy = "run `python scripts/fetch_data.py`, set source.root, or use source=simulated"
            raise UserError(f"source.root: {self.root} {fault}: {remedy}")

    def collect(self) -> Collection:
        """List the images without opening any; faults of the layout go to `Collection.problems`."""
        walk = _Walk(self.root)
        for split in SPLITS:
            for image_set in ("homo", "hetero"):
                groups = [group for group in GROUPS if group.image_set == image_set]
                walk.take_split(SPLIT_FOLDERS[image_set, split], split, groups)
        files = sorted(walk.files, key=lambda file: file.path)
        return Collection(self.root, tuple(files), tuple(walk.problems), walk.ignored)


def too_few(collection: Collection, folds: int) -> list[str]:
    """One line for every class or mixture with fewer Val images than folds.

    A class without any image is left out: its missing or empty folder is one of `Collection.problems`.
    """
    counts = Counter(file.group for file in collection.files if file.split == "val")
    return [
        f"{collection.root / SPLIT_FOLDERS[group.image_set, 'val'] / group.folders[0]}: "
        f"{counts[group.name]} images are fewer than {folds} folds: add images or lower the number of folds"
        for group in GROUPS
        if 0 < counts[group.name] < folds
    ]


@dataclass
class _Walk:
    """What a walk through the published layout has met so far."""

    root: Path
    files: list[ImageFile] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    ignored: int = 0

    def take_split(self, folder: str, split: Split, groups: list[Group]) -> None:
        if not (self.root / folder).is_dir():
            fault = "is a symbolic link to nothing" if (self.root / folder).is_symlink() else "is missing"
            self.problems.append(f"{self.root / folder}: this split folder {fault}: fetch or restore it")
            return
        # The names as listed, since a file system that ignores case finds one folder under both spellings.
        listed = {entry.name for entry in self._safe_entries(folder)}
        for group in groups:
            present = [name for name in group.folders if name in listed]
            before = len(self.files), len(self.problems)
            for name in present:
                self.take_images(f"{folder}/{name}", group.name, split)
            where = self.root / folder / (present or group.folders)[0]
            if not present:
                self.problems.append(f"{where}: the folder of {group.name} is missing: fetch or restore it")
            elif before == (len(self.files), len(self.problems)):
                wanted = ", ".join(SUFFIXES)
                self.problems.append(f"{where}: the folder of {group.name} holds no image ({wanted}): fill it")

    def take_images(self, folder: str, group: str, split: Split) -> None:
        for entry in self._safe_entries(folder):
            if not entry.is_file() or not entry.name.lower().endswith(SUFFIXES):
                self.ignored += 1
            else:
                self.files.append(ImageFile(f"{folder}/{entry.name}", group, split))

    def _safe_entries(self, folder: str) -> Iterator["os.DirEntry[str]"]:
        """The visible entries of a folder; unsafe names and links to nothing become problems."""
        try:
            entries = list(os.scandir(self.root / folder))
        except OSError as error:
            self.problems.append(f"{self.root / folder}: cannot be listed ({error.strerror}): make it readable")
            return
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.name.startswith("."):
                self.ignored += 1
                continue
            if not _fits_in_a_line(entry.name):
                where = self.root / folder
                self.problems.append(f"{where}: the name {entry.name!a} holds control characters: rename it")
            elif not os.path.exists(entry.path):
                self.problems.append(f"{entry.path}: a symbolic link to nothing: restore its target or remove it")
            else:
                yield entry


def _fits_in_a_line(name: str) -> bool:
    return name.isprintable() or not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in name)
