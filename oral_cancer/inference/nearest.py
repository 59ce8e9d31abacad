"""The training images that lie nearest to new ones, as a page shows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from oral_cancer.data.thumbnails import SIDE, thumbnails
from oral_cancer.study.pictures import inlined


@dataclass(frozen=True)
class Nearest:
    """Which they are.

    Attributes:
        files: of the training images.
        sheet: their thumbnails, see `data.thumbnails`.
        places: of each new image by its file, those of its nearest ones among the training images.
    """

    files: Sequence[str]
    sheet: NDArray[np.uint8]
    places: Mapping[str, Sequence[int]]

    @cached_property
    def _pictures(self) -> dict[int, NDArray[np.uint8] | None]:
        """Of every training image that is nearest to some new one, by its place."""
        places = sorted({place for nearest in self.places.values() for place in nearest})
        return dict(zip(places, thumbnails(self.sheet, places), strict=True))

    def shown(self, file: str) -> list[tuple[str, str]]:
        """The name of each training image nearest to one, the nearest first, and its picture as a data URI or ""."""
        pictures = {place: self._pictures[place] for place in self.places.get(file, ())}
        return [
            (self.files[place], "" if picture is None else inlined(picture, (SIDE, SIDE)))
            for place, picture in pictures.items()
        ]
