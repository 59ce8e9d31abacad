"""Zeiss CZI files.

czifile knows the structure. Its own assembly of a picture passes over tiles that are missing or damaged, so the tiles
are gone through here.
"""

import io
import math
from typing import Any
from xml.etree import ElementTree

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from oral_cancer.formats import jpegxr
from oral_cancer.formats.picture import Picture, Unreadable, Values, axes_in_words, check_size, of_a_microscope

SIGNATURE = b"ZISRAWFILE"
_NONE, _JPEG_XR, _ZSTD, _ZSTD_WITH_HEADER = 0, 4, 5, 6
_NAMES = {1: "JPEG", 2: "LZW"}
_KINDS = ("u1", "u2", "f4", "i4")


def open_czi(data: bytes) -> Picture:
    """The picture in the bytes of a CZI file.

    Raises:
        Unreadable: with the reason.
    """
    from czifile import CziFile  # an extra

    file = CziFile(io.BytesIO(data))
    tiles = [tile for tile in file.subblock_directory if tile.shape == tile.stored_shape]  # others are of a pyramid
    if len({(tile.axes, str(tile.dtype)) for tile in tiles}) != 1:
        raise Unreadable("pixels of several types, or none; export the channel that you mean as TIFF")
    axes, dtype, samples = tiles[0].axes, np.dtype(tiles[0].dtype).base, tiles[0].shape[-1]
    if dtype.str[1:] not in _KINDS or samples not in (1, 3, 4):
        raise Unreadable(f"{dtype} pixels with {samples} samples; export it as TIFF with 8 or 16 bits")
    places: dict[str, list[int]] = {  # of all axes but those of the picture
        axis: sorted({tile.start[number] for tile in tiles}) for number, axis in enumerate(axes) if axis not in "YX0"
    }
    for tile in tiles:
        if any(size != 1 for axis, size in zip(axes, tile.shape, strict=True) if axis in places):
            raise Unreadable("tiles of several planes; export the plane that you mean as TIFF")
        check_size(tile.shape[axes.index("X")], tile.shape[axes.index("Y")])
    planes = {axis: len(found) for axis, found in places.items() if axis != "C"}
    channels = len(places.get("C", [0]))

    def read(plane: int, channel: int) -> Values:
        chosen = {"C": channel} | dict(zip(planes, np.unravel_index(plane, tuple(planes.values())), strict=True))
        wanted = {axes.index(axis): found[chosen[axis]] for axis, found in places.items()}
        own = [tile for tile in tiles if all(tile.start[number] == start for number, start in wanted.items())]
        picture = _assembled(own, axes)
        return picture[..., :3] if samples > 1 else picture[..., 0]

    bits, names, metres = _described(file.metadata())
    return Picture(
        dtype=dtype.newbyteorder("="),
        read=read,
        bits=bits if dtype.kind == "u" and bits and bits < 8 * dtype.itemsize else None,
        planes=math.prod(planes.values()),
        axes=axes_in_words("".join(planes), list(planes.values())),
        channels=names if len(names) == channels else ("",) * channels,
        colour=samples > 1,
        micrometres=of_a_microscope(metres * 1e6 if metres else None),
    )


def _assembled(tiles: list[Any], axes: str) -> Values:
    """The picture (H, W, samples) that the tiles of a plane make; of those that overlap the later ones are on top."""
    if not tiles:
        raise Unreadable("the plane that is chosen is missing in the file")
    y, x = axes.index("Y"), axes.index("X")
    top, left = min(tile.start[y] for tile in tiles), min(tile.start[x] for tile in tiles)
    bottom = max(tile.start[y] + tile.shape[y] for tile in tiles)
    right = max(tile.start[x] + tile.shape[x] for tile in tiles)
    check_size(right - left, bottom - top)
    whole = np.zeros((bottom - top, right - left, tiles[0].shape[-1]), np.dtype(tiles[0].dtype).base.newbyteorder("="))
    covered = np.zeros(whole.shape[:2], bool)
    for tile in sorted(tiles, key=lambda tile: tile.mosaic_index or 0):
        there = np.s_[tile.start[y] - top :, tile.start[x] - left :][:2]
        whole[there][: tile.shape[y], : tile.shape[x]] = _decoded(tile).reshape(tile.shape[y], tile.shape[x], -1)
        covered[there][: tile.shape[y], : tile.shape[x]] = True
    if not covered.all():
        raise Unreadable("a mosaic with gaps; export a part without gaps as TIFF")
    return whole


def _decoded(tile: Any) -> NDArray[Any]:
    """The values of a tile in its stored order, samples in red, green and blue."""
    dtype = np.dtype(tile.dtype).base
    expected = math.prod(tile.shape)
    segment = tile.data_segment()
    raw = segment.data(raw=True)
    if len(raw) < segment.data_size:
        raise Unreadable("the file is truncated")
    code = segment.directory_entry.compression
    if code == _JPEG_XR:
        place = np.empty((*tile.shape[tile.axes.index("Y") : -1], tile.shape[-1]), dtype)
        return jpegxr.decoded(raw, place)
    if code == _NONE:
        stream = raw
    elif code == _ZSTD:
        stream = imagecodecs.zstd_decode(raw, out=expected * dtype.itemsize + 1)
    elif code == _ZSTD_WITH_HEADER:
        stream = _after_header(raw, expected * dtype.itemsize)
    else:
        raise Unreadable(f"compressed by {_NAMES.get(code, f'a method with the number {code}')}; export it as TIFF")
    if len(stream) != expected * dtype.itemsize:
        raise Unreadable(f"the file is damaged: a tile has {len(stream)} bytes for {expected * dtype.itemsize}")
    values = np.frombuffer(stream, dtype).reshape(tile.shape)
    return values[..., [2, 1, 0, 3][: tile.shape[-1]]] if tile.shape[-1] > 1 else values


def _after_header(raw: bytes, size: int) -> bytes:
    """The bytes of a stream whose header says whether the upper bytes of 16-bit values follow all lower ones."""
    length = raw[0]
    if length not in (1, 3) or (length == 3 and raw[1] != 1):
        raise Unreadable("the file is damaged: a tile's zstd data have an unknown header")
    stream = bytes(imagecodecs.zstd_decode(raw[length:], out=size + 1))
    if length == 3 and raw[2] & 1:
        halves = np.frombuffer(stream, np.uint8)
        return np.ascontiguousarray(halves.reshape(2, -1).T).tobytes() if len(halves) % 2 == 0 else stream
    return stream


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
