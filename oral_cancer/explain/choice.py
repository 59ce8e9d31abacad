"""Which runs explain which images."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from oral_cancer.errors import UserError
from oral_cancer.evaluation.predictions import labels
from oral_cancer.inference.populations import NewImage
from oral_cancer.labels import GROUPS, SPLIT_FOLDERS
from oral_cancer.settings.data import Fold
from oral_cancer.study.runs import RunRecord, Study, refuse_damaged


@dataclass(frozen=True)
class Labelled:
    """An image to explain, and its soft label (3,) where that is known."""

    image: NewImage
    label: NDArray[np.float64] | None


def runs_to_explain(study: Study, fold: Fold | None) -> list[RunRecord]:
    """The finished runs on one fold, or for None on every one.

    Raises:
        UserError: where there is none.
    """
    chosen = [run for run in study.complete if fold in (None, run.fold)]
    if not chosen:
        folds = ", ".join(dict.fromkeys(str(run.fold) for run in study.complete))
        raise UserError(f"fold={fold}: {study.folder} has no such finished fold; choose {folds}, or null for every one")
    refuse_damaged(chosen)
    return chosen


def test_images(study: Study, per_class: int) -> list[Labelled]:
    """The first test images of each pure class, by their names.

    Raises:
        UserError: where the study does not say where its images lie, or they are no longer there.
    """
    root = Path(str(study.complete[0].facts.get("root")))
    if not root.is_dir():
        seen_from = "" if root.is_absolute() else f", seen from {Path.cwd()}"
        raise UserError(
            f"{root}: the images of {study.folder} are not there{seen_from}; start where they are, or give "
            "images=<folder>"
        )
    rows = study.predictions
    rows = rows[(rows["split"] == "test") & (rows["set"] == "homo")].drop_duplicates("file").sort_values("file")
    rows = rows.assign(label=labels(rows).argmax(axis=1)).groupby("label", sort=True).head(per_class)
    rows = rows.sort_values(["label", "file"])
    return [
        Labelled(NewImage(root / file, file, str(PurePosixPath(file).parent)), label)
        for file, label in zip(map(str, rows["file"]), labels(rows), strict=True)
    ]


def labelled(images: Sequence[NewImage]) -> list[Labelled]:
    """New images; one in the published layout, `<split folder>/<folder of a class>/`, has its label."""
    known = {
        (split_folder, name): np.array(group.soft_label)
        for (image_set, _), split_folder in SPLIT_FOLDERS.items()
        for group in GROUPS
        if group.image_set == image_set
        for name in group.folders
    }
    folders = [image.path.absolute().parent for image in images]
    return [
        Labelled(image, known.get((folder.parent.name, folder.name)))
        for image, folder in zip(images, folders, strict=True)
    ]
