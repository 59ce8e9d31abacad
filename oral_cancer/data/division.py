"""What is settled of a collection before any fold: which images must stay together, and which only test."""

import math
import re
from collections import Counter
from dataclasses import replace

import numpy as np

from oral_cancer.counting import counted
from oral_cancer.data.collection import Collection
from oral_cancer.errors import UserError
from oral_cancer.settings.data import LEAVE_ONE_GROUP_OUT
from oral_cancer.spreadsheets import REASON, is_formula

FOLDER = "folder"
SEED = 0  # of the fixed test part, the same for every fold, experiment and seed


class Grouping:
    """What must stay together, by the images' paths.

    Args:
        group_by: see `folder.FolderSource`.

    Raises:
        UserError: for what is no regular expression.
    """

    def __init__(self, group_by: str | None) -> None:
        self.group_by = group_by
        try:
            self.pattern = None if group_by in (None, FOLDER) else re.compile(str(group_by))
        except re.error as error:
            raise UserError(
                f"source.group_by={group_by}: is no regular expression ({error}); give one, or {FOLDER}"
            ) from error

    def of(self, path: str) -> str | None:
        """The group of an image.

        Raises:
            UserError: where the expression is not found in the path, or finds nothing there.
        """
        if self.group_by == FOLDER:
            return path.rpartition("/")[0] or "."
        if self.pattern is None:
            return None
        found = self.pattern.search(path)
        if found is None:
            raise UserError(f"source.group_by={self.group_by}: is not found in {path}; mend it, or leave the file out")
        group = next((part for part in found.groups() if part is not None), found[0])
        if not group:
            raise UserError(
                f"source.group_by={self.group_by}: finds a text of no length in {path}; give one that does not"
            )
        return group


def divided(collection: Collection, folds: int | str) -> Collection:
    """The collection with a fixed part of its images set aside to test, if none does yet and its source wants a share.

    The part is stratified by label; where there are groups it consists of whole ones, as near to the share as they
    allow. It depends on paths, labels and groups alone. Where each group is left out in turn, none is set aside.
    """
    if not sets_aside(collection, folds):
        return collection
    files, share = collection.files, collection.test_share
    pool = [row for row, file in enumerate(files) if file.split is None]
    from sklearn.model_selection import (  # late: a second, which few commands need
        StratifiedGroupKFold,
        train_test_split,
    )

    labels = [files[row].label for row in pool]
    groups = np.unique([files[row].group or "" for row in pool], return_inverse=True)[1]
    if any(files[row].group for row in pool):
        parts = StratifiedGroupKFold(min(max(2, round(1 / share)), groups.max() + 1), shuffle=True, random_state=SEED)
        _, chosen = next(parts.split(pool, labels, groups))
    else:
        _, chosen = train_test_split(np.arange(len(pool)), test_size=share, random_state=SEED, stratify=labels)
    tests = {pool[place] for place in chosen}
    return replace(
        collection,
        files=tuple(replace(file, split="test") if row in tests else file for row, file in enumerate(files)),
    )


def sets_aside(collection: Collection, folds: int | str) -> bool:
    """Whether a part of the images is to be set aside to test."""
    files = collection.files
    return (
        collection.test_share > 0
        and folds != LEAVE_ONE_GROUP_OUT
        and not any(file.split == "test" for file in files)
        and any(file.split is None for file in files)
    )


def strange_groups(collection: Collection) -> list[str]:
    """One line for each group that tables could not name, as a spreadsheet would run it."""
    groups = dict.fromkeys(file.group for file in collection.files if file.group and is_formula(file.group))
    return [f"{collection.root}: the group {group!r}: {REASON}; rename it, or group otherwise" for group in groups]


def problems(collection: Collection, folds: int | str) -> list[str]:
    """One line for each reason why no part can be set aside to test."""
    if not sets_aside(collection, folds):
        return []
    pool = [file for file in collection.files if file.split is None]
    counts, groups = Counter(file.label for file in pool), {file.group for file in pool if file.group}
    root, remedy = collection.root, "add images, or give source.test_share=0 to validate only"
    if groups:
        return [f"{root}: 1 group cannot both train and test: group more finely, or {remedy}"] * (len(groups) == 1)
    few = [
        f"{root}: 1 image of {name} cannot both train and test: {remedy}"
        for name, number in counts.items()
        if number < 2
    ]
    number = math.ceil(collection.test_share * len(pool))
    if not few and not len(counts) <= number <= len(pool) - len(counts):
        few.append(
            f"{root}: {number} of {counted(len(pool), 'image')} to test (source.test_share={collection.test_share}) "
            f"cannot hold, and leave, each of {counted(len(counts), 'label')}: {remedy}"
        )
    return few
