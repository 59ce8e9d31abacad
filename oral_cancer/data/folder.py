"""Images in a folder for each class: <root>/<class>/..., or <root>/{train,val,test}/<class>/..."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from oral_cancer.data.collection import ELSEWHERE, Collection, ImageFile
from oral_cancer.data.division import Grouping
from oral_cancer.data.layout_source import collect, existing_folder
from oral_cancer.data.reading import Reading
from oral_cancer.data.walk import Walk, is_image, joined, patterns, quoted
from oral_cancer.errors import UserError
from oral_cancer.labels import Labels, Split
from oral_cancer.layout import declared_parts, layout_of
from oral_cancer.settings import checked_arguments
from oral_cancer.settings import data as settings

SPLIT_NAMES: dict[str, Split] = {
    **dict.fromkeys(("train", "training", "train_set", "training_set"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "val_set", "validation_set", "dev"), "val"),
    **dict.fromkeys(("test", "testing", "test_set"), "test"),
}


class FolderSource:
    """Images below a folder of the user's, in the published layout or with a folder for each class.

    Args:
        root: the folder. Its own folders are classes, or splits with the same classes in each; an image may lie any
            number of folders below its class's.
        layout: a choice of conf/source that declares folders, taken where any of its split folders is there; or None.
        mixtures: which folders hold mixtures and of what, as in conf/source/oral_cancer.yaml; a mixture without
            `folders` lies in that of its name.
        group_by: what must stay together in a split: "folder", that of the image; a regular expression of which the
            first group, or the whole, is searched for in each path below the root; None where nothing must.
        test_share: of the images, those that only test, where no folder says so: 0 to below 1.
        range, channels, plane, leave_out: see `LayoutSource`.

    Raises:
        UserError: where there is no such folder, or an option is out of its range.
    """

    def __init__(
        self,
        root: str | Path,
        layout: str | None = None,
        mixtures: Mapping[str, Mapping[str, Any]] | None = None,
        group_by: str | None = None,
        test_share: float = 0.2,
        range: Any = None,
        channels: Any = None,
        plane: Any = None,
        leave_out: Any = None,
    ) -> None:
        said = checked_arguments(settings.FolderSource, locals(), "source.")
        self.reading = Reading.of(said.range, said.channels, said.plane)
        self.leave_out = patterns(said.leave_out)
        self.layout = layout_of(layout) if layout else None
        self.mixtures = said.mixtures or {}
        self.grouping = Grouping(group_by)
        self.test_share = said.test_share
        self.root = existing_folder(root)

    def collect(self) -> Collection:
        """List the images without opening any; faults of the layout go to `Collection.problems`."""
        if self.layout and self.layout.is_at(self.root):
            return collect(self.root, self.layout, self.leave_out, self.reading)
        walk = Walk(self.root, self.leave_out)
        files = [
            ImageFile(path, label, split, group=self.grouping.of(path))
            for folder, split in _split_folders(walk).items()
            for label, path in _labelled(walk, folder)
        ]
        walk.finish()
        return self._collection(files, walk)

    def _collection(self, files: Sequence[ImageFile], walk: Walk) -> Collection:
        problems = tuple(dict.fromkeys(walk.problems))  # the root is looked through twice, for splits and for labels
        mixtures = {folder: name for name, one in self.mixtures.items() for folder in one.folders or (name,)}
        problems += _without_images(self.mixtures, {file.label for file in files}, self.root)
        named = [replace(file, label=mixtures.get(file.label, file.label)) for file in files]
        if not named and not problems:
            raise UserError(
                f"source.root: {self.root} holds no folder with images for each class: put them into one a class"
            )
        told = {part for one in self.mixtures.values() for part in one.parts}
        classes = tuple(sorted({file.label for file in named} - set(self.mixtures) or told))
        try:
            parts = {name: declared_parts(name, one.parts, classes) for name, one in self.mixtures.items()}
            labels = Labels(classes, parts)
        except UserError as refused:
            raise UserError(*problems, *refused.lines) from None  # of which the former may be the cause
        return Collection(
            self.root,
            tuple(sorted(named, key=lambda file: file.path)),
            labels,
            problems,
            tuple(dict.fromkeys(walk.left_out)),
            self.reading,
            self.test_share,
        )


def _without_images(mixtures: Mapping[str, settings.Mixture], folders: set[str], root: Path) -> tuple[str, ...]:
    """A line for each mixture of which no folder is there, and for each that is called as a folder of another label."""
    lines = []
    for name, one in mixtures.items():
        own = tuple(one.folders or (name,))
        if not folders.intersection(own):
            found = f"no folder {' or '.join(own)} with images below {root}; there are {', '.join(sorted(folders))}"
            lines.append(f"source.mixtures.{name}: {found}: mend its folders, or leave it out")
        elif name in folders - set(own):
            lines.append(f"source.mixtures.{name}: {root / name} is a folder of a class; rename one of the two")
    return tuple(lines)


def _split_folders(walk: Walk) -> dict[str, Split | None]:
    """The folders that hold those of the classes, and the split of each: of given splits, or the root alone."""
    entries = list(walk.entries("."))
    folders = [entry.name for entry in entries if entry.is_dir()]
    given = {name: SPLIT_NAMES[name.casefold()] for name in folders if name.casefold() in SPLIT_NAMES}
    if "train" not in given.values():
        if len(set(given.values())) > 1:
            found = " and ".join(given)
            walk.problems.append(f"{walk.root}: has folders {found}, and none called train: add it, or rename these")
        walk.problems += _of_another_level(walk, folders)
        return {".": None}
    for name in folders:
        if name not in given:
            walk.refuse_folder(name, f"a folder beside {', '.join(given)} that is none of train, val and test")
    for entry in entries:
        if not entry.is_dir():
            walk.pass_over(entry.name, ELSEWHERE if is_image(entry.name) else None)
    has_val = "val" in given.values()
    return {folder: None if split == "train" and not has_val else split for folder, split in given.items()}


def _of_another_level(walk: Walk, folders: Sequence[str]) -> list[str]:
    """A line for each folder that can be none of a class: one alone, and one that holds folders of classes itself."""
    within = {name: [entry.name for entry in walk.entries(name) if entry.is_dir()] for name in folders}
    if len(folders) == 1 and len(within[folders[0]]) > 1:
        (name,) = folders
        return [
            f"{walk.root}: holds the folder {name} alone; if those in it are classes, give "
            f"source.root={walk.root / name}"
        ]
    return [
        f"{walk.root / name}: holds folders that are called as classes beside it ({', '.join(alike[:3])}): put all "
        f"classes into folders train, val and test, or give source.leave_out=[{quoted(name)}]"
        for name, inner in within.items()
        if (alike := sorted(set(inner) & set(folders) - {name}))
    ]


def _labelled(walk: Walk, folder: str) -> Iterable[tuple[str, str]]:
    """Label and path of each image below a folder that holds one for each label."""
    for entry in walk.entries(folder):
        path = joined(folder, entry.name)
        if entry.is_dir():
            found = list(_below(walk, path))
            if not found:
                walk.problems.append(
                    f"{walk.root / path}: this folder of a class holds no image that is read: fill or remove it, or "
                    f"give source.leave_out=[{quoted(entry.name)}]"
                )
            yield from ((entry.name, image) for image in found)
        else:
            walk.pass_over(path, ELSEWHERE if is_image(path) else None)


def _below(walk: Walk, folder: str) -> Iterable[str]:
    for entry in walk.entries(folder):
        path = joined(folder, entry.name)
        if entry.is_dir():
            yield from _below(walk, path)
    yield from walk.images(folder)
