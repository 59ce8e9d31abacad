"""JPEG XR streams in TIFF and CZI files."""

import struct

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from oral_cancer.formats.picture import Unreadable

_START, _LENGTH, _ALPHA_START, _ALPHA_LENGTH = 0xBCC0, 0xBCC1, 0xBCC2, 0xBCC3
_FILLED_UP = (b"", b"\0", b"\0\0", b"\0\0\0")  # to the length of a number
_SIZES = {3: "<H", 4: "<I"}  # of numbers, by their kind


def decoded(data: bytes) -> NDArray[np.generic]:
    """The pixels of a JPEG XR, (H, W) or (H, W, samples).

    Its decoder passes over what is missing, so that the length that the header gives is compared.

    Raises:
        Unreadable: for a stream that is shorter or longer than it says.
    """
    if data.startswith(b"II\xbc"):
        tags = _tags(data)
        end = max(tags.get(_START, 0) + tags.get(_LENGTH, 0), tags.get(_ALPHA_START, 0) + tags.get(_ALPHA_LENGTH, 0))
        if tags.get(_LENGTH) and (end > len(data) or data[end:] not in _FILLED_UP):
            raise Unreadable("the file is damaged: its JPEG XR data have another length than they say")
    return np.asarray(imagecodecs.jpegxr_decode(data))


def _tags(data: bytes) -> dict[int, int]:
    """The numbers in the directory, by tag."""
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    entries = (struct.unpack_from("<HHI4s", data, at + 2 + 12 * number) for number in range(count))
    return {
        tag: struct.unpack_from(_SIZES[kind], value)[0]
        for tag, kind, one, value in entries
        if kind in _SIZES and one == 1
    }
