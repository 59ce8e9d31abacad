"""Which folders hold which images, where that is declared and not found out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from oral_cancer.config_groups import CONF
from oral_cancer.errors import UserError
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


def layout_of(choice: str) -> Layout:
    """The layout that a choice of the config group `source` declares.

    Raises:
        UserError: where there is no such choice, or it declares none.
    """
    path = CONF / "source" / f"{choice}.yaml"
    content: Any = OmegaConf.to_container(OmegaConf.load(path)) if path.is_file() else {}
    if "splits" not in content:
        raise UserError(f"source.layout={choice}: is no layout; give oral_cancer, or null for a folder for each class")
    return read_layout(content["classes"], content["mixtures"], content["splits"])


def declared_parts(mixture: str, parts: Mapping[str, float], classes: Sequence[str]) -> tuple[float, ...]:
    """The proportions of a mixture of these parts.

    Raises:
        UserError: for a part that is no class.
    """
    if strange := [name for name in parts if name not in classes]:
        raise UserError(
            f"source.mixtures.{mixture}: has the part {strange[0]}, which is no class; give parts of "
            f"{', '.join(classes)}"
        )
    return of_parts(classes, parts)


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
    mixed = {str(name): declared_parts(str(name), mixture["parts"], names) for name, mixture in mixtures.items()}
    folders = {str(name): list(spellings) for name, spellings in classes.items()}
    folders |= {str(name): list(mixture.get("folders") or [name]) for name, mixture in mixtures.items()}
    return Layout(Labels(names, mixed), folders, {split: dict(sets) for split, sets in splits.items()})
