"""PNG files."""

import io
import re
import struct
import zlib

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from oral_cancer.formats.picture import Picture, Unreadable, check_size, of_a_microscope

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_ORIENTATION = 274  # of EXIF
_METRES = 1  # unit of pHYs
_TEXTS = ("exif:Orientation", "tiff:Orientation", "Orientation")


def open_png(data: bytes) -> Picture:
    """The picture in the bytes of a PNG file; every checksum in it is compared.

    Raises:
        Unreadable: with the reason.
    """
    chunks = _checked_chunks(data)
    width, height, depth, kind = struct.unpack_from(">IIBB", chunks[b"IHDR"])
    check_size(width, height)
    if frames := chunks.get(b"acTL"):
        (count,) = struct.unpack_from(">I", frames)
        if count > 1:
            raise Unreadable(f"an animation of {count} frames; save the one you mean")
    colour = kind in (2, 3, 6)

    def read(plane: int, channel: int) -> NDArray[np.integer]:
        values = imagecodecs.png_decode(data)
        if values.ndim == 3 and not colour:
            values = values[..., 0]
        return np.asarray(values[..., :3] if colour else values)

    return Picture(
        dtype=np.dtype(np.uint16 if depth == 16 else np.uint8),
        read=read,
        orientation=_orientation(data),
        colour=colour,
        micrometres=_pixel_size(chunks.get(b"pHYs")),
    )


def _checked_chunks(data: bytes) -> dict[bytes, bytes]:
    """The first chunk of each kind but the pixels; Unreadable where one is damaged or the file ends early."""
    chunks: dict[bytes, bytes] = {}
    view, at, kind = memoryview(data), len(SIGNATURE), b""
    while kind != b"IEND":
        if at + 12 > len(data):
            raise Unreadable("the file is truncated")
        length, kind = struct.unpack_from(">I4s", data, at)
        if at + 12 + length > len(data):
            raise Unreadable("the file is truncated")
        (checksum,) = struct.unpack_from(">I", data, at + 8 + length)
        if zlib.crc32(view[at + 4 : at + 8 + length]) != checksum:
            raise Unreadable("the file is damaged: a PNG checksum does not match")
        if kind != b"IDAT":
            chunks.setdefault(kind, bytes(view[at + 8 : at + 8 + length]))
        at += 12 + length
    if len(chunks.get(b"IHDR", b"")) < 13:
        raise Unreadable("the file is damaged: a PNG without its header")
    return chunks


def _orientation(data: bytes) -> int:
    """What EXIF, a profile in a text, XMP or a text by the name of EXIF's tag say; 1 where nothing does."""
    with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
        found = image.getexif().get(_ORIENTATION)  # Pillow looks into EXIF, profiles in texts and XMP
        texts = [str(image.info[name]) for name in _TEXTS if name in image.info]
    if found is None and texts and (match := re.fullmatch(r"\s*([1-8])\s*", texts[0])):
        found = int(match[1])
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _pixel_size(chunk: bytes | None) -> float | None:
    """Micrometres a pixel out of a pHYs chunk."""
    if chunk is None or len(chunk) < 9:
        return None
    across, _, unit = struct.unpack_from(">IIB", chunk)
    return of_a_microscope(1e6 / across if unit == _METRES and across else None)
