"""JPEG XR streams in TIFF and CZI files."""

import struct

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from oral_cancer.formats.picture import Unreadable

_START, _LENGTH, _ALPHA_START, _ALPHA_LENGTH = 0xBCC0, 0xBCC1, 0xBCC2, 0xBCC3
_OF_THE_PICTURE = {*range(0xBC01, 0xBC05), *range(0xBC80, 0xBC84), *range(0xBCC0, 0xBCC6)}
_OF_ITS_ORIGIN = {0x10D, 0x10E, 0x10F, 0x110, 0x11D, 0x129, 0x131, 0x132, 0x13B, 0x13C, 0x4746, 0x4749, 0x8298, 0x9C9B}
_OF_METADATA = {0x2BC, 0x83BB, 0x8649, 0x8769, 0x8773, 0x8825, 0xA005}
_KNOWN = _OF_THE_PICTURE | _OF_ITS_ORIGIN | _OF_METADATA
"""Tags of the format; of others the decoder complains on stderr."""
_SIZES = {3: "<H", 4: "<I"}  # of numbers, by their kind
_FILLED_UP = (b"", b"\0")  # to an even length


def decoded(data: bytes, out: NDArray[np.generic]) -> NDArray[np.generic]:
    """The pixels of a JPEG XR, in `out`, (H, W) or (H, W, samples).

    Its decoder passes over what is missing, so that the length that the header gives is compared.

    Raises:
        Unreadable: for a stream that is shorter or longer than it says.
        Exception: of many kinds, for a stream that does not decode, or gives another shape or type.
    """
    if data.startswith(b"II\xbc"):
        tags = _tags(data)
        end = max(tags.get(_START, 0) + tags.get(_LENGTH, 0), tags.get(_ALPHA_START, 0) + tags.get(_ALPHA_LENGTH, 0))
        if tags.get(_LENGTH) and (end > len(data) or data[end:] not in _FILLED_UP):
            raise Unreadable("the file is damaged: its JPEG XR data have another length than they say")
    return np.asarray(imagecodecs.jpegxr_decode(data, out=out))


def _tags(data: bytes) -> dict[int, int]:
    """The numbers in the directory, by tag."""
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    entries = [struct.unpack_from("<HHI4s", data, at + 2 + 12 * number) for number in range(count)]
    if unknown := {tag for tag, *_ in entries} - _KNOWN:
        raise Unreadable(f"the file is damaged: its JPEG XR data have an unknown tag {min(unknown)}")
    return {
        tag: struct.unpack_from(_SIZES[kind], value)[0]
        for tag, kind, one, value in entries
        if kind in _SIZES and one == 1
    }
