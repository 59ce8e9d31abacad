"""BMP files."""

import io
import struct

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from oral_cancer.formats.picture import Picture, Unreadable, check_size, of_a_microscope

SIGNATURE = b"BM"


def open_bmp(data: bytes) -> Picture:
    """The picture in the bytes of a BMP file.

    Raises:
        Unreadable: with the reason, also for a file of another length than it says.
    """
    (length,) = struct.unpack_from("<I", data, 2)
    if length > len(data):
        raise Unreadable("the file is truncated")
    if 0 < length < len(data):
        raise Unreadable(f"the file is damaged: it says that it has {length} bytes, and has {len(data)}")
    image = Image.open(io.BytesIO(data), formats=("BMP",))
    check_size(*image.size)
    dpi = image.info.get("dpi")
    grey = image.mode in ("1", "L")

    def read(plane: int, channel: int) -> NDArray[np.uint8]:
        try:
            return np.asarray(image.convert("L" if grey else "RGB"))
        except OSError as error:
            raise Unreadable(f"the file is truncated or damaged ({error})") from error

    side = 25_400 / dpi[0] if dpi and dpi[0] else None
    return Picture(np.dtype(np.uint8), read, colour=not grey, micrometres=of_a_microscope(side))
