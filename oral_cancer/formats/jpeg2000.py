"""JPEG 2000 streams in TIFF files."""

import struct

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from oral_cancer.formats.picture import check_size

_SIZE = b"\xff\x4f\xff\x51"  # the marks of a stream's start and of its size


def decoded(data: bytes, out: NDArray[np.generic]) -> NDArray[np.generic]:
    """The pixels of a JPEG 2000, in `out`.

    Raises:
        Unreadable: before it is decoded, for one that is too large.
        Exception: of many kinds, for a stream that does not decode, or gives another shape or type.
    """
    at = data[:8192].find(_SIZE)
    if at >= 0:
        right, bottom, left, top = struct.unpack_from(">4I", data, at + 8)
        check_size(right - left, bottom - top)
    return np.asarray(imagecodecs.jpeg2k_decode(data, out=out))
