"""One meaning of brightness: which raw values are black and white, the same for all images of a collection.

Images differ in how many bits their values use, and many files do not say. What is never done is to stretch each image
for itself: a dark culture would look like a bright one.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from oral_cancer.counting import counted
from oral_cancer.formats.picture import Picture, Unreadable, Values

DEPTHS = (8, 10, 12, 14, 16)
"""Bits that a camera's values have; the least that hold all are taken where files do not say."""
OFFSET = 2**15
"""What some programs add to signed values to store them unsigned."""
MOST_CLIPPED = 0.01
"""Share of the values of a folder or a population that may lie beyond black and white."""
LITTLE_USED = 1 / 16
"""Share of the range from black to white, below which all images together look flat."""

Reason = Literal["type", "declared", "least", "range", "study"]


class Levels(NamedTuple):
    """The raw values that are shown as black (0) and white (255), and why these: the type of the values, a depth that
    the file declares, the least depth that holds all, a range that the user gave, or the study's."""

    low: float
    high: float
    by: Reason


class Measured(NamedTuple):
    """What is known of an image's values: their type, the depth that its file declares, the least and the greatest."""

    dtype: str
    bits: int | None
    lowest: float
    highest: float


def measured(picture: Picture, values: Values) -> Measured:
    """The values' type and ends; Unreadable where some are no numbers."""
    if picture.dtype == np.uint8:  # their ends decide nothing
        return Measured("uint8", picture.bits, 0, 255)
    lowest, highest = values.min().item(), values.max().item()
    if not np.isfinite([lowest, highest]).all():
        raise Unreadable(f"{picture.dtype} pixels of which some are infinite or no number; export it with 8 or 16 bits")
    return Measured(str(picture.dtype), picture.bits, lowest, highest)


def own_levels(image: Measured, given: Sequence[float] | None = None) -> Levels | None:
    """The levels of an image alone; None where its type needs a range from the user.

    Args:
        image: its values.
        given: the range that the user gave, if any.

    Raises:
        Unreadable: for values beyond the depth that the file declares.
    """
    if given is not None:
        return Levels(given[0], given[1], "range")
    if image.dtype == "uint8":
        return Levels(0, 2 ** (image.bits or 8) - 1, "type")
    if image.bits is not None and image.bits <= 16:
        offset = OFFSET if image.bits < 15 and image.lowest >= OFFSET else 0
        if image.highest - offset >= 2**image.bits:
            said = f"declares {image.bits} bits, and has values up to {image.highest:g}"
            raise Unreadable(f"{said}; give source.range=[low, high], or save it again")
        return Levels(offset, offset + 2**image.bits - 1, "declared")
    return least(image.lowest, image.highest) if image.dtype == "uint16" else None


def least(lowest: float, highest: float) -> Levels:
    """The least of `DEPTHS` that holds uint16 values between these, after `OFFSET` where all lie beyond it."""
    for offset in (OFFSET, 0) if lowest >= OFFSET else (0,):
        for bits in DEPTHS:
            if highest - offset < 2**bits and (not offset or bits < 15):
                return Levels(offset, offset + 2**bits - 1, "least")
    raise AssertionError("uint16 values have 16 bits at most")


def common_levels(images: Mapping[str, Measured], given: Sequence[float] | None) -> tuple[Levels | None, list[str]]:
    """The levels of all images whose files declare no depth, and what is wrong with the brightness of a collection.

    Args:
        images: by path, with forward slashes.
        given: the range that the user gave, if any.

    Returns:
        Levels of undeclared uint16 images, None where there are none; a line for each fault, with the remedy.
    """
    if given is not None:
        kinds = Counter(image.dtype for image in images.values())
        if len(kinds) < 2:
            return None, []
        found = ", ".join(f"{number} of {kind}" for kind, number in kinds.items())
        return None, [f"source.range={list(given)}: is for images of one pixel type, and there are {found}"]
    faults = []
    by_type: dict[str, list[Measured]] = defaultdict(list)
    by_folder: dict[str, list[Measured]] = defaultdict(list)
    for path, image in images.items():
        if image.dtype == "uint16" and image.bits is None:
            by_folder[path.rpartition("/")[0]].append(image)
        elif own_levels(image) is None:
            by_type[image.dtype].append(image)
    for dtype, members in by_type.items():
        low, high = _ends(members)
        faults.append(
            f"{counted(len(members), 'image')} of {dtype} pixels, {low:g} to {high:g}: which value is black and which "
            f"white must be said: source.range=[low, high], such as source.range=[{low:g},{high:g}]"
        )
    own = {folder: least(*_ends(members)) for folder, members in by_folder.items()}
    if len({levels[:2] for levels in own.values()}) > 1:
        found = "; ".join(
            f"{folder or '.'}: {counted(len(by_folder[folder]), 'image')} of {in_words(levels)}"
            for folder, levels in own.items()
        )
        top = max(levels.high for levels in own.values())
        faults.append(
            f"images of different depths that no file declares, so that a folder could be told by its brightness "
            f"({found}): save them alike, or give the range of all: source.range=[0,{top:g}]"
        )
    if not by_folder:
        return None, faults
    common = least(*_ends([one for members in by_folder.values() for one in members]))
    return common, faults + _less_than_declared(images, common, set(by_folder))


def _less_than_declared(images: Mapping[str, Measured], common: Levels, undeclared: set[str]) -> list[str]:
    """A line where folders declare a greater depth than is taken for others, whose files declare none.

    They may well be of one camera, and a folder could then be told by its brightness.
    """
    declared: dict[tuple[str, str], int] = Counter()
    for path, image in images.items():
        folder = path.rpartition("/")[0]
        if image.dtype == "uint16" and image.bits is not None and folder not in undeclared:
            levels = own_levels(image)
            if levels is not None and levels.high - levels.low > common.high - common.low:
                declared[folder, in_words(levels)] += 1
    if not declared:
        return []
    found = "; ".join(
        f"{folder or '.'}: {counted(number, 'image')} of {words}" for (folder, words), number in declared.items()
    )
    return [
        f"some folders declare a greater depth ({found}) than the {in_words(common)} that hold all images whose files "
        f"declare none, in {', '.join(sorted(undeclared))}: save them alike, or give the range of all, such as "
        f"source.range=[0,{max(2 ** (image.bits or 0) - 1 for image in images.values())}]"
    ]


def _ends(images: Sequence[Measured]) -> tuple[float, float]:
    return min(image.lowest for image in images), max(image.highest for image in images)


def shown(values: Values, levels: Levels, inverted: bool = False) -> NDArray[np.uint8]:
    """Values as uint8 RGB (H, W, 3): `levels.low` is 0 and `levels.high` 255, between them linear and rounded.

    What lies beyond is clipped. Grey becomes three equal channels; `inverted` has white for the lowest value.
    """
    if values.dtype == np.uint8 and levels[:2] == (0, 255):
        grey = values if not inverted else 255 - values
    elif values.dtype in (np.uint8, np.uint16):
        grey = _table(values.dtype.str, levels.low, levels.high, inverted)[values]
    else:
        exact = np.float64 if values.dtype.itemsize >= 4 and values.dtype != np.float32 else np.float32
        scaled: NDArray[Any] = values.astype(exact) - np.asarray(levels.low, exact)
        scaled *= np.asarray(255 / (levels.high - levels.low), exact)
        grey = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
        grey = 255 - grey if inverted else grey
    grey = np.ascontiguousarray(grey)
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB) if grey.ndim == 2 else grey, np.uint8)


@lru_cache(8)
def _table(dtype: str, low: float, high: float, inverted: bool) -> NDArray[np.uint8]:
    """What each value of an unsigned type is shown as."""
    every = np.arange(np.iinfo(np.dtype(dtype)).max + 1, dtype=np.float64)
    grey = np.clip(np.rint((every - low) * 255 / (high - low)), 0, 255).astype(np.uint8)
    return 255 - grey if inverted else grey


def clipped(values: Values, levels: Levels) -> float:
    """The share of the values that lie beyond the levels, 0 to 1."""
    return float(((values < levels.low) | (values > levels.high)).mean())


def in_words(levels: Levels) -> str:
    """E.g. "12 bits", "12 bits from 32768" or "0 to 1"."""
    bits = np.log2(levels.high - levels.low + 1) if levels.by != "range" else 0.5
    if bits == int(bits):
        return f"{int(bits)} bits" + (f" from {levels.low:g}" if levels.low else "")
    return f"{levels.low:g} to {levels.high:g}"


def summary(images: Sequence[tuple[Measured, Levels]]) -> list[dict[str, Any]]:
    """How the values of a collection were understood.

    Returns:
        For each pixel type and its levels: these, why, of how many images, and the least and the greatest value that
        they use (of uint8 all that there are).
    """
    found: dict[tuple[str, Levels], list[Measured]] = defaultdict(list)
    for image, levels in images:
        found[image.dtype, levels].append(image)
    return [
        {"pixels": dtype, "black": low, "white": high, "by": by, "images": len(members), "used": list(_ends(members))}
        for (dtype, (low, high, by)), members in sorted(found.items())
    ]
