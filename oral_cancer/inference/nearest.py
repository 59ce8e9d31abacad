"""The training images that lie nearest to new ones, as a page shows them."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from oral_cancer.data.thumbnails import thumbnails


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
        return [(self.files[place], _uri(picture)) for place, picture in zip(places, pictures, strict=True)]


def _uri(picture: NDArray[np.uint8] | None) -> str:
    if picture is None:
        return ""
    _, jpeg = cv2.imencode(".jpg", picture[..., ::-1])
    return "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode()
