"""BMP files: of every depth, by several writers."""

import struct
from itertools import pairwise

import cv2
import numpy as np
import pytest
from PIL import Image

from oral_cancer.data.reader import decode
from oral_cancer.formats.picture import Choice, Unreadable
from tests.formats.conftest import COLOURS, GREY, Reader, as_rgb
from tests.formats.files import Pixels, by_pillow, packed_bits


def bmp(body: bytes, bits: int, palette: Pixels | None = None, compression: int = 0, metre: int = 0) -> bytes:
    """A BMP of the size of `GREY`, its rows from below."""
    height, width = GREY.shape
    colours = b"" if palette is None else b"".join(bytes([*colour[::-1], 0]) for colour in palette)
    start = 54 + len(colours)
    used = 0 if palette is None else len(palette)
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(body), metre, metre, used, 0)
    return b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + head + colours + body


def rows(values: Pixels, bits: int) -> bytes:
    """Lines from below, each filled up to four bytes."""
    lines = packed_bits(bits)(values[::-1])
    each = len(lines) // len(values)
    return b"".join(lines[at : at + each] + bytes(-each % 4) for at in range(0, len(lines), each))


PALETTE = np.random.default_rng(0).integers(0, 256, (256, 3), np.uint8)


@pytest.mark.parametrize("bits", [1, 4, 8])
def test_palettes_by_hand(read: Reader, bits: int) -> None:
    values = GREY >> (8 - bits)
    palette = PALETTE[: 2**bits]
    data = bmp(rows(values, bits), bits, palette)
    np.testing.assert_array_equal(read(data), palette[values])
    np.testing.assert_array_equal(read(data), cv2.imdecode(np.frombuffer(data, np.uint8), 1)[..., ::-1])


def test_palettes_that_lack_colours_are_refused(read: Reader) -> None:
    with pytest.raises(Unreadable, match=rf"damaged: it uses colour {GREY.max()}, and its palette has 100$"):
        read(bmp(rows(GREY, 8), 8, PALETTE[:100]))


def test_kinds_that_are_not_read_are_not_called_truncated(read: Reader) -> None:
    with pytest.raises(Unreadable, match=r"a BMP of a kind that is not read.*\(.*compression.*\); export it as TIFF"):
        read(bmp(by_pillow(COLOURS, "PNG"), 24, compression=5))
    for length in (2, 13, 25):
        with pytest.raises(Unreadable, match=r"^the file is truncated$"):
            read(by_pillow(GREY, "BMP")[:length])


@pytest.mark.parametrize("bits", [24, 32])
def test_colours_by_hand(read: Reader, bits: int) -> None:
    stored = COLOURS[..., ::-1]
    stored = stored if bits == 24 else np.dstack([stored, np.zeros_like(GREY)])
    data = bmp(rows(stored, 8), bits)
    np.testing.assert_array_equal(read(data), COLOURS)
    np.testing.assert_array_equal(read(data), cv2.imdecode(np.frombuffer(data, np.uint8), 1)[..., ::-1])


def test_by_others(read: Reader) -> None:
    _, by_opencv = cv2.imencode(".bmp", COLOURS[..., ::-1])
    _, grey = cv2.imencode(".bmp", GREY)
    for data, expected in (
        (by_pillow(COLOURS, "BMP"), COLOURS),
        (by_pillow(np.dstack([COLOURS, GREY]), "BMP"), COLOURS),
        (by_opencv.tobytes(), COLOURS),
        (by_pillow(GREY, "BMP"), as_rgb(GREY)),
        (grey.tobytes(), as_rgb(GREY)),
    ):
        np.testing.assert_array_equal(read(data), expected)
    bits = Image.fromarray(GREY).point(lambda value: 255 * (value > 128), "1")
    np.testing.assert_array_equal(read(by_pillow(bits, "BMP")), as_rgb(np.asarray(bits).astype(np.uint8) * 255))
    quantized = Image.fromarray(COLOURS).quantize(200)
    np.testing.assert_array_equal(read(by_pillow(quantized, "BMP")), np.asarray(quantized.convert("RGB")))


def run_lengths(values: Pixels) -> bytes:
    """RLE8: pairs of a number and a value, each row with an end, and an end of all."""
    body = b""
    for row in values[::-1]:
        starts = [0, *(np.flatnonzero(np.diff(row)) + 1).tolist(), len(row)]
        body += b"".join(bytes([end - start, row[start]]) for start, end in pairwise(starts))
        body += b"\0\0"
    return body + b"\0\1"


def test_run_lengths(read: Reader) -> None:
    values = GREY >> 5 << 5
    data = bmp(run_lengths(values), 8, PALETTE, compression=1)
    np.testing.assert_array_equal(read(data), PALETTE[values])


def test_run_lengths_that_end_early_are_refused(read: Reader) -> None:
    values = GREY >> 5 << 5
    for body in (run_lengths(values[10:]), run_lengths(values)[:400]):
        with pytest.raises(Unreadable, match=r"truncated|damaged"):
            read(bmp(body, 8, PALETTE, compression=1))


def test_rows_from_above(read: Reader) -> None:
    data = bytearray(bmp(rows(COLOURS[::-1, :, ::-1], 8), 24))
    struct.pack_into("<i", data, 22, -GREY.shape[0])
    np.testing.assert_array_equal(read(bytes(data)), COLOURS)


@pytest.mark.parametrize(("metre", "expected"), [(2_000_000, 0.5), (2835, None), (0, None)])
def test_pixel_sizes(metre: int, expected: float | None) -> None:
    data = bmp(rows(COLOURS[..., ::-1], 8), 24, metre=metre)
    assert decode(data, Choice()).micrometres == (None if expected is None else pytest.approx(expected, rel=1e-3))


def test_files_of_another_length_are_refused(read: Reader) -> None:
    data = by_pillow(COLOURS, "BMP")
    with pytest.raises(Unreadable, match="truncated"):
        read(data[:-1])
    with pytest.raises(Unreadable, match="damaged: it says that it has"):
        read(data + b"\0")
    for length in (2, 10, 30, 53):
        with pytest.raises(Unreadable, match=r"truncated|damaged"):
            read(data[:length])


def test_a_file_that_says_nothing_of_its_length(read: Reader) -> None:
    data = by_pillow(COLOURS, "BMP")
    unsaid = data[:2] + bytes(4) + data[6:]
    np.testing.assert_array_equal(read(unsaid), COLOURS)
    with pytest.raises(Unreadable, match="truncated"):
        read(unsaid[:-200])


def test_a_size_that_is_too_large_is_refused(read: Reader) -> None:
    data = bytearray(by_pillow(COLOURS, "BMP"))
    struct.pack_into("<ii", data, 18, 30_000, 30_000)
    with pytest.raises(Unreadable, match="at most 40 million"):
        read(bytes(data))
