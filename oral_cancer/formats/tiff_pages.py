"""The pixels of one page of a TIFF file; whatever leaves too few or too many of them is a fault.

tifffile knows the structure and imagecodecs the compressions. Both put up with streams that are too long, and neither
looks for damage in JPEG data, so the strips and tiles are gone through here.
"""

import math
from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from tifffile import COMPRESSION, TiffFrame, TiffPage

from oral_cancer.formats import jpeg
from oral_cancer.formats.picture import Unreadable

_NONE, _JPEG = 1, 7
_YCBCR = 6  # PhotometricInterpretation
_PREDICTORS: dict[int, Callable[..., Any] | None] = {
    1: None,
    2: imagecodecs.delta_decode,
    3: imagecodecs.floatpred_decode,
}
_STREAMS: dict[int, Callable[..., Any]] = {  # compressions of bytes, whatever these are
    5: imagecodecs.lzw_decode,
    8: imagecodecs.deflate_decode,
    32946: imagecodecs.deflate_decode,
    50013: imagecodecs.deflate_decode,
    32773: imagecodecs.packbits_decode,
    34925: imagecodecs.lzma_decode,
    34926: imagecodecs.zstd_decode,
    50000: imagecodecs.zstd_decode,
}
_IMAGES = {2, 3, 4, 7, 22610, 33004, 33005, 34712, 34887, 34892, 34927, 34933, 34934, 50001, 50002, 52546}
"""Compressions of images, which tifffile and imagecodecs read."""
REMEDY = "save it with LZW or without compression"


def refuse_compression(page: TiffPage) -> None:
    """Raise Unreadable, by name, for a compression, a predictor or colours that cannot be read with certainty."""
    code = int(page.compression)
    if code not in {_NONE, *_STREAMS, *_IMAGES}:
        raise Unreadable(f"compressed by {_compression(code)}, which is not read; {REMEDY}")
    if page.photometric == _YCBCR and code in {_NONE, *_STREAMS}:
        raise Unreadable("YCbCr colours without JPEG compression; save it as RGB")
    if code == _JPEG and page.bitspersample != 8:
        raise Unreadable(f"compressed by JPEG with {page.bitspersample} bits; {REMEDY}")
    if code not in _IMAGES and page.predictor not in _PREDICTORS:
        raise Unreadable(f"predictor {int(page.predictor)}, which is not read; {REMEDY}")


def decode_page(page: TiffPage | TiffFrame, dtype: np.dtype[Any], data: bytes) -> NDArray[Any]:
    """The values of a page, as `page.shape` says, in the machine's byte order.

    Args:
        page: whose compression `refuse_compression` has passed.
        dtype: of the values.
        data: the whole file.

    Raises:
        Unreadable: with the reason.
    """
    key = page.keyframe
    separate, _, height, width, samples = key.shaped
    rows, columns = (key.tilelength, key.tilewidth) if key.is_tiled else (min(key.rowsperstrip, height), width)
    grid = [
        (plane, top, left)
        for plane in range(separate)
        for top in range(0, height, rows)
        for left in range(0, width, columns)
    ]
    if len(page.dataoffsets) < len(grid) or len(page.databytecounts) < len(grid):
        raise Unreadable("the file is damaged: some of its strips or tiles are missing")
    values = np.empty((separate, height, width, samples), dtype.newbyteorder("="))
    for number, (plane, top, left) in enumerate(grid):
        tall = rows if key.is_tiled else min(rows, height - top)
        part = _segment(page, number, dtype, data, (tall, columns, samples))
        room = values[plane, top : top + tall, left : left + columns]
        room[...] = part[: room.shape[0], : room.shape[1]]
    return values.reshape(key.shape)


def _segment(
    page: TiffPage | TiffFrame, number: int, dtype: np.dtype[Any], data: bytes, shape: tuple[int, int, int]
) -> NDArray[Any]:
    """A strip or a tile, (rows, columns, samples)."""
    key = page.keyframe
    start, length = page.dataoffsets[number], page.databytecounts[number]
    if not start or not length:
        raise Unreadable("the file is damaged: a strip or tile is empty")
    if start + length > len(data):
        raise Unreadable("the file is truncated")
    raw = data[start : start + length]
    code = int(key.compression)
    if code in _IMAGES:
        return _image(page, number, raw, shape)
    if key.fillorder == 2:
        raw = imagecodecs.bitorder_decode(raw)
    bits = key.bitspersample
    expected = shape[0] * math.ceil(shape[1] * shape[2] * bits / 8)
    if code == _NONE:
        if length < expected:
            raise Unreadable(f"the file is damaged: a strip or tile has {length} bytes for {expected}")
        stream: Any = raw[:expected]
    else:
        stream = _decompressed(code, raw, expected)
    if bits != 8 * dtype.itemsize:
        whole = imagecodecs.packints_decode(stream, dtype.newbyteorder("="), bits, runlen=shape[1] * shape[2])
        return np.asarray(whole).reshape(shape)
    undo = _PREDICTORS[key.predictor]
    values = np.frombuffer(stream, dtype.newbyteorder(key.parent.byteorder)).reshape(shape)
    if undo is imagecodecs.floatpred_decode:
        return np.asarray(undo(values, axis=-2))
    values = values.astype(dtype.newbyteorder("="), copy=undo is not None)
    return np.asarray(undo(values, axis=-2, out=values)) if undo else values


def _decompressed(code: int, raw: bytes, expected: int) -> bytes:
    """A stream's bytes; Unreadable for one that is damaged, or holds more or fewer than expected."""
    try:
        stream = bytes(_STREAMS[code](raw, out=expected + 1))
    except Exception as error:  # each codec has its own kind
        said = f": its {_compression(code)} data do not decode"
        raise Unreadable(f"the file is damaged{said} ({' '.join(str(error).split())})") from error
    if len(stream) != expected:
        more = "more" if len(stream) > expected else "fewer"
        raise Unreadable(f"the file is damaged: its {_compression(code)} data hold {more} pixels than the image has")
    return stream


def _image(page: TiffPage | TiffFrame, number: int, raw: bytes, shape: tuple[int, int, int]) -> NDArray[Any]:
    key = page.keyframe
    code = int(key.compression)
    if code == _JPEG:
        tables = page.jpegtables
        jpeg.decoded(tables[:-2] + raw[2:] if tables else raw)  # tifffile's decoder passes over damage
    try:
        values, _, _ = key.decode(raw, number, jpegtables=page.jpegtables, jpegheader=key.jpegheader)
    except Exception as error:  # each codec has its own kind
        said = " ".join(str(error).split())
        raise Unreadable(f"the file is damaged: its {_compression(code)} data do not decode ({said})") from error
    return np.asarray(values).reshape(values.shape[-3:])


def _compression(code: int) -> str:
    names = {kind.value: kind.name for kind in COMPRESSION}
    return f"{names[code]} (tag 259 = {code})" if code in names else f"a method with the number {code} (tag 259)"
