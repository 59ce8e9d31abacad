"""Images in the published layout: <root>/<split folder>/<folder of a class or mixture>/<image>."""

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from oral_cancer.data.collection import (
    ELSEWHERE,
    HIDDEN,
    NAMED_BY_USER,
    NO_IMAGE,
    NOT_READ,
    Collection,
    ImageFile,
    LeftOut,
)
from oral_cancer.data.reading import Reading
from oral_cancer.errors import UserError
from oral_cancer.formats.kinds import OTHER_IMAGES, SUFFIXES
from oral_cancer.labels import GROUPS, SPLIT_FOLDERS, SPLITS, Group, Split
from oral_cancer.settings import checked
from oral_cancer.settings import data as settings
from oral_cancer.spreadsheets import REASON, is_formula


class FolderSource:
    """The published layout below a folder of the user's.

    Args:
        root: the folder that holds the four split folders of `labels.SPLIT_FOLDERS`.
        range: the raw values that are black and white; see `brightness`.
        channels: of files with several, one or three; see `picture.Choice`.
        plane: of files with several, one; see `picture.Choice`.
        leave_out: names, or patterns such as "old*", of files and folders to pass over, alone or with the path from
            the root.

    Raises:
        UserError: where there is no such folder, or an option is out of its range.
    """

    def __init__(
        self, root: str | Path, range: Any = None, channels: Any = None, plane: Any = None, leave_out: Any = None
    ) -> None:
        options = {
            "root": str(root) if isinstance(root, Path) else root,
            "range": range,
            "channels": channels,
            "plane": plane,
            "leave_out": leave_out,
        }
        said = checked(settings.FolderSource, options, "source.")
        self.reading = Reading.of(said.range, said.channels, said.plane)
        self.leave_out = [said.leave_out] if isinstance(said.leave_out, str) else said.leave_out or []
        self.root = Path(root)
        if not self.root.is_dir():
            fault = "is not a folder" if self.root.exists() else "does not exist"
            remedy = "run `python scripts/fetch_data.py`, set source.root, or use source=simulated"
            raise UserError(f"source.root: {self.root} {fault}: {remedy}")

    def collect(self) -> Collection:
        """List the images without opening any; faults of the layout go to `Collection.problems`."""
        walk = _Walk(self.root, self.leave_out)
        for split in SPLITS:
            for image_set in ("homo", "hetero"):
                groups = [group for group in GROUPS if group.image_set == image_set]
                walk.take_split(SPLIT_FOLDERS[image_set, split], split, groups)
        if all((self.root / folder).is_dir() for folder in SPLIT_FOLDERS.values()):
            walk.look_for_more_splits()
        for name in self.leave_out:
            if name not in walk.matched:
                walk.problems.append(f"source.leave_out: {name} is the name of nothing here: mend it or leave it out")
        files = sorted(walk.files, key=lambda file: file.path)
        return Collection(self.root, tuple(files), tuple(walk.problems), tuple(walk.left_out), self.reading)


def too_few(collection: Collection, folds: int) -> list[str]:
    """One line for every class with fewer Val images than folds, and every mixture that cannot be divided.

    A class without any image is left out: its missing or empty folder is one of `Collection.problems`.
    """
    counts = Counter(file.group for file in collection.files if file.split == "val")
    return [
        f"{collection.root / SPLIT_FOLDERS[group.image_set, 'val'] / group.folders[0]}: "
        + (
            f"{counts[group.name]} images are fewer than {folds} folds: add images or lower data.folds"
            if group.image_set == "homo"
            else "1 image cannot both train and validate: add images"
        )
        for group in GROUPS
        if 0 < counts[group.name] < (folds if group.image_set == "homo" else 2)
    ]


@dataclass
class _Walk:
    """What a walk through the published layout has met so far."""

    root: Path
    leave_out: list[str]
    files: list[ImageFile] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    matched: set[str] = field(default_factory=set)

    def take_split(self, folder: str, split: Split, groups: list[Group]) -> None:
        if not (self.root / folder).is_dir():
            fault = "is a symbolic link to nothing" if (self.root / folder).is_symlink() else "is missing"
            self.problems.append(f"{self.root / folder}: this split folder {fault}: fetch or restore it")
            return
        # The names as listed, since a file system that ignores case finds one folder under both spellings.
        entries = list(self._safe_entries(folder))
        listed = {entry.name for entry in entries if entry.is_dir()}
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
        known = {name for group in groups for name in group.folders}
        for entry in entries:
            path = f"{folder}/{entry.name}"
            if entry.is_dir() and entry.name not in known:
                self._refuse_folder(path, f"a folder of none of {', '.join(group.name for group in groups)}")
            elif entry.is_file():
                self._leave_out(path, ELSEWHERE if path.lower().endswith(SUFFIXES) else None)

    def take_images(self, folder: str, group: str, split: Split) -> None:
        for entry in self._safe_entries(folder):
            path = f"{folder}/{entry.name}"
            if entry.is_dir():
                self._refuse_folder(path, "a folder within that of a class or mixture")
            elif entry.name.lower().endswith(SUFFIXES):
                self.files.append(ImageFile(path, group, split))
            else:
                self._leave_out(path)

    def look_for_more_splits(self) -> None:
        """Folders beside the split folders that hold folders of classes or mixtures."""
        known = {name for group in GROUPS for name in group.folders}
        for entry in self._safe_entries("."):
            if entry.is_dir() and entry.name not in SPLIT_FOLDERS.values():
                try:
                    inside = set(os.listdir(entry.path))
                except OSError:
                    continue
                if inside & known:
                    self._refuse_folder(entry.name, "a folder of classes or mixtures for neither Val nor Test")
                elif any(name.lower().endswith((*SUFFIXES, *OTHER_IMAGES)) for name in inside):
                    self._leave_out(f"{entry.name}/", ELSEWHERE)
            elif entry.is_file():
                self._leave_out(entry.name, ELSEWHERE if entry.name.lower().endswith(SUFFIXES) else None)

    def _refuse_folder(self, folder: str, what: str) -> None:
        """A folder that nothing reads is a fault if it holds images."""
        images = sum(
            name.lower().endswith((*SUFFIXES, *OTHER_IMAGES))
            for _, _, names in os.walk(self.root / folder)
            for name in names
        )
        if images:
            name = folder.rpartition("/")[2]
            self.problems.append(
                f"{self.root / folder}: {what}, whose {images} images nothing reads: rename or move it, or give "
                f"source.leave_out=[{_quoted(name)}]"
            )
        else:
            self._leave_out(folder, NO_IMAGE)

    def _leave_out(self, path: str, why: str | None = None) -> None:
        if why is None:
            why = NOT_READ if os.path.splitext(path)[1].lower() in OTHER_IMAGES else NO_IMAGE
        self.left_out.append(LeftOut(path, why))

    def _is_named(self, path: str) -> bool:
        """Whether the user wants a file or folder left out."""
        names = (path, path.rpartition("/")[2])
        found = [one for one in self.leave_out if one in names or any(fnmatchcase(name, one) for name in names)]
        self.matched.update(found)
        return bool(found)

    def _safe_entries(self, folder: str) -> Iterator["os.DirEntry[str]"]:
        """The visible entries of a folder but those to be left out; unsafe names and links to nothing are problems."""
        try:
            entries = list(os.scandir(self.root / folder))
        except OSError as error:
            self.problems.append(f"{self.root / folder}: cannot be listed ({error.strerror}): make it readable")
            return
        for entry in sorted(entries, key=lambda entry: entry.name):
            path = entry.name if folder == "." else f"{folder}/{entry.name}"
            if self._is_named(path):
                self._leave_out(path, NAMED_BY_USER)
                continue
            if entry.name.startswith("."):
                self._leave_out(path, HIDDEN)
                continue
            if not _fits_in_a_line(entry.name):
                where = self.root / folder
                self.problems.append(f"{where}: the name {entry.name!a} holds control characters: rename it")
            elif is_formula(f"{folder}/{entry.name}"):
                self.problems.append(f"{entry.path}: {REASON}: rename it")
            elif not os.path.exists(entry.path):
                self.problems.append(f"{entry.path}: a symbolic link to nothing: restore its target or remove it")
            else:
                yield entry


def _quoted(name: str) -> str:
    """A name as the command line takes it within brackets."""
    return name if re.fullmatch(r"[\w.-]+", name) else f"'{name}'"


def _fits_in_a_line(name: str) -> bool:
    return name.isprintable() or not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in name)
