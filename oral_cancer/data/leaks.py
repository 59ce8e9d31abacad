"""Images that would let a model be judged by what it has been trained on."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oral_cancer.counting import counted
from oral_cancer.data.collection import Collection, ImageFile
from oral_cancer.data.perceptual_hash import BITS, near_pairs
from oral_cancer.data.store import ImageStore

ROLES = {"train": "training", "val": "validation", "test": "test"}
COLUMNS = ("file", "role", "other_file", "other_role", "bits_apart")
SHOWN = 10  # lines of each kind


def same_images(store: ImageStore, splits: Sequence[NDArray[np.str_]]) -> list[str]:
    """One line for every image that is there twice, pixel by pixel, under two labels or in two roles.

    Args:
        store: what is compared: pixels as the networks see them.
        splits: the role of each row, (N,), in each of the trainings to come: "train", "val", "test" or "unused".

    Returns:
        Both paths, what is wrong, and the remedy.
    """
    files, root = store.collection.files, store.collection.root
    lines = []
    for first, second in _equal(store):
        one, other = files[first], files[second]
        both = {(str(roles[first]), str(roles[second])) for roles in splits}
        differ = sorted(roles for roles in both if len(set(roles)) == 2 and "unused" not in roles)
        if one.label != other.label:
            fault = f"under two labels, {one.label} and {other.label}: keep the one that is right"
        elif differ:
            fault = f"for {ROLES[differ[0][0]]} and for {ROLES[differ[0][1]]}: remove one of them"
        else:
            continue
        lines.append(f"{root / one.path} and {root / other.path}: the same image {fault}")
    more = [f"{root}: {len(lines) - SHOWN} more such pairs"] if len(lines) > SHOWN else []
    return lines[:SHOWN] + more


def split_groups(collection: Collection, splits: Sequence[NDArray[np.str_]]) -> list[str]:
    """One line for every group with images in two roles; `splits` as for `same_images`."""
    groups = np.array([file.group or "" for file in collection.files], np.str_)
    names = [name for name in np.unique(groups) if name]
    lines = []
    for name in names:
        within = [set(np.unique(roles[groups == name])) - {"unused"} for roles in splits]
        if many := [roles for roles in within if len(roles) > 1]:
            said = " and for ".join(ROLES[role] for role in ROLES if role in many[0])
            lines.append(f"{collection.root}: the group {name} is for {said}: move all its images to one of them")
    more = [f"{collection.root}: {counted(len(lines) - SHOWN, 'more such group')}"] if len(lines) > SHOWN else []
    return lines[:SHOWN] + more


def repeated(store: ImageStore) -> list[int]:
    """The rows whose image is there before, pixel by pixel, under the same label and in the same given split."""
    files = store.collection.files
    return sorted({later for first, later in _equal(store) if _place(files[first]) == _place(files[later])})


def near_duplicates(store: ImageStore, roles: NDArray[np.str_]) -> pd.DataFrame:
    """The pairs of images that look alike and have different roles, nearest first; columns as `COLUMNS`.

    Args:
        store: the images.
        roles: of each row, (N,): "train", "val", "test" or "unused", of which the last is left out.
    """
    used = np.flatnonzero(roles != "unused")
    files = store.collection.files
    pairs = near_pairs([store.phash[row] for row in used], roles[used])
    return pd.DataFrame(
        [
            (files[used[i]].path, roles[used[i]], files[used[j]].path, roles[used[j]], distance)
            for i, j, distance in pairs
        ],
        columns=list(COLUMNS),
    )


def warning(pairs: pd.DataFrame, grouped: bool) -> list[str]:
    """What to tell of near-duplicates, none if there are none; and a remedy, unless images are `grouped` already."""
    if pairs.empty:
        return []
    number = counted(len(pairs), "pair")
    lines = [f"warning: {number} of images that look alike and have different roles (near_duplicates.csv):"]
    lines += [
        f"  {one} ({ROLES[role]}) and {other} ({ROLES[other_role]}), {bits} of {BITS} bits apart"
        for one, role, other, other_role, bits in pairs.head(SHOWN).to_numpy()
    ]
    lines += ["  ..."] * (len(pairs) > SHOWN)
    if not grouped:
        lines.append("  if they are of one donor, plate or field, source.group_by keeps such images together")
    return lines


def _place(file: ImageFile) -> tuple[str, str | None]:
    return file.label, file.split


def _equal(store: ImageStore) -> Iterator[tuple[int, int]]:
    """Pairs of rows with equal pixels, the earlier row first."""
    by_checksum: dict[int, list[int]] = defaultdict(list)
    for row, crc32 in enumerate(store.crc32):
        for first in by_checksum[crc32]:
            if np.array_equal(store.images[first], store.images[row]):
                yield first, row
        by_checksum[crc32].append(row)
