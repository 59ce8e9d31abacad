"""The pixels of one page of a TIFF file; whatever leaves too few or too many of them is a fault.

tifffile knows the structure and imagecodecs the compressions. Both put up with streams that are too long, tifffile with
images of another shape, and neither looks for damage in JPEG data, so the strips and tiles are gone through here.
"""

import math
import zlib
from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from tifffile import COMPRESSION, TiffFrame, TiffPage

from oral_cancer.formats import jpeg, jpeg2000, jpegxr, lzw, png, webp
from oral_cancer.formats.picture import Unreadable

_NONE, _LZW, _LZMA = 1, 5, 34925
_DEFLATE = (8, 32946, 50013)
_RGB, _YCBCR = 2, 6  # PhotometricInterpretation
_NO_PREDICTOR, _HORIZONTAL, _FLOATING_POINT = 1, 2, 3
_STREAMS: dict[int, Callable[..., Any]] = {  # compressions of bytes, whatever these are
    _LZW: imagecodecs.lzw_decode,
    **dict.fromkeys(_DEFLATE, imagecodecs.deflate_decode),
    32773: imagecodecs.packbits_decode,
    _LZMA: imagecodecs.lzma_decode,
    34926: imagecodecs.zstd_decode,
    50000: imagecodecs.zstd_decode,
}
_FAX = (2, 3, 4)
_JPEGS = (7, 34892)
_IMAGES: dict[int, Callable[..., Any]] = {  # compressions of pictures, which have a shape of their own
    22610: jpegxr.decoded,
    34934: jpegxr.decoded,
    33004: jpeg2000.decoded,
    33005: jpeg2000.decoded,
    34712: jpeg2000.decoded,
    34887: imagecodecs.lerc_decode,
    34927: webp.decoded,
    50001: webp.decoded,
    34933: png.decoded,
    50002: imagecodecs.jpegxl_decode,
    52546: imagecodecs.jpegxl_decode,
}
MOST_FILLING = 64
"""Bytes that programs add to a strip or tile without compression."""
REMEDY = "save it with LZW or without compression"


def refuse_compression(page: TiffPage) -> None:
    """Raise Unreadable, by name, for a compression, a predictor or colours that cannot be read with certainty."""
    code = int(page.compression)
    if code not in {_NONE, *_STREAMS, *_FAX, *_JPEGS, *_IMAGES}:
        raise Unreadable(f"compressed by {_compression(code)}, which is not read; {REMEDY}")
    if page.photometric == _YCBCR and code not in _JPEGS:
        raise Unreadable("YCbCr colours without JPEG compression; save it as RGB")
    if code in _JPEGS and page.bitspersample != 8:
        raise Unreadable(f"compressed by JPEG with {page.bitspersample} bits; {REMEDY}")
    contiguous = page.samplesperpixel if page.planarconfig == 1 else 1
    if code in _JPEGS and (contiguous, page.photometric in (_RGB, _YCBCR)) not in ((1, False), (3, True), (1, True)):
        raise Unreadable(f"{contiguous} samples a pixel compressed by JPEG; {REMEDY}")
    if code in {_NONE, *_STREAMS} and page.predictor != _NO_PREDICTOR:
        whole = page.dtype is not None and page.bitspersample == 8 * page.dtype.itemsize
        if page.predictor not in (_HORIZONTAL, _FLOATING_POINT) or not whole:
            what = f"predictor {int(page.predictor)} of {page.bitspersample} bits"
            raise Unreadable(f"{what}, which is not read; {REMEDY}")


def decode_page(page: TiffPage | TiffFrame, dtype: np.dtype[Any], data: bytes) -> NDArray[Any]:
    """The values of a page, as `page.shape` says, in the machine's byte order.

    Args:
        page: whose compression `refuse_compression` has passed.
        dtype: of the values.
        data: the whole file.

    Raises:
        Unreadable: with the reason.
    """
    key = _layout(page)
    separate, _, height, width, samples = key.shaped
    rows, columns = (key.tilelength, key.tilewidth) if key.is_tiled else (min(key.rowsperstrip, height), width)
    down, across = math.ceil(height / rows), math.ceil(width / columns)
    parts = _parts(page, separate * down * across, data)
    needed = [
        (min(rows, height - top), min(columns, width - left))
        for _ in range(separate)
        for top in range(0, height, rows)
        for left in range(0, width, columns)
    ]
    decoded = _streams if int(key.compression) in {_NONE, *_STREAMS} else _pictures
    values = decoded(page, dtype, parts, (rows, columns, samples), needed)
    values = values.reshape(separate, down, across, rows, columns, samples)
    values = values.swapaxes(2, 3).reshape(separate, down * rows, across * columns, samples)
    return values[:, :height, :width].reshape(key.shape)


def _layout(page: TiffPage | TiffFrame) -> TiffPage:
    """The page whose tags hold for all of its kind."""
    assert page.keyframe is not None
    return page.keyframe


def _parts(page: TiffPage | TiffFrame, count: int, data: bytes) -> list[memoryview]:
    """The bytes of each strip or tile."""
    if len(page.dataoffsets) < count or len(page.databytecounts) < count:
        raise Unreadable("the file is damaged: some of its strips or tiles are missing")
    view = memoryview(data)
    parts = []
    for start, length in zip(page.dataoffsets[:count], page.databytecounts[:count], strict=True):
        if not start or not length:
            raise Unreadable("the file is damaged: a strip or tile is empty")
        if start + length > len(view):
            raise Unreadable("the file is truncated")
        parts.append(view[start : start + length])
    return parts


def _streams(
    page: TiffPage | TiffFrame,
    dtype: np.dtype[Any],
    parts: list[memoryview],
    shape: tuple[int, int, int],
    needed: list[tuple[int, int]],
) -> NDArray[Any]:
    """The values of strips or tiles whose bytes are compressed, (number, *shape); what a strip lacks is zero.

    Args:
        page: whose parts they are.
        dtype: of the values.
        parts: the bytes of each.
        shape: rows, columns and samples.
        needed: rows and columns of each that lie on the page.
    """
    key = _layout(page)
    code, bits = int(key.compression), key.bitspersample
    line = math.ceil(shape[1] * shape[2] * bits / 8)
    room = shape[0] * line
    sizes = [room if key.is_tiled else tall * line for tall, _ in needed]
    if key.fillorder == 2:
        parts = [memoryview(imagecodecs.bitorder_decode(bytes(part))) for part in parts]
    # Each has its place; one byte too many reaches into the next place, or the spare one, and is written over.
    every = np.zeros(len(parts) * room + 1, np.uint8)
    numbers = list(range(len(parts)))
    if code == _LZW:
        whole = [number for number in numbers if sizes[number] == room]
        quick = lzw.decode_sound([parts[number] for number in whole], room)
        if quick is not None:
            every[:-1].reshape(-1, room)[whole] = quick
            numbers = [number for number in numbers if sizes[number] != room]
    for number in numbers:
        place = every[number * room : number * room + sizes[number] + 1]
        if code == _NONE:
            place[:-1] = _uncompressed(parts[number], sizes[number], room)
        else:
            _decompress(code, parts[number], place)
    return _values(key, dtype, every[:-1], (len(parts), *shape))


def _values(
    key: TiffPage, dtype: np.dtype[Any], stream: NDArray[np.uint8], shape: tuple[int, int, int, int]
) -> NDArray[Any]:
    """The values (number, rows, columns, samples) in the bytes of strips or tiles."""
    native, bits = dtype.newbyteorder("="), key.bitspersample
    if bits != 8 * dtype.itemsize:
        return np.asarray(imagecodecs.packints_decode(bytes(stream), native, bits, runlen=shape[2] * shape[3])).reshape(
            shape
        )
    values = stream.view(native).reshape(shape)
    if key.predictor == _FLOATING_POINT:  # whose bytes have an order of their own
        return np.asarray(imagecodecs.floatpred_decode(values, axis=-2))
    if not dtype.newbyteorder(key.parent.byteorder).isnative:
        values.byteswap(inplace=True)
    return np.asarray(imagecodecs.delta_decode(values, axis=-2, out=values)) if key.predictor == _HORIZONTAL else values


def _uncompressed(part: memoryview, size: int, most: int) -> NDArray[np.uint8]:
    """The first `size` bytes of a part; that of the last strip may be as long as the others, which have `most`."""
    if not size <= len(part) <= most + MOST_FILLING:
        raise Unreadable(f"the file is damaged: a strip or tile has {len(part)} bytes for {size}")
    return np.frombuffer(part[:size], np.uint8)


def _decompress(code: int, part: memoryview, place: NDArray[np.uint8]) -> None:
    """Fill a place but for its last byte; Unreadable for a stream that is damaged, or holds more or fewer bytes."""
    try:
        found = _STREAMS[code](part, out=place)
    except Exception as error:  # each codec has its own kind
        raise _damaged(code, error) from error
    if len(found) != len(place) - 1:
        raise _of_another_size(code, more=len(found) >= len(place))
    if code in _DEFLATE or code == _LZMA:  # whose decoders pass over what follows
        end = zlib.adler32(found).to_bytes(4, "big") if code in _DEFLATE else b"YZ"
        if not bytes(part[-64:]).rstrip(b"\0").endswith(end.rstrip(b"\0")):
            raise Unreadable(f"the file is damaged: its {_compression(code)} data go on after their end")


def _pictures(
    page: TiffPage | TiffFrame,
    dtype: np.dtype[Any],
    parts: list[memoryview],
    shape: tuple[int, int, int],
    needed: list[tuple[int, int]],
) -> NDArray[Any]:
    """As `_streams`, of strips or tiles that are pictures with a shape of their own."""
    key = _layout(page)
    code = int(key.compression)
    every = np.zeros((len(parts), *shape), dtype.newbyteorder("="))
    for number, (part, (tall, wide)) in enumerate(zip(parts, needed, strict=True)):
        try:
            if code in _FAX:
                values = np.asarray(np.asarray(key.decode(bytes(part), number)[0])[0], np.uint8)
            elif code in _JPEGS:
                values = _jpeg(page, number, bytes(part), shape[0])
            else:
                values = _image(code, bytes(part), every[number], (tall, wide))
        except Unreadable:
            raise
        except Exception as error:  # each codec has its own kind
            raise _damaged(code, error) from error
        rows, columns = values.shape[:2]
        if not (tall <= rows <= shape[0] and wide <= columns <= shape[1]):
            raise _of_another_size(code, more=rows >= tall and columns >= wide)
        every[number, :rows, :columns] = values
    return every


def _image(code: int, part: bytes, place: NDArray[Any], needed: tuple[int, int]) -> NDArray[Any]:
    """The values of a part as large as its place or as what is needed of it; a larger one is not even decoded."""
    rows, columns, samples = place.shape
    fault = ValueError()
    for size in dict.fromkeys(((rows, columns), needed, (needed[0], columns), (rows, needed[1]))):
        try:
            out = np.empty((*size, samples), place.dtype)
            return np.asarray(_IMAGES[code](part, out=out)).reshape(out.shape)
        except Unreadable:
            raise
        except ValueError as error:  # of another shape, or type
            fault = error
    raise fault


def _jpeg(page: TiffPage | TiffFrame, number: int, part: bytes, most: int) -> NDArray[np.uint8]:
    """The pixels of a part that is a JPEG of `most` rows.

    They are tifffile's, which knows of colours, but passes over damage and another shape.
    """
    tables = page.jpegtables
    strictly = jpeg.decoded(tables[:-2] + part[2:] if tables else part)
    values = np.asarray(np.asarray(_layout(page).decode(part, number, jpegtables=tables)[0])[0], np.uint8)
    rows, columns = values.shape[:2]
    cut = rows < strictly.shape[0] <= most and columns == strictly.shape[1]  # as the last strip may be
    return values if cut or strictly.shape[:2] == (rows, columns) else strictly.reshape(*strictly.shape[:2], -1)


def _damaged(code: int, error: Exception) -> Unreadable:
    said = " ".join(str(error).split())
    return Unreadable(f"the file is damaged: its {_compression(code)} data do not decode ({said})")


def _of_another_size(code: int, more: bool) -> Unreadable:
    what = "more" if more else "fewer"
    return Unreadable(f"the file is damaged: its {_compression(code)} data hold {what} pixels than the image has")


def _compression(code: int) -> str:
    names = {kind.value: kind.name for kind in COMPRESSION}
    return f"{names[code]} (tag 259 = {code})" if code in names else f"a method with the number {code} (tag 259)"
