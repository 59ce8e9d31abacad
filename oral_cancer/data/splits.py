"""Who trains, who validates, who tests.

A split depends on its seed and on the files' names, labels and groups alone: not on the order in which a folder lists
them, not on what a model does with them. All models of a study therefore see the same folds.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oral_cancer.counting import counted
from oral_cancer.data.collection import Collection, ImageFile
from oral_cancer.labels import ImageSet
from oral_cancer.settings.data import LEAVE_ONE_GROUP_OUT, Fold

Rows = NDArray[np.int64]
EVALUATED = ("homo_val", "hetero_val", "homo_test", "hetero_test")
HETERO_VALIDATION = 0.2  # paper: 32 of a mixture's 160 Val images


@dataclass(frozen=True)
class Splits:
    """Rows of the files that have each role, ascending; "homo" is pure images, "hetero" mixed ones.

    `in_sample` says that the pure validation images have been trained on (fold "all").
    """

    homo_train: Rows
    homo_val: Rows
    homo_test: Rows
    hetero_train: Rows
    hetero_val: Rows
    hetero_test: Rows
    in_sample: bool
    files: int

    def train_rows(self, train_sets: Sequence[ImageSet]) -> Rows:
        """The rows that may train, before any treatment."""
        return np.concatenate([getattr(self, f"{name}_train") for name in train_sets])

    def roles(self, train_sets: Sequence[ImageSet]) -> NDArray[np.str_]:
        """What each row is used for: "train", "val", "test" or "unused"."""
        roles = np.full(self.files, "unused")
        for name in EVALUATED:
            roles[getattr(self, name)] = name.rpartition("_")[2]
        roles[self.train_rows(train_sets)] = "train"
        return roles


@dataclass(frozen=True)
class _Pool:
    """Files to divide: their rows, whether each is pure, and their labels and groups."""

    rows: Rows
    pure: NDArray[np.bool_]
    labels: NDArray[np.str_]
    groups: NDArray[np.str_] | None


def number_of_folds(collection: Collection, folds: int | str) -> int:
    """How many folds a collection has: as many as it brings itself, as it has groups to leave out, or `folds`."""
    files = collection.files
    if any(file.split == "val" for file in files):
        return 1
    if own := {file.fold for file in files if file.fold is not None}:
        return len(own)
    if folds == LEAVE_ONE_GROUP_OUT:
        return len({file.group for file in files if file.split is None and file.group})
    return int(folds)


def split(collection: Collection, fold: Fold, folds: int | str, split_seed: int) -> Splits:
    """Who has which role in one fold.

    Where the data say what validates, or bring folds, that stands. Where they say what must stay together, whole groups
    validate, of pure and mixed images alike. Else the published split: pure images in stratified folds, and of each
    mixture 80 : 20 at random, once for a seed; where there are mixtures only, these are what is divided into folds.

    Args:
        collection: the files; `problems` has found nothing in them.
        fold: the fold that validates, from 0, or "all": every pure image trains, and validates in-sample.
        folds: their number, or "leave_one_group_out".
        split_seed: of the random part.
    """
    files = collection.files
    is_pure = np.array([collection.labels.image_set(file.label) == "homo" for file in files], bool)
    test = np.array([file.split == "test" for file in files], bool)
    by_name = sorted(range(len(files)), key=lambda i: (files[i].label, files[i].path.rpartition("/")[2], files[i].path))
    rows = np.array([row for row in by_name if not test[row]], np.int64)
    groups = [files[row].group for row in rows]
    pool = _Pool(
        rows,
        is_pure[rows],
        collection.names()[rows],
        np.array([group or "" for group in groups], np.str_) if any(groups) else None,
    )
    validates, seen = _validates(collection, pool, fold, folds, split_seed)
    trains = ~validates | seen
    return Splits(
        homo_train=np.sort(rows[trains & pool.pure]),
        homo_val=np.sort(rows[validates & pool.pure]),
        homo_test=np.flatnonzero(test & is_pure),
        hetero_train=np.sort(rows[trains & ~pool.pure]),
        hetero_val=np.sort(rows[validates & ~pool.pure]),
        hetero_test=np.flatnonzero(test & ~is_pure),
        in_sample=fold == "all",
        files=len(files),
    )


def _validates(
    collection: Collection, pool: _Pool, fold: Fold, folds: int | str, seed: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which images of the pool validate, and which of these train all the same (fold "all"); bool (N,) each."""
    files = [collection.files[row] for row in pool.rows]
    nothing = np.zeros(len(files), bool)
    given = np.array([file.split == "val" for file in files], bool)
    own = np.array([-1 if file.fold is None else file.fold for file in files])
    if given.any():
        return given, given & pool.pure if fold == "all" else nothing
    if fold == "all":
        mixed = _of_mixtures(pool, seed) if pool.groups is None else nothing
        return pool.pure | mixed, pool.pure
    if (own >= 0).any():
        return own == np.unique(own[own >= 0])[fold], nothing
    if folds == LEAVE_ONE_GROUP_OUT:
        assert pool.groups is not None
        return pool.groups == np.unique(pool.groups)[fold], nothing
    if pool.groups is not None:
        from sklearn.model_selection import StratifiedGroupKFold  # late: a second, which few commands need

        divided = StratifiedGroupKFold(int(folds), shuffle=True, random_state=seed)
        _, val = list(divided.split(pool.rows, pool.labels, pool.groups))[fold]
        nothing[val] = True
        return nothing, np.zeros(len(files), bool)
    return _in_folds(pool, fold, int(folds), seed), nothing


def _in_folds(pool: _Pool, fold: int, folds: int, seed: int) -> NDArray[np.bool_]:
    """The published split; bool (N,)."""
    from sklearn.model_selection import StratifiedKFold

    divided = pool.pure if pool.pure.any() else ~pool.pure
    places = np.flatnonzero(divided)
    stratified = StratifiedKFold(folds, shuffle=True, random_state=seed)
    _, val = list(stratified.split(places, pool.labels[places]))[fold]
    validates = _of_mixtures(pool, seed) if pool.pure.any() else np.zeros(len(pool.rows), bool)
    validates[places[val]] = True
    return validates


def _of_mixtures(pool: _Pool, seed: int) -> NDArray[np.bool_]:
    """A fixed share of each mixture; bool (N,)."""
    from sklearn.model_selection import train_test_split

    validates = np.zeros(len(pool.rows), bool)
    for number, name in enumerate(dict.fromkeys(pool.labels[~pool.pure].tolist())):
        places = np.flatnonzero(pool.labels == name)
        random_state = np.random.RandomState([seed, number])
        validates[train_test_split(places, test_size=HETERO_VALIDATION, random_state=random_state)[1]] = True
    return validates


def problems(collection: Collection, folds: int | str) -> list[str]:
    """One line for everything that keeps a collection from being divided into folds.

    A label without any image is left out: its missing or empty folder is one of `Collection.problems`.
    """
    root, labels = collection.root, collection.labels
    pool = [file for file in collection.files if file.split is None and file.fold is None]
    if is_divided_by_data(collection) or not pool:
        return []
    if folds == LEAVE_ONE_GROUP_OUT or any(file.group for file in pool):
        return _problems_of_groups(root, pool, folds, _besides_tests(collection))
    number = int(folds)
    counts = Counter(file.label for file in pool)
    besides = _besides_tests(collection)
    folded = labels.classes if any(counts[name] for name in labels.classes) else tuple(labels.mixtures)
    return [
        f"{root}: {counted(counts[name], 'image')} of {name}{besides}, fewer than {number} folds: add images or lower "
        "data.folds"
        for name in folded
        if 0 < counts[name] < number
    ] + [
        f"{root}: 1 image of {name} cannot both train and validate: add images"
        for name in labels.mixtures
        if name not in folded and counts[name] == 1
    ]


def is_divided_by_data(collection: Collection) -> bool:
    """Whether the data say who validates."""
    return any(file.split == "val" or file.fold is not None for file in collection.files)


def _besides_tests(collection: Collection) -> str:
    """What follows a number of those that are divided into folds."""
    set_aside = collection.test_share > 0 and any(file.split == "test" for file in collection.files)
    return " besides what only tests" if set_aside else ""


def _problems_of_groups(root: Path, pool: Sequence[ImageFile], folds: int | str, besides: str) -> list[str]:
    without = [file.path for file in pool if not file.group]
    groups = {file.group for file in pool if file.group}
    if without:
        return [
            f"{root}: {counted(len(without), 'image')} without a group, such as {without[0]}: give source.group_by, or "
            "a group to each"
        ]
    if folds == LEAVE_ONE_GROUP_OUT:
        if len(groups) < 2:
            return [f"{root}: 1 group cannot be left out: group more finely, or give data.folds=5"]
    elif len(groups) < 2:
        return [
            f"{root}: 1 group{besides} cannot both train and validate: group more finely, or give "
            "data.folds=leave_one_group_out, for which none only tests"
        ]
    elif len(groups) < int(folds):
        return [
            f"{root}: {counted(len(groups), 'group')}{besides}, fewer than {folds} folds: give "
            f"data.folds={len(groups)} or leave_one_group_out, or group more finely"
        ]
    return [
        f"{root}: all images of {label} are in the group {next(iter(within))}, so that a fold trains without it: group "
        "more finely, add images of it, or leave it out"
        for label in dict.fromkeys(file.label for file in pool)
        if len(within := {str(file.group) for file in pool if file.label == label}) < 2
    ]


def only_evaluated(collection: Collection) -> list[str]:
    """The classes of which no image may train, as all validate or test by what the data say."""
    may_train = {file.label for file in collection.files if file.split not in ("val", "test")}
    there = {file.label for file in collection.files}
    return [name for name in collection.labels.classes if name in there - may_train]


def lacking_in_training(collection: Collection, splits: Splits) -> list[str]:
    """The classes of which images validate or test, and none trains."""
    names = collection.names()
    evaluated = {*names[splits.homo_val], *names[splits.homo_test]}
    return [name for name in collection.labels.classes if name in evaluated - {*names[splits.homo_train]}]


def remarks(collection: Collection, folds: int | str, split_seed: int) -> list[str]:
    """What a user should know of how a collection is divided."""
    files = collection.files
    said = _folders_within(collection)
    labels_of: dict[str, set[str]] = defaultdict(set)
    for file in files:
        if file.group:
            labels_of[file.group].add(file.label)
    if labels_of:
        said.append(f"groups: {len(labels_of)}, each of which stays together")
        if all(len(labels) == 1 for labels in labels_of.values()):
            said.append(
                "warning: each group has images of one label only, so that what tells groups apart (donor, day, plate) "
                "cannot be told from what tells classes apart"
            )
    if any(file.split == "val" for file in files):
        said.append("folds: a single one, as the data say which images validate")
    elif is_divided_by_data(collection):
        without = sum(file.split is None and file.fold is None for file in files)
        trains = "which trains" if without == 1 else "which train"
        more = f"; {counted(without, 'image')} without a fold, {trains} in each" if without else ""
        said.append(f"folds: {number_of_folds(collection, folds)}, as the data say{more}")
    if split_seed and (is_divided_by_data(collection) or folds == LEAVE_ONE_GROUP_OUT):
        said.append(f"split_seed={split_seed}: changes nothing, as the folds are given")
    if not any(file.split == "test" for file in files):
        said.append("no image only tests: all figures are of validation images")
    return said


def _folders_within(collection: Collection) -> list[str]:
    """A remark where every label's folder holds folders of the same names, and nobody has said what they are."""
    if any(file.group for file in collection.files):
        return []
    folders: dict[str, list[list[str]]] = defaultdict(list)
    for file in collection.files:
        folders[file.label].append(file.path.split("/")[:-1])
    for depth in range(1, min((len(parts) for own in folders.values() for parts in own), default=0)):
        within = {label: {parts[depth] for parts in own} for label, own in folders.items()}
        names = set.intersection(*within.values())
        if len(within) > 1 and len(names) > 1 and all(found == names for found in within.values()):
            shown = ", ".join(sorted(names)[:3])
            return [
                f"each label has folders of the same names ({shown}{', ...' * (len(names) > 3)}): if these are donors "
                f"or plates, source.group_by='^{'[^/]+/' * depth}([^/]+)/' keeps them together; if they are the "
                "classes, put their images into one folder each"
            ]
    return []
