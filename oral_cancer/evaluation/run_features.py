"""features.safetensors: what a run keeps of the features of its images, so that others can be compared with them.

| tensor | content |
|---|---|
| `centre`, `scale`, `axes`, `spread`, `noise` | the `FeatureSpace` |
| `rows` | int32 (N,): of which images, as rows of the run's splits.csv |
| `roles` | uint8 (N,): whether each is of the training, of the validation or a test image, a place in `ROLES` |
| `points` | float16 (N, C + 1): in the space |
| `places` | float16 (N, 2): on the map |
| `shares` | float32 (2,): of the variance that its axes hold |
| `thumbnails` | uint8: a JPEG of the training images, see `data.thumbnails` |
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from oral_cancer.errors import UserError, brief
from oral_cancer.evaluation.feature_space import FeatureSpace, Floats, Judge
from oral_cancer.files import write_bytes

FILE = "features.safetensors"
ROLES = ("train", "val", "test")
MOST = 1_200
"""Images of each role that are kept; of more, as many that lie evenly over their rows."""


@dataclass(frozen=True)
class RunFeatures:
    """The content of the file; training images come first."""

    space: FeatureSpace
    rows: NDArray[np.int32]
    roles: NDArray[np.uint8]
    points: NDArray[np.float16]
    places: NDArray[np.float16]
    shares: Floats
    thumbnails: NDArray[np.uint8]

    @cached_property
    def judge(self) -> Judge | None:
        """What judges other images; None where no image was held out to measure distances by."""
        training, held_out = (self.points[self.roles == ROLES.index(role)] for role in ("train", "val"))
        if not len(held_out):
            return None
        return Judge(self.space, training.astype(np.float32), held_out.astype(np.float32))

    @classmethod
    def of(
        cls,
        space: FeatureSpace,
        rows: Mapping[str, NDArray[np.int64]],
        reduced: Mapping[str, Floats],
        shares: Floats,
        thumbnails: NDArray[np.uint8],
    ) -> Self:
        """From the rows of the images of each of `ROLES`, and their points with their places as last two columns."""
        most = float(np.finfo(np.float16).max)
        numbers = np.concatenate([reduced[role] for role in ROLES]).clip(-most, most).astype(np.float16)
        return cls(
            space,
            np.concatenate([rows[role] for role in ROLES]).astype(np.int32),
            np.repeat(np.arange(len(ROLES)), [len(rows[role]) for role in ROLES]).astype(np.uint8),
            numbers[:, :-2],
            numbers[:, -2:],
            shares,
            thumbnails,
        )

    def write(self, folder: Path) -> None:
        """Write it for a run."""
        own = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "space"}
        tensors = own | {one.name: getattr(self.space, one.name) for one in fields(self.space)}
        write_bytes(folder / FILE, save({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}))


def read_features(folder: Path, images: int) -> RunFeatures | None:
    """That of a run; None where it has none, as runs have not that were made before, and networks of unknown layers.

    Args:
        folder: the run's.
        images: in its splits.csv.

    Raises:
        UserError: for a file that is not as a run writes it.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        tensors = load(path.read_bytes())
        space = FeatureSpace(**{one.name: tensors.pop(one.name) for one in fields(FeatureSpace)})
        found = RunFeatures(space=space, **tensors)
        sound = _is_whole(found, images)
    except (OSError, SafetensorError, TypeError, KeyError, ValueError, AttributeError, IndexError) as error:
        raise UserError(f"{path}: cannot be read ({brief(error)}); train the run again") from error
    if not sound:
        raise UserError(f"{path}: is not as a run writes it; train the run again")
    return found


def _is_whole(found: RunFeatures, images: int) -> bool:
    space, n = found.space, len(found.rows)
    number, d = space.axes.shape
    shapes = (
        (space.centre, (d,)),
        (space.scale, (d,)),
        (space.spread, (number,)),
        (space.noise, (1,)),
        (found.shares, (2,)),
        (found.roles, (n,)),
        (found.rows, (n,)),
        (found.points, (n, number + 1)),
        (found.places, (n, 2)),
    )
    numbers = (space.centre, space.scale, space.axes, space.spread, space.noise, found.points, found.places)
    return (
        all(tensor.shape == shape for tensor, shape in shapes)
        and found.thumbnails.ndim == 1
        and all(np.isfinite(tensor).all() for tensor in (*numbers, found.shares))
        and bool((space.scale > 0).all() and (space.spread > 0).all())
        and bool(((found.rows >= 0) & (found.rows < images)).all() and (found.roles < len(ROLES)).all())
        and bool((np.diff(found.roles.astype(int)) >= 0).all() and (found.roles == 0).any())
    )
