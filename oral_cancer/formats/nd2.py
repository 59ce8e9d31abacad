"""Nikon ND2 files."""

import io
import math

import numpy as np

from oral_cancer.formats.picture import Picture, Unreadable, Values, axes_in_words, check_size, of_a_microscope

SIGNATURE = b"\xda\xce\xbe\x0a"


def open_nd2(data: bytes) -> Picture:
    """The picture in the bytes of an ND2 file.

    Raises:
        Unreadable: with the reason.
    """
    from nd2 import ND2File  # an extra

    file = ND2File(io.BytesIO(data))
    setattr(file._rdr, "_missing_frame", _refuse)  # noqa: B010 - which fills it with black
    sizes = dict(file.sizes)
    check_size(sizes["X"], sizes["Y"])
    dtype, colour = np.dtype(file.dtype), sizes.get("S", 1) > 1
    if dtype.kind not in "uif" or sizes.get("S", 1) not in (1, 3, 4):
        raise Unreadable(f"{dtype} pixels with {sizes.get('S', 1)} samples; export it as TIFF with 8 or 16 bits")
    channels = sizes.get("C", 1)
    planes = {axis: size for axis, size in sizes.items() if axis not in "CYXS"}

    def read(plane: int, channel: int) -> Values:
        frame = np.asarray(file.read_frame(plane))  # (Y, X), (C, Y, X), or with S at the end
        frame = frame.reshape(channels, sizes["Y"], sizes["X"], sizes.get("S", 1))
        return np.asarray(frame[channel, ..., :3] if colour else frame[channel, ..., 0])

    bits = file.attributes.bitsPerComponentSignificant
    names = tuple(one.channel.name or "" for one in (file.metadata.channels or ())) if file.metadata else ()
    return Picture(
        dtype=dtype,
        read=read,
        bits=bits if dtype.kind == "u" and 0 < bits < 8 * dtype.itemsize else None,
        planes=math.prod(planes.values()),
        axes=axes_in_words("".join(planes), list(planes.values())),
        channels=names if len(names) == channels else ("",) * channels,
        colour=colour,
        micrometres=of_a_microscope(file.voxel_size().x),
    )


def _refuse(index: int = 0) -> Values:
    raise Unreadable("the file is truncated or damaged: the plane that is chosen is missing")
