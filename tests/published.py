"""The published data set, as tests make small copies of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oral_cancer.data.collection import Collection, ImageFile
from oral_cancer.data.folder import FolderSource
from oral_cancer.layout import SPLITS
from oral_cancer.simulation.published import COUNTS, LABELS, LAYOUT

CLASSES = LABELS.classes
MIXTURES = LABELS.names[len(CLASSES) :]
SPLIT_FOLDERS = {(image_set, split): LAYOUT.splits[split][image_set] for split in SPLITS for image_set in COUNTS}


def folder_source(root: Path, **options: Any) -> FolderSource:
    return FolderSource(root, "oral_cancer", **options)


def image_file(path: str, label: str, split: str) -> ImageFile:
    """One in the folders of "val", which are divided into folds, or "test"."""
    return ImageFile(path, label, "test" if split == "test" else None)


def collection_of(files: Iterable[ImageFile], root: Path = Path(), **more: Any) -> Collection:
    return Collection(root, tuple(files), LABELS, **more)


@dataclass(frozen=True)
class Group:
    """Images that carry one label."""

    name: str
    image_set: str
    folders: tuple[str, ...]
    soft_label: tuple[float, ...]
    published: dict[str, int]


GROUPS = tuple(
    Group(
        name,
        LABELS.image_set(name),
        tuple(LAYOUT.folders[name]),
        LABELS.proportions[name],
        COUNTS[LABELS.image_set(name)],
    )
    for name in LABELS.names
)
BY_NAME = {group.name: group for group in GROUPS}


def soft_label(name: str) -> NDArray[np.float32]:
    return LABELS.soft_label(name)


def group_names(soft_labels: NDArray[np.floating]) -> NDArray[np.str_]:
    """The label that each soft label (N, K) is that of."""
    known = np.array([group.soft_label for group in GROUPS])
    labels = np.asarray(soft_labels, float).reshape(-1, len(CLASSES))
    distances = np.abs(labels[:, None] - known[None]).max(axis=2)
    assert (distances.min(axis=1) < 1e-3).all()
    return np.array([GROUPS[i].name for i in distances.argmin(axis=1)], np.str_)
