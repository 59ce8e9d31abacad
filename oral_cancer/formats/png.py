"""PNG files, and the PNG streams in TIFF files."""

import io
import math
import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from oral_cancer.formats.picture import Picture, Unreadable, check_size, in_colours, of_a_microscope

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_ORIENTATION = 274  # of EXIF
_PALETTE = 3
_METRES = 1  # unit of pHYs
_TEXTS = ("exif:Orientation", "tiff:Orientation", "Orientation")
_WITH_WORDS = (b"eXIf", b"tEXt", b"zTXt", b"iTXt")
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by kind: grey, RGB, palette, grey and RGB with alpha
_PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
"""Of an interlaced image: first row, first column, and their steps."""


@dataclass
class _Chunks:
    """What a file is made of: the first chunk of each kind, those that hold words, and the pieces of its pixels."""

    first: dict[bytes, memoryview] = field(default_factory=dict)
    words: list[tuple[bytes, memoryview]] = field(default_factory=list)
    pixels: list[memoryview] = field(default_factory=list)


def open_png(data: bytes) -> Picture:
    """The picture in the bytes of a PNG file; every checksum in it is compared.

    Raises:
        Unreadable: with the reason.
    """
    chunks = _checked(data)
    width, height, depth, kind = struct.unpack_from(">IIBB", chunks.first[b"IHDR"])
    check_size(width, height)
    if frames := chunks.first.get(b"acTL"):
        (count,) = struct.unpack_from(">I", frames)
        if count > 1:
            raise Unreadable(f"an animation of {count} frames; save the one you mean")
    colour = kind in (2, 3, 6)

    def read(plane: int, channel: int) -> NDArray[np.integer]:
        _insist_on_whole_stream(chunks)
        if kind == _PALETTE:
            return _through_palette(chunks)
        values = np.asarray(imagecodecs.png_decode(data))
        if values.ndim == 3 and not colour:
            values = values[..., 0]
        return values[..., :3] if colour else values

    return Picture(
        dtype=np.dtype(np.uint16 if depth == 16 else np.uint8),
        read=read,
        orientation=_orientation(chunks.words),
        colour=colour,
        micrometres=_pixel_size(chunks.first.get(b"pHYs")),
    )


def decoded(data: bytes, out: NDArray[np.generic]) -> NDArray[np.generic]:
    """The pixels of a PNG, in `out`, (H, W) or (H, W, samples).

    Raises:
        Unreadable: for a stream that is damaged, or holds more or fewer pixels than the image has.
        Exception: of many kinds, for a stream that does not decode, or gives another shape or type.
    """
    _insist_on_whole_stream(_checked(data))
    return np.asarray(imagecodecs.png_decode(data, out=out))


def _checked(data: bytes) -> _Chunks:
    """The chunks of a file; Unreadable where one is damaged or the file ends early."""
    if not data.startswith(SIGNATURE):
        raise Unreadable("the file is damaged: its PNG data are none")
    chunks = _Chunks()
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
        body = view[at + 8 : at + 8 + length]
        if kind == b"IDAT":
            chunks.pixels.append(body)
        elif kind in _WITH_WORDS:
            chunks.words.append((kind, body))
        else:
            chunks.first.setdefault(kind, body)
        at += 12 + length
    if len(chunks.first.get(b"IHDR", b"")) < 13:
        raise Unreadable("the file is damaged: a PNG without its header")
    return chunks


def _insist_on_whole_stream(chunks: _Chunks) -> None:
    """libpng itself passes over bytes that are too many."""
    width, height, depth, kind, _, _, interlaced = struct.unpack_from(">IIBBBBB", chunks.first[b"IHDR"])
    check_size(width, height)
    if kind not in _SAMPLES:
        raise Unreadable(f"the file is damaged: a PNG of kind {kind}")
    expected = 0
    for top, left, down, across in _PASSES if interlaced else ((0, 0, 1, 1),):
        rows, columns = math.ceil((height - top) / down), math.ceil((width - left) / across)
        if rows > 0 and columns > 0:
            expected += rows * (1 + math.ceil(columns * _SAMPLES[kind] * depth / 8))
    stream = b"".join(chunks.pixels)
    try:
        found = imagecodecs.deflate_decode(stream, out=np.empty(expected + 1, np.uint8).data)
    except Exception as error:  # of its own kind
        raise Unreadable(f"the file is damaged: its pixels do not decode ({error})") from error
    if len(found) != expected:
        more = "more" if len(found) > expected else "fewer"
        raise Unreadable(f"the file is damaged: it holds {more} pixels than the image has")
    if not stream.endswith(zlib.adler32(found).to_bytes(4, "big")):
        raise Unreadable("the file is damaged: its pixels go on after their end")


def _through_palette(chunks: _Chunks) -> NDArray[np.uint8]:
    """The picture (H, W, 3) of a file with a palette; libpng itself shows colours that this lacks as black."""
    kinds = (b"IHDR", b"PLTE")
    parts = [(kind, bytes(chunks.first.get(kind, b""))) for kind in kinds]
    file = SIGNATURE + b"".join(_chunk(*part) for part in (*parts, (b"IDAT", b"".join(chunks.pixels)), (b"IEND", b"")))
    colours = np.frombuffer(parts[1][1], np.uint8)
    colours = colours[: len(colours) // 3 * 3].reshape(-1, 3)
    with Image.open(io.BytesIO(file), formats=("PNG",)) as image:
        return in_colours(np.asarray(image), colours)


def _orientation(words: Sequence[tuple[bytes, memoryview]]) -> int:
    """What EXIF, a profile in a text, XMP or a text by the name of EXIF's tag say; 1 where nothing does."""
    for kind, body in sorted(words, key=lambda chunk: chunk[0] != b"eXIf"):
        for found in _said(kind, bytes(body)):
            if re.fullmatch(r"\s*[1-8]\s*", str(found)):
                return int(str(found))
    return 1


def _said(kind: bytes, body: bytes) -> Iterator[object]:
    """The orientations that a chunk gives; it is read as part of a PNG of one pixel, as Pillow decodes a whole one."""
    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (kind, body), (b"IDAT", zlib.compress(b"\0\0")), (b"IEND", b""))
    file = SIGNATURE + b"".join(_chunk(*part) for part in parts)
    try:
        with Image.open(io.BytesIO(file), formats=("PNG",)) as image:
            yield from (image.info[name] for name in _TEXTS if name in image.info)
            yield image.getexif().get(_ORIENTATION)  # in EXIF, profiles in texts and XMP
    except Exception:  # of any kind: strangers wrote it
        return


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _pixel_size(chunk: memoryview | None) -> float | None:
    """Micrometres a pixel out of a pHYs chunk."""
    if chunk is None or len(chunk) < 9:
        return None
    across, _, unit = struct.unpack_from(">IIB", chunk)
    return of_a_microscope(1e6 / across if unit == _METRES and across else None)
