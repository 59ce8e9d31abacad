"""A walk through a folder of images: what is taken, what is passed over and why, what is a fault."""

import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from oral_cancer.counting import counted
from oral_cancer.data.collection import HIDDEN, NAMED_BY_USER, NO_IMAGE, NOT_READ, LeftOut
from oral_cancer.formats.kinds import OTHER_IMAGES, SUFFIXES
from oral_cancer.spreadsheets import REASON, is_formula

ARCHIVED = "__MACOSX"
"""A folder that macOS puts into archives, of hidden files."""


def patterns(leave_out: str | list[str] | None) -> list[str]:
    """The option `source.leave_out`: several names, one, or none."""
    return [leave_out] if isinstance(leave_out, str) else leave_out or []


@dataclass
class Walk:
    """What a walk has met so far.

    Attributes:
        root: the folder that paths start from.
        leave_out: names or patterns that the user wants to be passed over.
        problems: one line each, with the remedy.
        left_out: what was passed over.
    """

    root: Path
    leave_out: list[str]
    problems: list[str] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    _matched: set[str] = field(default_factory=set)

    def images(self, folder: str, refuse_folders: str | None = None) -> Iterator[str]:
        """The paths of the images in a folder; a folder within it is a fault where `refuse_folders` says what it is."""
        for entry in self.entries(folder):
            path = joined(folder, entry.name)
            if entry.is_dir():
                if refuse_folders:
                    self.refuse_folder(path, refuse_folders)
            elif is_image(entry.name):
                yield path
            else:
                self.pass_over(path)

    def finish(self) -> None:
        """Names in `leave_out` that are those of nothing are faults."""
        self.problems += [
            f"source.leave_out: {name} is the name of nothing here: mend it or leave it out"
            for name in self.leave_out
            if name not in self._matched
        ]

    def refuse_folder(self, folder: str, what: str) -> None:
        """A folder that nothing reads is a fault if it holds images."""
        images = sum(
            name.lower().endswith((*SUFFIXES, *OTHER_IMAGES))
            for _, _, names in os.walk(self.root / folder)
            for name in names
        )
        if images:
            name = folder.rpartition("/")[2]
            self.problems.append(
                f"{self.root / folder}: {what}, whose {counted(images, 'image')} nothing reads: rename or move it, or "
                f"give source.leave_out=[{quoted(name)}]"
            )
        else:
            self.pass_over(folder, NO_IMAGE)

    def pass_over(self, path: str, why: str | None = None) -> None:
        """Note that a file or folder is left out."""
        if why is None:
            why = NOT_READ if os.path.splitext(path)[1].lower() in OTHER_IMAGES else NO_IMAGE
        self.left_out.append(LeftOut(path, why))

    def is_named(self, path: str) -> bool:
        """Whether the user wants a file or folder left out."""
        names = (path, path.rpartition("/")[2])
        found = [one for one in self.leave_out if one in names or any(fnmatchcase(name, one) for name in names)]
        self._matched.update(found)
        return bool(found)

    def entries(self, folder: str) -> Iterator["os.DirEntry[str]"]:
        """The visible entries of a folder but those to be left out; unsafe names and links to nothing are problems."""
        try:
            entries = list(os.scandir(self.root / folder))
        except OSError as error:
            self.problems.append(f"{self.root / folder}: cannot be listed ({error.strerror}): make it readable")
            return
        for entry in sorted(entries, key=lambda entry: entry.name):
            path = joined(folder, entry.name)
            if self.is_named(path):
                self.pass_over(path, NAMED_BY_USER)
                continue
            if entry.name.startswith(".") or entry.name == ARCHIVED:
                self.pass_over(path, HIDDEN)
                continue
            if not _fits_in_a_line(entry.name):
                where = self.root / folder
                self.problems.append(f"{where}: the name {entry.name!a} holds control characters: rename it")
            elif not os.path.exists(entry.path):
                self.problems.append(f"{entry.path}: a symbolic link to nothing: restore its target or remove it")
            elif _leads_back(entry):
                self.problems.append(f"{entry.path}: a symbolic link to a folder that it lies in itself: remove it")
            elif is_formula(path if entry.is_dir() else f"{folder}/{entry.name}"):
                self.problems.append(f"{entry.path}: {REASON}: rename it")
            else:
                yield entry


def joined(folder: str, name: str) -> str:
    """The path of an entry of a folder, both relative to the root, which is "."."""
    return name if folder == "." else f"{folder}/{name}"


def is_image(name: str) -> bool:
    """Whether a file is of a kind that is read."""
    return name.lower().endswith(SUFFIXES)


def quoted(name: str) -> str:
    """A name as the command line takes it within brackets."""
    return name if re.fullmatch(r"[\w.-]+", name) else f"'{name}'"


def _leads_back(entry: "os.DirEntry[str]") -> bool:
    """Whether an entry is a link to the folder that it lies in, or to one above."""
    return entry.is_symlink() and Path(entry.path).parent.resolve().is_relative_to(Path(entry.path).resolve())


def _fits_in_a_line(name: str) -> bool:
    return name.isprintable() or not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in name)
