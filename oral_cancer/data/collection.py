"""Which images there are, before any is opened, and what was passed over."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oral_cancer.counting import counted
from oral_cancer.data.reading import Reading
from oral_cancer.labels import Labels, Split
from oral_cancer.simulation import SIMULATED

NAMED = 5  # files of a kind that are named in a line; a manifest has all up to `LISTED`
LISTED = 100

HIDDEN, NO_IMAGE = "hidden", "no image"
NOT_READ = "of a kind that is not read"
NAMED_BY_USER = "named in source.leave_out"
ELSEWHERE = "outside of the folders of classes and mixtures"
IDENTICAL = "identical to another image"
UNREMARKABLE = (HIDDEN, NO_IMAGE, NAMED_BY_USER)  # told by number alone


@dataclass(frozen=True)
class ImageFile:
    """One image of a collection.

    Attributes:
        path: relative to the collection's root, with forward slashes.
        label: its class or mixture, a name in the collection's `labels`.
        split: where the data say it; None for an image to be divided into folds.
        proportions: of each class, where the data know them of this very image; None is by its label.
        group: what must stay together, such as a donor or a plate; None where the data do not say.
        fold: of a cross-validation that the data bring; None where they do not.
    """

    path: str
    label: str
    split: Split | None = None
    proportions: tuple[float, ...] | None = None
    group: str | None = None
    fold: int | None = None


@dataclass(frozen=True)
class LeftOut:
    """A file that is passed over, by its path relative to the root, and why: one of the reasons above."""

    path: str
    why: str


@dataclass(frozen=True)
class Collection:
    """All images below one folder.

    Attributes:
        root: the folder.
        files: sorted by path.
        labels: what their images can be called.
        problems: what is missing, empty, unsafe or read by nothing, one line each, with the remedy.
        left_out: what was passed over.
        reading: how the files are to be read.
        test_share: of the images, those that only test, where the data do not say which; see `division`.
    """

    root: Path
    files: tuple[ImageFile, ...]
    labels: Labels
    problems: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    reading: Reading = field(default_factory=Reading)
    test_share: float = 0.0

    @property
    def simulated(self) -> bool:
        """Whether any of the images was made by the simulator, wherever it lies now; their names say so."""
        return any(file.path.rpartition("/")[2].startswith(SIMULATED) for file in self.files)

    def soft_labels(self) -> NDArray[np.float32]:
        """The proportions of the classes in each image, float32 (N, K)."""
        return self.proportions().astype(np.float32)

    def proportions(self) -> NDArray[np.float64]:
        """The same to the last digit, float64 (N, K)."""
        own = [file.proportions or self.labels.proportions[file.label] for file in self.files]
        return np.array(own, np.float64).reshape(len(own), len(self.labels.classes))

    def names(self) -> NDArray[np.str_]:
        """The label of each image, str (N,)."""
        return np.array([file.label for file in self.files], np.str_)

    @property
    def labelled(self) -> str:
        """SHA-256 in hex over what is known of each file: label, split, proportions, group and fold, of every label."""
        known = [self.labels.record(), *(astuple(file) for file in self.files)]
        return hashlib.sha256(json.dumps(known).encode()).hexdigest()

    def record(self) -> dict[str, Any]:
        """What was found and left out; see `record_of`."""
        return record_of([file.path for file in self.files], self.left_out)


def record_of(paths: Sequence[str], left_out: Sequence[LeftOut]) -> dict[str, Any]:
    """What a manifest says of the files of a folder: images by suffix, and for each reason what was left out."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for one in left_out:
        by_reason[one.why].append(one.path)
    return {
        "images": dict(Counter(map(_suffix, paths)).most_common()),
        "left_out": {why: {"number": len(names), "files": names[:LISTED]} for why, names in by_reason.items()},
    }


def in_words(record: Mapping[str, Any]) -> str:
    """E.g. "84 images (80 .tif, 4 .png); left out: 2 hidden (.DS_Store), 1 of a kind that is not read (x.gif)"."""
    number = sum(record["images"].values())
    of_each = ", ".join(f"{count} {kind}" for kind, count in record["images"].items())
    parts = []
    for why, files in record["left_out"].items():
        names = list(dict.fromkeys(map(_suffix, files["files"]))) if why in UNREMARKABLE else files["files"]
        parts.append(f"{files['number']} {why} ({', '.join(names[:NAMED])}{', ...' * (len(names) > NAMED)})")
    found = f"{counted(number, 'image')} ({of_each})"
    return f"{found}; left out: {', '.join(parts)}" if parts else found


def _suffix(path: str) -> str:
    if path.endswith("/"):
        return path
    name = PurePosixPath(path)
    return name.suffix.lower() or name.name
