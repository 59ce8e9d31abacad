"""What the bytes of a PNG, JPEG or TIFF file say before any pixel is decoded.

OpenCV trusts a header's size, in some versions fills with grey what a truncated file lacks, and reads some
kinds of TIFF wrongly without a word. These are found here, in the file's structure.
"""

import struct
import zlib

MAX_PIXELS = 40_000_000
"""Largest width x height that is decoded; with 16 bits and 4 channels that takes 320 MB."""

_JPEG_SIZE_MARKERS = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_JPEG_START_OF_SCAN = 0xDA

_TIFF_FORMATS = {1: "B", 3: "H", 4: "I", 16: "Q"}
_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _PLANAR, _EXTRA_SAMPLES = 256, 257, 258, 262, 284, 338
_TILE_WIDTH, _TILE_HEIGHT = 322, 323
_WHITE_IS_ZERO, _READABLE_COLOURS = 0, (0, 1, 2, 3, 6)
_SEPARATE_PLANES = 2
_PREMULTIPLIED, _STRAIGHT = 1, 2


def check(data: bytes) -> bytes:
    """Refuse what would not decode to the right picture.

    Args:
        data: a whole file.

    Returns:
        The bytes to decode: `data`, but for a TIFF with a straight alpha channel, whose alpha is declared
        premultiplied, because libtiff multiplies it into the colours otherwise.

    Raises:
        ValueError: with the reason: empty, no PNG, JPEG or TIFF, truncated, damaged, more than `MAX_PIXELS`,
            or a kind of TIFF that OpenCV misreads.
    """
    if not data:
        raise ValueError("the file is empty")
    try:
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            _check_size(*_png_size(data))
        elif data.startswith(b"\xff\xd8\xff"):
            _check_size(*_jpeg_size(data))
        elif data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
            return _checked_tiff(data)
        else:
            raise ValueError("not a PNG, JPEG or TIFF image")
    except (struct.error, IndexError, OverflowError):
        raise ValueError("the file is truncated") from None
    return data


def _check_size(width: int, height: int) -> None:
    if not 0 < width * height <= MAX_PIXELS:
        raise ValueError(f"{width} x {height} pixels; at most {MAX_PIXELS // 10**6} million can be read")


def _png_size(data: bytes) -> tuple[int, int]:
    view, at, kind = memoryview(data), 8, b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", data, at)
        (checksum,) = struct.unpack_from(">I", data, at + 8 + length)
        if zlib.crc32(view[at + 4 : at + 8 + length]) != checksum:
            raise ValueError("the file is damaged: a PNG checksum does not match")
        at += 12 + length
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _jpeg_size(data: bytes) -> tuple[int, int]:
    at, size = 2, (0, 0)
    while (marker := data[at + 1]) != _JPEG_START_OF_SCAN:
        if data[at] != 0xFF:
            raise ValueError("the file is damaged: a JPEG marker is missing")
        if marker == 0xFF:
            at += 1
            continue
        if marker in _JPEG_SIZE_MARKERS:
            height, width = struct.unpack_from(">HH", data, at + 5)
            size = width, height
        (length,) = struct.unpack_from(">H", data, at + 2)
        at += 2 + length
    if data.find(b"\xff\xd9", at) < 0:
        raise ValueError("the file is truncated")
    return size


def _checked_tiff(data: bytes) -> bytes:
    order, tags = _tiff_tags(data)
    first = {tag: value for tag, (value, _) in tags.items()}
    _check_size(first.get(_WIDTH, 0), first.get(_HEIGHT, 0))
    if _TILE_WIDTH in first:
        _check_size(first[_TILE_WIDTH], first.get(_TILE_HEIGHT, 0))
    colours, deep = first.get(_PHOTOMETRIC), first.get(_BITS, 1) > 8
    if colours not in _READABLE_COLOURS:
        raise ValueError("a TIFF in neither grey nor RGB; save it as RGB")
    if deep and colours == _WHITE_IS_ZERO:
        raise ValueError("a 16-bit TIFF with inverted grey; save it with black as zero")
    if deep and first.get(_PLANAR) == _SEPARATE_PLANES:
        raise ValueError("a 16-bit TIFF with separate colour planes; save it with interleaved colours")
    if first.get(_EXTRA_SAMPLES) == _STRAIGHT:
        at = tags[_EXTRA_SAMPLES][1]
        return data[:at] + struct.pack(order + "H", _PREMULTIPLIED) + data[at + 2 :]
    return data


def _tiff_tags(data: bytes) -> tuple[str, dict[int, tuple[int, int]]]:
    """The byte order of a TIFF and, by tag of its first page, the first value and where it lies."""
    order = "<" if data[:2] == b"II" else ">"
    (version,) = struct.unpack_from(order + "H", data, 2)
    pointer, counter, width = ("Q", "Q", 8) if version == 43 else ("I", "H", 4)
    (directory,) = struct.unpack_from(order + pointer, data, width)
    (entries,) = struct.unpack_from(order + counter, data, directory)
    start = directory + struct.calcsize(counter)
    step = 4 + 2 * width
    tags = {}
    for at in range(start, start + entries * step, step):
        tag, kind, count = struct.unpack_from(order + "HH" + pointer, data, at)
        if kind not in _TIFF_FORMATS:
            continue
        value_at = at + 4 + width
        if count * struct.calcsize(_TIFF_FORMATS[kind]) > width:
            (value_at,) = struct.unpack_from(order + pointer, data, value_at)
        tags[tag] = (struct.unpack_from(order + _TIFF_FORMATS[kind], data, value_at)[0], value_at)
    return order, tags
