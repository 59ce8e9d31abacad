"""JPEG files, and the JPEG streams in TIFF files."""

import io

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from oral_cancer.formats.picture import Picture, Unreadable, check_size

SIGNATURE = b"\xff\xd8\xff"
_END = b"\xff\xd9"
_LEAST = 20  # bytes of a header
_ORIENTATION = 274  # of EXIF


def open_jpeg(data: bytes) -> Picture:
    """The picture in the bytes of a JPEG file; whatever its decoder wonders at is a fault.

    Raises:
        Unreadable: with the reason.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            check_size(*image.size)
            found, mode = image.getexif().get(_ORIENTATION), image.mode
    except OSError:
        decoded(data)  # which says why
        raise
    if mode == "CMYK":
        raise Unreadable("a JPEG in CMYK colours; save it as RGB")
    return Picture(
        dtype=np.dtype(np.uint8),
        read=lambda plane, channel: decoded(data),
        orientation=found if isinstance(found, int) and 1 <= found <= 8 else 1,
        colour=mode != "L",
    )


def decoded(stream: bytes) -> NDArray[np.uint8]:
    """The pixels of a JPEG stream, uint8 (H, W) or RGB (H, W, 3).

    Raises:
        Unreadable: for a stream that is damaged in any way that libjpeg notices.
    """
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(stream, strict=True)
        check_size(width, height)
        grey = colours == "Gray"
        pixels = simplejpeg.decode_jpeg(stream, "GRAY" if grey else "RGB", strict=True)
    except ValueError as error:
        said = str(error).strip().rstrip(".")
        if "precision 12" in said:
            raise Unreadable("a JPEG of 12 bits; export it as TIFF or PNG") from error
        cut = _END not in stream[-1024:] and ("remature end" in said or len(stream) < _LEAST)
        fault = "truncated" if cut else f"damaged: its JPEG data do not decode ({said})"
        raise Unreadable(f"the file is {fault}") from error
    return np.asarray(pixels[..., 0] if grey else pixels)
