"""Zeiss CZI files."""

import io
import math
from typing import Any
from xml.etree import ElementTree

import numpy as np

from oral_cancer.formats.picture import (
    MAX_PIXELS,
    Picture,
    Unreadable,
    Values,
    axes_in_words,
    check_size,
    of_a_microscope,
)

SIGNATURE = b"ZISRAWFILE"
MAX_BYTES = 12 * MAX_PIXELS  # of all planes and channels, which are decoded at once


def open_czi(data: bytes) -> Picture:
    """The picture in the bytes of a CZI file.

    Raises:
        Unreadable: with the reason.
    """
    from czifile import CziFile  # an extra

    file = CziFile(io.BytesIO(data))
    sizes = dict(zip(file.axes, file.shape, strict=True))
    check_size(sizes["X"], sizes["Y"])
    dtype = np.dtype(file.dtype)
    if dtype.kind not in "uif" or sizes.get("0", 1) not in (1, 3, 4):
        raise Unreadable(f"{dtype} pixels with {sizes.get('0', 1)} samples; export it as TIFF with 8 or 16 bits")
    if math.prod(file.shape) * dtype.itemsize > MAX_BYTES:
        raise Unreadable(f"more than {MAX_BYTES // 10**6} MB of pixels; export the plane that you mean as TIFF")
    planes = [axis for axis in file.axes if axis not in "CYX0"]
    channels, colour = sizes.get("C", 1), sizes.get("0", 1) > 1
    order = [file.axes.index(axis) for axis in (*planes, *("C" if "C" in sizes else ""), "Y", "X", *("0" if "0" in sizes else ""))]

    def read(plane: int, channel: int) -> Values:
        whole = np.asarray(file.asarray()).transpose(order)
        whole = whole.reshape(-1, channels, sizes["Y"], sizes["X"], sizes.get("0", 1))
        values = whole[plane, channel]
        return values[..., :3] if colour else values[..., 0]

    bits, names, metres = _described(file.metadata())
    return Picture(
        dtype=dtype,
        read=read,
        bits=bits if dtype.kind == "u" and bits and bits < 8 * dtype.itemsize else None,
        planes=math.prod(sizes[axis] for axis in planes),
        axes=axes_in_words("".join(planes), [sizes[axis] for axis in planes]),
        channels=names if len(names) == channels else ("",) * channels,
        colour=colour,
        micrometres=of_a_microscope(metres * 1e6 if metres else None),
    )


def _described(xml: Any) -> tuple[int | None, tuple[str, ...], float | None]:
    """Bits a sample, the channels' names and the side of a pixel in metres, as far as the metadata say."""
    try:
        tree = ElementTree.fromstring(xml)
        bits = tree.findtext(".//Information/Image/ComponentBitCount")
        names = [one.get("Name", "") for one in tree.findall(".//Information/Image/Dimensions/Channels/Channel")]
        metres = tree.findtext(".//Scaling/Items/Distance[@Id='X']/Value")
        return int(bits) if bits else None, tuple(names), float(metres) if metres else None
    except (ElementTree.ParseError, TypeError, ValueError):
        return None, (), None
