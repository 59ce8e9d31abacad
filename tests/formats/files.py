"""Image files written by hand, byte by byte: what the libraries do not write, and second opinions of what they do."""

import io
import struct
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[Any]
Tags = dict[int, tuple[str, Sequence[int]]]

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR, LAB = 0, 1, 2, 3, 5, 6, 8
COMPRESSION, PHOTOMETRIC, DESCRIPTION, ORIENTATION, PREDICTOR, PALETTE_TAG = 259, 262, 270, 274, 317, 320
EXTRA, SAMPLE_FORMAT, JPEG_TABLES = 338, 339, 347
_KINDS = {"B": 1, "TEXT": 2, "H": 3, "I": 4, "RATIO": 5, "UNDEFINED": 7}


def by_tifffile(pixels: Pixels, **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, **{"metadata": None, **options})
    return file.getvalue()


def by_pillow(pixels: Pixels | Image.Image, kind: str = "TIFF", **options: Any) -> bytes:
    file = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(file, kind, **options)
    return file.getvalue()


def by_hand(
    pixels: Pixels,
    encode: Callable[[Pixels], bytes] = lambda part: part.tobytes(),
    *,
    rows: int | None = None,
    tile: tuple[int, int] | None = None,
    planar: bool = False,
    bits: int | None = None,
    photometric: int | None = BLACK_IS_ZERO,
    big: bool = False,
    tags: Tags | None = None,
) -> bytes:
    """A TIFF in the byte order of the pixels' dtype.

    Args:
        pixels: (H, W) or (H, W, samples).
        encode: gives the bytes of a strip or a tile (rows, columns, samples), or (rows, columns) if it has one.
        rows: of a strip; all if None.
        tile: rows and columns of tiles, those at the edges filled up with 7.
        planar: whether each sample has strips or tiles of its own.
        bits: of a sample; those of the dtype if None.
        photometric: no such tag if None.
        big: whether it is a BigTIFF.
        tags: further ones, or others, by number.
    """
    height, width = pixels.shape[:2]
    samples = 1 if pixels.ndim == 2 else pixels.shape[2]
    planes = np.moveaxis(pixels.reshape(height, width, samples), -1, 0)[..., None] if planar else [pixels]
    tall, wide = tile or (rows or height, width)
    parts = []
    for plane in planes:
        for top in range(0, height, tall):
            for left in range(0, width, wide):
                part = plane[top : top + tall, left : left + wide]
                part = part[..., 0] if part.ndim == 3 and part.shape[2] == 1 else part
                if tile:
                    lacking = [(0, tall - part.shape[0]), (0, wide - part.shape[1]), (0, 0)][: part.ndim]
                    part = np.pad(part, lacking, constant_values=7)
                parts.append(encode(np.ascontiguousarray(part)))
    where, lengths = (324, 325) if tile else (273, 279)
    entries: Tags = {
        256: ("I", [width]),
        257: ("I", [height]),
        258: ("H", [bits or pixels.dtype.itemsize * 8] * samples),
        COMPRESSION: ("H", [1]),
        where: ("I", [0] * len(parts)),
        277: ("H", [samples]),
        lengths: ("I", [len(part) for part in parts]),
        284: ("H", [2 if planar else 1]),
        **({} if photometric is None else {PHOTOMETRIC: ("H", [photometric])}),
        **({322: ("I", [wide]), 323: ("I", [tall])} if tile else {278: ("I", [tall])}),
        **(tags or {}),
    }
    order = ">" if pixels.dtype.byteorder == ">" else "<"
    return _directory(entries, where, parts, order, big)


def _directory(entries: Tags, where: int, parts: list[bytes], order: str, big: bool) -> bytes:
    """The whole file: its header, its only directory, what has no room in it, and the parts."""
    pointer, counter, room, head = ("Q", "Q", 8, 16) if big else ("I", "H", 4, 8)
    end = head + struct.calcsize(counter) + len(entries) * (4 + 2 * room) + room

    def packed(kind: str, numbers: Sequence[int]) -> bytes:
        form = {"TEXT": "B", "UNDEFINED": "B", "RATIO": "I"}.get(kind, kind)
        return struct.pack(order + form * len(numbers), *numbers)

    first = end + sum(len(data) for data in (packed(*entry) for entry in entries.values()) if len(data) > room)
    entries[where] = ("I", [first + sum(map(len, parts[:number])) for number in range(len(parts))])
    directory, outside = b"", b""
    for tag, (kind, numbers) in sorted(entries.items()):
        data = packed(kind, numbers)
        if len(data) > room:
            outside += data
            data = struct.pack(order + pointer, end + len(outside) - len(data))
        count = len(numbers) // 2 if kind == "RATIO" else len(numbers)
        directory += struct.pack(order + "HH" + pointer, tag, _KINDS[kind], count) + data.ljust(room, b"\0")
    mark = b"II" if order == "<" else b"MM"
    start = struct.pack(order + "HHHQ", 43, 8, 0, 16) if big else struct.pack(order + "HI", 42, 8)
    count = struct.pack(order + counter, len(entries))
    return mark + start + count + directory + bytes(room) + outside + b"".join(parts)


def compressed(code: int, **more: tuple[str, Sequence[int]]) -> Tags:
    """The tag of a compression, for `by_hand`, and others by names such as tag317."""
    return {COMPRESSION: ("H", [code]), **{int(name[3:]): entry for name, entry in more.items()}}


def text(words: str) -> tuple[str, list[int]]:
    """The value of a tag that is text."""
    return "TEXT", [*words.encode(), 0]


def packed_bits(bits: int) -> Callable[[Pixels], bytes]:
    """An encoder of samples of any number of bits, each row from a whole byte on."""

    def encode(part: Pixels) -> bytes:
        lines = part.reshape(part.shape[0], -1).astype(np.uint32)
        each = (lines[..., None] >> np.arange(bits - 1, -1, -1)) & 1
        return np.packbits(each.reshape(len(lines), -1).astype(np.uint8), axis=1).tobytes()

    return encode


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(pixels: Pixels, kind: int, *chunks: bytes, bits: int | None = None, stream: bytes | None = None) -> bytes:
    """A PNG without filters; `chunks` stand before its pixels, `stream` replaces them."""
    height, width = pixels.shape[:2]
    bits = bits or pixels.dtype.itemsize * 8
    lines = packed_bits(bits)(pixels)
    each = len(lines) // height
    filtered = b"".join(b"\0" + lines[number * each : (number + 1) * each] for number in range(height))
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    data = zlib.compress(filtered) if stream is None else stream
    parts = [png_chunk(b"IHDR", header), *chunks, png_chunk(b"IDAT", data), png_chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def exif_turned(orientation: int) -> bytes:
    """EXIF of nothing but an orientation."""
    return b"II*\0\x08\0\0\0" + struct.pack("<HHHIHHI", 1, ORIENTATION, 3, 1, orientation, 0, 0)


def czi(
    tiles: Sequence[tuple[dict[str, int], Pixels, int]], xml: str = "<ImageDocument/>", of_a_pyramid: int = 0
) -> bytes:
    """A CZI file of tiles.

    Args:
        tiles: of each its place, such as {"C": 1, "X": 0, "Y": 0}, its pixels (H, W) or (H, W, 3) in blue, green and
            red, and its compression: 0 none, 4 JPEG XR, 5 zstd, 6 zstd with a header, 1 and 2 none that is read.
        xml: the metadata.
        of_a_pyramid: how many of the last ones are said to be twice as large as they are stored.
    """
    blocks, entries = [], []
    place = 32 + 512
    for number, (start, pixels, compression) in enumerate(tiles):
        entry = _czi_entry(start, pixels, compression, place, 2 if number >= len(tiles) - of_a_pyramid else 1)
        data = _CZI_ENCODERS[compression](pixels)
        body = (struct.pack("<iiq", 0, 0, len(data)) + entry).ljust(256, b"\0") + data
        blocks.append(_czi_segment("ZISRAWSUBBLOCK", body))
        entries.append(entry)
        place += len(blocks[-1])
    metadata = _czi_segment("ZISRAWMETADATA", struct.pack("<ii", len(xml), 0).ljust(256, b"\0") + xml.encode())
    listed = struct.pack("<i", len(entries)).ljust(128, b"\0") + b"".join(entries)
    directory = _czi_segment("ZISRAWDIRECTORY", listed)
    head = struct.pack("<iiii16s16siqqiq", 1, 0, 0, 0, bytes(16), bytes(16), 0, place + len(metadata), place, 0, 0)
    return _czi_segment("ZISRAWFILE", head.ljust(512, b"\0")) + b"".join(blocks) + metadata + directory


def _hilo(pixels: Pixels) -> bytes:
    """Lower bytes, then upper ones, behind a header that says so."""
    halves = np.frombuffer(pixels.tobytes(), np.uint8).reshape(-1, 2).T.tobytes()
    return b"\x03\x01\x01" + bytes(imagecodecs.zstd_encode(halves))


_CZI_ENCODERS: dict[int, Callable[[Pixels], bytes]] = {
    0: lambda pixels: pixels.tobytes(),
    1: lambda pixels: pixels.tobytes(),
    2: lambda pixels: pixels.tobytes(),
    4: lambda pixels: bytes(imagecodecs.jpegxr_encode(pixels[..., ::-1] if pixels.ndim == 3 else pixels, level=100)),
    5: lambda pixels: bytes(imagecodecs.zstd_encode(pixels.tobytes())),
    6: lambda pixels: (
        _hilo(pixels) if pixels.itemsize == 2 else b"\x01" + bytes(imagecodecs.zstd_encode(pixels.tobytes()))
    ),
}


def _czi_segment(name: str, body: bytes) -> bytes:
    return struct.pack("<16sqq", name.encode(), len(body), len(body)) + body


def _czi_entry(start: dict[str, int], pixels: Pixels, compression: int, place: int, factor: int) -> bytes:
    height, width = pixels.shape[:2]
    sizes = {"X": width, "Y": height}
    kind = {("u", 1, 2): 0, ("u", 2, 2): 1, ("f", 4, 2): 2, ("u", 1, 3): 3, ("u", 2, 3): 4}[
        pixels.dtype.kind, pixels.dtype.itemsize, pixels.ndim
    ]
    head = struct.pack("<2siqiiBB4si", b"DV", kind, place, 0, compression, 0, 0, bytes(4), len(start))
    ordered = sorted(start, key="XYCZTSM".index)
    return head + b"".join(
        struct.pack("<4siifi", axis.encode(), start[axis], factor * sizes[axis], 0.0, sizes[axis])
        if axis in sizes
        else struct.pack("<4siifi", axis.encode(), start[axis], 1, 0.0, 1)
        for axis in ordered
    )
