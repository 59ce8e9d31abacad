"""Which runs explain which images."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oral_cancer.errors import UserError
from oral_cancer.evaluation.predictions import classes_of, labels, probabilities
from oral_cancer.inference.members import with_seeds
from oral_cancer.inference.populations import NewImage
from oral_cancer.labels import TOLERANCE
from oral_cancer.settings.data import Fold
from oral_cancer.study.run_record import RunRecord, refuse_damaged
from oral_cancer.study.runs import Study

NOTHING = NewImage(Path(), "", "")


@dataclass(frozen=True)
class Labelled:
    """An image to explain, and its label's name and proportions (K,) where they are known."""

    image: NewImage
    name: str | None = None
    proportions: NDArray[np.float64] | None = None

    @property
    def mixed(self) -> bool:
        """Whether it is known to be of several classes: then no single one is right or wrong."""
        return self.proportions is not None and bool(self.proportions.max() < 1 - TOLERANCE)


def runs_to_explain(study: Study, fold: Fold | None, seed: int | None, split_seed: int | None) -> list[RunRecord]:
    """The finished runs on one fold, or for None on every one, of one seed and division into folds, or the first ones.

    Raises:
        UserError: where there is none.
    """
    first = study.complete[0]
    study = with_seeds(
        study, first.seed if seed is None else seed, first.split_seed if split_seed is None else split_seed
    )
    chosen = [run for run in study.complete if fold in (None, run.fold)]
    if not chosen:
        folds = ", ".join(dict.fromkeys(str(run.fold) for run in study.complete))
        raise UserError(f"fold={fold}: {study.folder} has no such finished fold; choose {folds}, or null for every one")
    refuse_damaged(chosen)
    return chosen


def own_images(study: Study, runs: Sequence[RunRecord], per_label: int) -> list[Labelled]:
    """Images of the study itself: test images, or of a study without any those that validate its runs.

    All pure ones that one of the runs gets wrong, the first of those that all get right, and those of each mixture of
    whose proportions one of the runs is furthest off.

    Args:
        study: whose root holds the images.
        runs: that explain.
        per_label: right ones of each class, and images of each mixture.

    Returns:
        Class by class, each by the images' names, then mixture by mixture, the furthest off first.

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
    names = pd.MultiIndex.from_frame(rows[["experiment", "fold"]].astype(str))
    rows = rows[names.isin([(run.experiment, str(run.fold)) for run in runs])]
    rows = rows[rows["split"] == ("test" if "test" in set(rows["split"]) else "val")]
    classes = classes_of(rows)
    pure = (rows["set"] == "homo").to_numpy()
    wrong = pure & (probabilities(rows).argmax(axis=1) != labels(rows).argmax(axis=1))
    off = np.where(pure, 0.0, np.abs(probabilities(rows) - labels(rows)).mean(axis=1))
    rows = rows.assign(wrong=wrong, off=off).sort_values(["file", "wrong", "off"]).drop_duplicates("file", keep="last")
    rows = rows.sort_values(["off", "file"], ascending=[False, True])
    first = rows[~rows["wrong"]].groupby("label", sort=False).head(per_label)
    rows = pd.concat([first, rows[rows["wrong"]]])
    order = {name: place for place, name in enumerate([*classes, *sorted(set(rows["label"]) - set(classes))])}
    rows = rows.assign(place=rows["label"].map(order)).sort_values(
        ["place", "wrong", "off", "file"], ascending=[True, True, False, True]
    )
    return [
        Labelled(NewImage(root / file, file, str(PurePosixPath(file).parent)), label, proportions)
        for file, label, proportions in zip(map(str, rows["file"]), rows["label"], labels(rows), strict=True)
    ]


def labelled(images: Sequence[NewImage], study: Study) -> list[Labelled]:
    """New images; one in a folder that is called as one of the study's, of a single label, has that label.

    Compared are the last two names, such as `<split folder>/<folder of a class>`, or of folders below the root that
    are not nested the only one.
    """
    rows = study.predictions.drop_duplicates("file")
    folders = [PurePosixPath(file).parent.parts[-2:] for file in map(str, rows["file"])]
    known: dict[tuple[str, ...], Labelled | None] = {}
    for folder, name, proportions in zip(folders, map(str, rows["label"]), labels(rows), strict=True):
        before = known.setdefault(folder, Labelled(NOTHING, name, proportions))
        if before is not None and before.name != name:
            known[folder] = None
    of_images = [
        known.get(parts[-2:]) or known.get(parts[-1:]) for parts in (i.path.absolute().parent.parts for i in images)
    ]
    return [
        replace(label, image=image) if label else Labelled(image)
        for image, label in zip(images, of_images, strict=True)
    ]
