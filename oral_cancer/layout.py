"""Which folders hold which images, where that is declared and not found out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oral_cancer.labels import ImageSet, Labels, of_parts

SPLITS = ("val", "test")  # of a layout: the images to divide into folds, and those that only test


@dataclass(frozen=True)
class Layout:
    """Which folders hold which images.

    Attributes:
        labels: the classes and mixtures.
        folders: by label, the accepted spellings of its folder; the first is the one to write.
        splits: for "val" and "test", the folder of the pure and that of the mixed images.
    """

    labels: Labels
    folders: Mapping[str, Sequence[str]]
    splits: Mapping[str, Mapping[ImageSet, str]]

    @property
    def split_folders(self) -> dict[str, tuple[str, ImageSet]]:
        """What each split folder holds."""
        return {name: (split, image_set) for split, sets in self.splits.items() for image_set, name in sets.items()}

    def folder(self, label: str, split: str) -> str:
        """Where images of a label and split lie, below the root."""
        return f"{self.splits[split][self.labels.image_set(label)]}/{self.folders[label][0]}"

    def is_at(self, root: Path) -> bool:
        """Whether a folder has any of the split folders."""
        return any((root / name).is_dir() for name in self.split_folders)


def read_layout(
    classes: Mapping[str, Sequence[str]], mixtures: Mapping[str, Mapping[str, Any]], splits: Mapping[str, Any]
) -> Layout:
    """A layout from the words of a file of the config group `source`.

    Args:
        classes: by class, the spellings of its folder.
        mixtures: by mixture, its `parts` of each class, in any scale, and the spellings of its folder, `folders`.
        splits: as `Layout.splits`.
    """
    names = tuple(map(str, classes))
    mixed = {str(name): of_parts(names, mixture["parts"]) for name, mixture in mixtures.items()}
    folders = {str(name): list(spellings) for name, spellings in classes.items()}
    folders |= {str(name): list(mixture["folders"]) for name, mixture in mixtures.items()}
    return Layout(Labels(names, mixed), folders, {split: dict(sets) for split, sets in splits.items()})
