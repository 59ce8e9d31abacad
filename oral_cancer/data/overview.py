"""What would be trained on: labels, groups, sizes, depths, what is left out, and what is wrong with it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oral_cancer.counting import counted
from oral_cancer.data.appearance import GREY, appearance_of
from oral_cancer.data.leaks import near_duplicates, warning
from oral_cancer.data.reading import in_lines, is_worth_saying
from oral_cancer.data.store import ImageStore

ROLES = ("train", "val", "test", "unused")
MOST = 20  # groups that have a row each
FEW = 5  # sizes that are named


@dataclass(frozen=True)
class Counts:
    """A table of numbers of images: the heads of its columns, and the name and the numbers of each row."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[int, ...]], ...]


def by_role(names: Sequence[str], labels: NDArray[np.str_], roles: NDArray[np.str_]) -> Counts:
    """Images of each label: all of them, and those of each role that there is.

    Args:
        names: the labels, in the order wanted.
        labels: of each image, (N,).
        roles: of each image, (N,): one of `ROLES`.
    """
    used = [role for role in ROLES if (roles == role).any()]
    rows = []
    for name in names:
        own = roles[labels == name]
        rows.append((name, (len(own), *(int((own == role).sum()) for role in used))))
    total = tuple(sum(column) for column in zip(*(numbers for _, numbers in rows), strict=True))
    return Counts(("label", "images", *used), (*rows, ("all", total)))


def by_group(names: Sequence[str], labels: Sequence[str], groups_of: Sequence[str | None]) -> Counts | None:
    """Images of each label in each group, the first `MOST` of them; None where there are no groups.

    Args:
        names: the labels, in the order wanted.
        labels: of each image, (N,).
        groups_of: of each image, (N,), None or "" where it has none.
    """
    counts = Counter((group, label) for group, label in zip(groups_of, labels, strict=True) if group)
    groups = sorted({str(group) for group, _ in counts})
    if not groups:
        return None
    names = [name for name in names if any(label == name for _, label in counts)]
    rows = [(group, tuple(counts[group, name] for name in names)) for group in groups[:MOST]]
    if len(groups) > MOST:
        others = groups[MOST:]
        rows.append((f"{len(others)} more", tuple(sum(counts[group, name] for group in others) for name in names)))
    return Counts(("group", *names), tuple(rows))


def measures(store: ImageStore) -> dict[str, str]:
    """The sizes of the images and the scale, by what they are called, as a manifest keeps them."""
    sizes = Counter((int(width), int(height)) for width, height in store.sizes)
    shown = [f"{number} of {width} x {height} px" for (width, height), number in sizes.most_common(FEW)]
    more = f", and {len(sizes) - FEW} more sizes" if len(sizes) > FEW else ""
    return {"sizes": f"{', '.join(shown)}{more}", "a pixel's side": _scale(store.micrometres)}


def found_in(store: ImageStore) -> list[str]:
    """What the files hold: a line each for depths where all have eight bits, colour, sizes and scale."""
    own = [
        appearance_of(store.images[row], (int(width), int(height)), None)
        for row, (width, height) in enumerate(store.sizes)
    ]
    grey = sum(one.colour < GREY for one in own)
    return [
        *([] if is_worth_saying(store.reading) else in_lines(store.reading)),
        f"colour: {grey} grey, {len(own) - grey} in colour",
        *(f"{name}: {value}" for name, value in measures(store).items()),
    ]


def alike(store: ImageStore, roles: NDArray[np.str_]) -> list[str]:
    """Images that look alike and have different roles, the nearest of them; see `leaks.near_duplicates`."""
    pairs = near_duplicates(store, roles)
    if pairs.empty:
        return ["no two images of different roles look alike"]
    grouped = any(file.group for file in store.collection.files)
    return [
        f"{counted(len(pairs), 'pair')} of images that look alike and have different roles:",
        *warning(pairs, grouped)[1:],
    ]


def samples(
    names: Sequence[str], labels: Sequence[str], groups: Sequence[str | None], paths: Sequence[str], number: int
) -> dict[str, list[int]]:
    """By label, rows of a few of its images, spread over groups and paths.

    Args:
        names: the labels.
        labels, groups, paths: of each image, (N,).
        number: at most so many of each label.
    """
    rows: dict[str, list[int]] = {name: [] for name in names}
    for row in sorted(range(len(paths)), key=lambda row: (groups[row] or "", paths[row])):
        rows[labels[row]].append(row)
    return {name: _spread(own, number) for name, own in rows.items()}


def _spread(rows: Sequence[int], number: int) -> list[int]:
    places = np.unique(np.linspace(0, len(rows) - 1, min(number, len(rows))).round().astype(int))
    return [rows[place] for place in places]


def _scale(micrometres: NDArray[np.float64]) -> str:
    known = micrometres[np.isfinite(micrometres)]
    if not len(known):
        return "no file says"
    ends = " to ".join(dict.fromkeys(f"{end:.3g}" for end in (known.min(), known.max())))
    lacking = len(micrometres) - len(known)
    return f"{ends} µm" + (f", of {counted(lacking, 'image')} no file says" if lacking else "")
