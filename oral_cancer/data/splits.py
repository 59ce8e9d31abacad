"""Who trains, who validates, who tests.

A split depends on a seed and on the names of the files alone: not on the order in which a folder lists
them, not on what a model does with them. All models of a study therefore see the same folds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oral_cancer.data.collection import ImageFile
from oral_cancer.labels import ImageSet
from oral_cancer.settings.data import Fold

EVALUATED = ("homo_val", "hetero_val", "homo_test", "hetero_test")
HETERO_VALIDATION = 0.2  # paper: 32 of a mixture's 160 Val images


@dataclass(frozen=True)
class Splits:
    """Rows of the files that have each role, ascending.

    `in_sample` says that the HOMO validation images have been trained on (fold "all").
    """

    homo_train: NDArray[np.int64]
    homo_val: NDArray[np.int64]
    homo_test: NDArray[np.int64]
    hetero_train: NDArray[np.int64]
    hetero_val: NDArray[np.int64]
    hetero_test: NDArray[np.int64]
    in_sample: bool

    def train_rows(self, train_sets: Sequence[ImageSet]) -> NDArray[np.int64]:
        """The rows that may train, before any treatment."""
        return np.concatenate([getattr(self, f"{name}_train") for name in train_sets])

    def roles(self, train_sets: Sequence[ImageSet]) -> NDArray[np.str_]:
        """What each row is used for: "train", "val", "test" or "unused"."""
        last = max(getattr(self, name).max() for name in (*EVALUATED, "homo_train", "hetero_train"))
        roles = np.full(last + 1, "unused")
        for name in EVALUATED:
            roles[getattr(self, name)] = name.rpartition("_")[2]
        roles[self.train_rows(train_sets)] = "train"
        return roles


def split(files: Sequence[ImageFile], fold: Fold, folds: int, seed: int) -> Splits:
    """The published split: HOMO Val in stratified folds, each mixture of HETERO Val 80 : 20 at random, once a seed.

    Args:
        files: of a collection; at least `folds` Val images of each class and mixture.
        fold: the fold that validates, 0 to folds - 1, or "all": every HOMO Val image trains, and validates in-sample.
        folds: number of folds, at least 2.
        seed: of both splits.
    """
    from sklearn.model_selection import StratifiedKFold, train_test_split  # late: a second, which few commands need

    groups = np.array([file.group for file in files])
    in_val = np.array([file.split == "val" for file in files])
    is_homo = np.array([file.image_set == "homo" for file in files])
    by_name = np.array(
        sorted(range(len(files)), key=lambda i: (files[i].group, files[i].path.rpartition("/")[2], files[i].path))
    )
    homo = by_name[(in_val & is_homo)[by_name]]
    hetero = by_name[(in_val & ~is_homo)[by_name]]

    if fold == "all":
        homo_train = homo_val = homo
    else:
        stratified = StratifiedKFold(folds, shuffle=True, random_state=seed)
        train, val = list(stratified.split(homo, groups[homo]))[fold]
        homo_train, homo_val = homo[train], homo[val]
    mixtures = [hetero[groups[hetero] == name] for name in dict.fromkeys(groups[hetero])]
    halves = [
        train_test_split(rows, test_size=HETERO_VALIDATION, random_state=np.random.RandomState([seed, number]))
        for number, rows in enumerate(mixtures)
    ]
    hetero_train, hetero_val = (np.concatenate(rows) for rows in zip(*halves, strict=True))
    return Splits(
        homo_train=np.sort(homo_train),
        homo_val=np.sort(homo_val),
        homo_test=np.flatnonzero(~in_val & is_homo),
        hetero_train=np.sort(hetero_train),
        hetero_val=np.sort(hetero_val),
        hetero_test=np.flatnonzero(~in_val & ~is_homo),
        in_sample=fold == "all",
    )
