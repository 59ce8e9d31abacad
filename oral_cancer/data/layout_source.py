"""Images in a layout that is declared: <root>/<split folder>/<folder of a class or mixture>/<image>."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from oral_cancer.called import command
from oral_cancer.data.collection import ELSEWHERE, Collection, ImageFile
from oral_cancer.data.reading import Reading
from oral_cancer.data.walk import Walk, is_image, joined, patterns
from oral_cancer.errors import UserError
from oral_cancer.formats.kinds import OTHER_IMAGES, SUFFIXES
from oral_cancer.layout import SPLITS, Layout, read_layout
from oral_cancer.settings import checked_arguments
from oral_cancer.settings import data as settings


class LayoutSource:
    """Images in a declared layout below a folder of the user's.

    Args:
        root: the folder that holds the split folders; None where another source says it.
        classes, mixtures, splits: see `read_layout`.
        range: the raw values that are black and white; see `brightness`.
        channels: of files with several, one or three; see `picture.Choice`.
        plane: of files with several, one; see `picture.Choice`.
        leave_out: names, or patterns such as "old*", of files and folders to pass over, alone or with the path from
            the root.

    Raises:
        UserError: where there is no such folder, or an option is out of its range.
    """

    def __init__(
        self,
        root: str | Path | None,
        classes: Mapping[str, Sequence[str]],
        mixtures: Mapping[str, Mapping[str, Any]],
        splits: Mapping[str, Any],
        range: Any = None,
        channels: Any = None,
        plane: Any = None,
        leave_out: Any = None,
    ) -> None:
        said = checked_arguments(settings.LayoutSource, locals(), "source.")
        self.layout = read_layout(classes, mixtures, splits)
        self.reading = Reading.of(said.range, said.channels, said.plane)
        self.leave_out = patterns(said.leave_out)
        self.root = None if root is None else existing_folder(root)

    def collect(self) -> Collection:
        """List the images without opening any; faults of the layout go to `Collection.problems`."""
        assert self.root is not None
        return collect(self.root, self.layout, self.leave_out, self.reading)


def existing_folder(root: str | Path) -> Path:
    """The folder that `source.root` names.

    Raises:
        UserError: where there is none.
    """
    path = Path(root)
    if not path.is_dir():
        fault = "is not a folder" if path.exists() else "does not exist"
        remedy = f"give the folder of your images, run `{command('fetch')}` for the published ones, or source=simulated"
        raise UserError(f"source.root: {path} {fault}: {remedy}")
    return path


def collect(root: Path, layout: Layout, leave_out: list[str], reading: Reading) -> Collection:
    """List the images of a layout below a folder, without opening any."""
    walk, files = Walk(root, leave_out), []
    for split in SPLITS:
        for image_set, folder in layout.splits[split].items():
            names = [name for name in layout.labels.names if layout.labels.image_set(name) == image_set]
            files += _of_split(walk, layout, folder, split, names)
    if all((root / folder).is_dir() for folder in layout.split_folders):
        _look_for_more_splits(walk, layout)
    walk.finish()
    files.sort(key=lambda file: file.path)
    return Collection(root, tuple(files), layout.labels, tuple(walk.problems), tuple(walk.left_out), reading)


def _of_split(walk: Walk, layout: Layout, folder: str, split: str, names: Sequence[str]) -> list[ImageFile]:
    """The images of one split folder, which holds a folder for each of these labels."""
    where = walk.root / folder
    if not where.is_dir():
        fault = "is a symbolic link to nothing" if where.is_symlink() else "is missing"
        walk.problems.append(f"{where}: this split folder {fault}: fetch or restore it")
        return []
    # The names as listed, since a file system that ignores case finds one folder under both spellings.
    entries = list(walk.entries(folder))
    listed = {entry.name for entry in entries if entry.is_dir()}
    files = []
    for label in names:
        present = [name for name in layout.folders[label] if name in listed]
        faults = len(walk.problems)
        found = [
            ImageFile(path, label, "test" if split == "test" else None)
            for name in present
            for path in walk.images(joined(folder, name), "a folder within that of a class or mixture")
        ]
        files += found
        own = where / (present or layout.folders[label])[0]
        if not present:
            walk.problems.append(f"{own}: the folder of {label} is missing: fetch or restore it")
        elif not found and len(walk.problems) == faults:
            walk.problems.append(f"{own}: the folder of {label} holds no image ({', '.join(SUFFIXES)}): fill it")
    known = {spelling for label in names for spelling in layout.folders[label]}
    for entry in entries:
        path = joined(folder, entry.name)
        if entry.is_dir() and entry.name not in known:
            walk.refuse_folder(path, f"a folder of none of {', '.join(names)}")
        elif entry.is_file():
            walk.pass_over(path, ELSEWHERE if is_image(path) else None)
    return files


def _look_for_more_splits(walk: Walk, layout: Layout) -> None:
    """Folders beside the split folders that hold folders of classes or mixtures."""
    known = {spelling for spellings in layout.folders.values() for spelling in spellings}
    for entry in walk.entries("."):
        if entry.is_dir() and entry.name not in layout.split_folders:
            try:
                inside = set(os.listdir(entry.path))
            except OSError:
                continue
            if inside & known:
                walk.refuse_folder(entry.name, "a folder of classes or mixtures for neither Val nor Test")
            elif any(name.lower().endswith((*SUFFIXES, *OTHER_IMAGES)) for name in inside):
                walk.pass_over(f"{entry.name}/", ELSEWHERE)
        elif entry.is_file():
            walk.pass_over(entry.name, ELSEWHERE if is_image(entry.name) else None)
