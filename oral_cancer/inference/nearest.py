"""The training images that lie nearest to new ones, as a page shows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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

    def shown(self, file: str) -> list[tuple[str, str]]:
        """The name of each training image nearest to one, the nearest first, and its picture as a data URI or ""."""
        places = self.places.get(file, ())
        pictures = thumbnails(self.sheet, places)
        return [
            (self.files[place], "" if picture is None else inlined(picture, (SIDE, SIDE)))
            for place, picture in zip(places, pictures, strict=True)
        ]
