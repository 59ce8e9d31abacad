"""BMP files."""

import io
import struct

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from oral_cancer.formats.picture import Picture, Unreadable, check_size, in_colours, of_a_microscope

SIGNATURE = b"BM"
_HEADER = 26  # bytes, at least


def open_bmp(data: bytes) -> Picture:
    """The picture in the bytes of a BMP file.

    Raises:
        Unreadable: with the reason, also for a file of another length than it says.
    """
    if len(data) < _HEADER:
        raise Unreadable("the file is truncated")
    (length,) = struct.unpack_from("<I", data, 2)
    if length > len(data):
        raise Unreadable("the file is truncated")
    if 0 < length < len(data):
        raise Unreadable(f"the file is damaged: it says that it has {length} bytes, and has {len(data)}")
    try:
        image = Image.open(io.BytesIO(data), formats=("BMP",))
    except OSError as error:
        raise Unreadable(f"a BMP of a kind that is not read, or damaged ({error}); export it as TIFF or PNG") from error
    check_size(*image.size)
    dpi = image.info.get("dpi")
    grey = image.mode in ("1", "L")

    def read(plane: int, channel: int) -> NDArray[np.uint8]:
        try:
            if image.mode == "P":
                palette = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
                return in_colours(np.asarray(image), palette)
            return np.asarray(image.convert("L" if grey else "RGB"))
        except OSError as error:
            raise Unreadable(f"the file is truncated or damaged ({error})") from error

    side = 25_400 / dpi[0] if dpi and dpi[0] else None
    return Picture(np.dtype(np.uint8), read, colour=not grey, micrometres=of_a_microscope(side))
