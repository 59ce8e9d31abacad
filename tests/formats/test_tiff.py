"""Kinds of pixels and of structure in TIFF files, by several writers and as others read them."""

import io
import re
import struct
from typing import Any

import cv2
import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from oral_cancer.data.reader import decode
from oral_cancer.formats.picture import Choice, Unreadable
from tests.formats.conftest import COLOURS, GREY, Reader, as_rgb, drawn
from tests.formats.files import (
    BLACK_IS_ZERO,
    CMYK,
    EXTRA,
    LAB,
    ORIENTATION,
    PALETTE,
    PALETTE_TAG,
    RGB,
    SAMPLE_FORMAT,
    WHITE_IS_ZERO,
    Pixels,
    Tags,
    by_hand,
    by_pillow,
    by_tifffile,
    compressed,
    packed_bits,
    text,
)

MICRO_MANAGER, MAX_SAMPLE = 51123, 281
LAYOUTS: list[dict[str, Any]] = [{}, {"rows": 7}, {"tile": (16, 32)}, {"tile": (64, 48)}]


def micrometres(data: bytes) -> float | None:
    return decode(data, Choice()).micrometres


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("dtype", ["<u1", "<u2", ">u2"])
def test_plain_pixels(read: Reader, dtype: str, planar: bool, big: bool, layout: dict[str, Any]) -> None:
    values = COLOURS.astype(dtype) * (257 if dtype[1:] == "u2" else 1)
    data = by_hand(values, photometric=RGB, planar=planar, big=big, **layout)
    np.testing.assert_array_equal(decode(data, Choice()).values, values)
    np.testing.assert_array_equal(read(data), COLOURS)
    np.testing.assert_array_equal(read(by_hand(values[..., 1], big=big, **layout)), as_rgb(COLOURS[..., 1]))


@pytest.mark.parametrize("layout", [{}, {"rowsperstrip": 9}, {"tile": (16, 16)}, {"tile": (32, 48)}], ids=str)
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("separate", [False, True])
def test_by_tifffile(read: Reader, separate: bool, order: str, layout: dict[str, Any]) -> None:
    for values in (COLOURS, COLOURS.astype(np.uint16) * 257):
        stored = np.moveaxis(values, -1, 0) if separate else values
        kind = "separate" if separate else "contig"
        data = by_tifffile(
            stored, photometric="rgb", planarconfig=kind, byteorder=order, bigtiff=order == ">", **layout
        )
        np.testing.assert_array_equal(decode(data, Choice()).values, values)
        np.testing.assert_array_equal(read(data), COLOURS)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 10, 12, 14, 16])
@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_packed_bits_declare_their_depth(read: Reader, bits: int, layout: dict[str, Any]) -> None:
    values = ((COLOURS.astype(np.uint32) * 257) >> (16 - bits)).astype(np.uint8 if bits <= 8 else np.uint16)
    expected = np.rint(values * 255.0 / (2**bits - 1))
    if bits not in (8, 16):
        data = by_hand(values, packed_bits(bits), bits=bits, photometric=RGB, **layout)
        np.testing.assert_array_equal(read(data), expected)
    grey = by_hand(values[..., 0], packed_bits(bits), bits=bits, **layout) if bits not in (8, 16) else None
    if grey:
        np.testing.assert_array_equal(decode(grey, Choice()).values, values[..., 0])
        np.testing.assert_array_equal(read(grey), as_rgb(expected[..., 0]))
        np.testing.assert_array_equal(decode(grey, Choice()).values, tifffile.imread(io.BytesIO(grey)))


@pytest.mark.parametrize("bits", [9, 10, 12, 14])
def test_packed_bits_in_streams(bits: int) -> None:
    values = GREY.astype(np.uint16) << (bits - 8)
    stream = packed_bits(bits)
    data = by_hand(
        values, lambda part: bytes(imagecodecs.lzw_encode(stream(part))), bits=bits, rows=9, tags=compressed(5)
    )
    np.testing.assert_array_equal(decode(data, Choice()).values, values)
    assert decode(data, Choice()).measured.bits == bits


def test_one_bit_by_pillow(read: Reader) -> None:
    bits = Image.fromarray(GREY).point(lambda value: 255 * (value > 128), "1")
    for compression in (None, "tiff_lzw", "packbits", "group4"):
        data = by_pillow(bits, compression=compression)
        np.testing.assert_array_equal(read(data), as_rgb(np.asarray(bits).astype(np.uint8) * 255))


DECLARED = {
    "largest value": {MAX_SAMPLE: ("H", [2**12 - 1])},
    "Micro-Manager": {MICRO_MANAGER: text('{"BitDepth": 12, "PixelSizeUm": 0.65}')},
    "Micro-Manager of a camera": {MICRO_MANAGER: text('{"Camera-1-BitDepth": "12"}')},
}


@pytest.mark.parametrize("kind", DECLARED)
@pytest.mark.parametrize("order", "<>")
def test_depths_that_are_declared(read: Reader, kind: str, order: str) -> None:
    values = (GREY // 2).astype(order + "u2") * 16  # at most 2040, which undeclared would be 11 bits
    np.testing.assert_array_equal(read(by_hand(values, tags=DECLARED[kind])), as_rgb(np.rint(values / 4095 * 255)))


@pytest.mark.parametrize(("bits", "top"), [(12, 4095), (12.0, 4095), (10, 1023), (16, 65535)])
def test_depths_that_ome_declares(read: Reader, bits: float, top: int) -> None:
    values = GREY.astype(np.uint16) * 3
    data = by_tifffile(values, ome=True, metadata={"axes": "YX", "SignificantBits": bits})
    undeclared = 1023  # of 16 bits: writers say so of whatever has 16
    np.testing.assert_array_equal(read(data), as_rgb(np.rint(values / (top if bits < 16 else undeclared) * 255)))


@pytest.mark.parametrize(
    "tags",
    [
        {MAX_SAMPLE: ("H", [3000])},  # the largest value that there is
        {MAX_SAMPLE: ("H", [65535])},
        {MAX_SAMPLE: ("H", [1])},
        {MICRO_MANAGER: text('{"BitDepth": 16}')},
        {MICRO_MANAGER: text('{"BitDepth": "many"}')},
        {MICRO_MANAGER: text("{nonsense")},
    ],
)
def test_what_declares_nothing(read: Reader, tags: Tags) -> None:
    values = GREY.astype(np.uint16) * 4
    np.testing.assert_array_equal(read(by_hand(values, tags=tags)), as_rgb(np.rint(values / 1023 * 255)))


def test_values_beyond_the_depth_that_is_declared_are_refused(read: Reader) -> None:
    with pytest.raises(Unreadable, match=r"declares 10 bits, and has values up to \d+; give source.range"):
        read(by_hand(GREY.astype(np.uint16) * 16, tags={MAX_SAMPLE: ("H", [1023])}))


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("offset", [0, 2**15])
def test_depths_that_are_not_declared(read: Reader, bits: int, offset: int) -> None:
    if bits == 16 and offset:
        pytest.skip("has no room")
    values = np.round(GREY.astype(float) * (2**bits - 1) / GREY.max()).astype(np.uint16)
    for data in (by_hand(values + np.uint16(offset)), by_tifffile(values + np.uint16(offset), compression="zlib")):
        np.testing.assert_array_equal(read(data), as_rgb(np.rint(values * 255.0 / (2**bits - 1))))


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("dtype", ["u1", "u2", ">u2"])
def test_inverted_grey(read: Reader, dtype: str, layout: dict[str, Any]) -> None:
    values = GREY.astype(dtype) * (257 if dtype != "u1" else 1)
    expected = as_rgb(255 - GREY)
    np.testing.assert_array_equal(read(by_hand(values, photometric=WHITE_IS_ZERO, **layout)), expected)
    if dtype != ">u2":
        np.testing.assert_array_equal(read(by_tifffile(values, photometric="miniswhite")), expected)


def test_inverted_12_bits(read: Reader) -> None:
    values = GREY.astype(np.uint16) * 16
    shown = np.rint(values / 4095 * 255)
    np.testing.assert_array_equal(read(by_hand(values, photometric=WHITE_IS_ZERO)), as_rgb(255 - shown))


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientations(read: Reader, orientation: int, layout: dict[str, Any]) -> None:
    data = by_hand(COLOURS, photometric=RGB, tags={ORIENTATION: ("H", [orientation])}, **layout)
    with Image.open(io.BytesIO(by_pillow(COLOURS, tiffinfo={ORIENTATION: orientation}))) as image:
        by_others = np.asarray(ImageOps.exif_transpose(image))
    by_numpy = {
        1: COLOURS,
        2: COLOURS[:, ::-1],
        3: np.rot90(COLOURS, 2),
        4: COLOURS[::-1],
        5: COLOURS.swapaxes(0, 1),
        6: np.rot90(COLOURS, -1),
        7: np.rot90(COLOURS, 2).swapaxes(0, 1),
        8: np.rot90(COLOURS),
    }[orientation]
    np.testing.assert_array_equal(by_others, by_numpy)
    np.testing.assert_array_equal(read(data), by_numpy)


@pytest.mark.parametrize("orientation", [0, 9, 99])
def test_orientations_that_there_are_not(read: Reader, orientation: int) -> None:
    np.testing.assert_array_equal(read(by_hand(GREY, tags={ORIENTATION: ("H", [orientation])})), as_rgb(GREY))


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("scale", [257, 1])
def test_palettes(read: Reader, bits: int, scale: int) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (3, 2**bits), np.uint16)
    colours[:, 0] = 255  # so that a palette of 8 bits by mistake is told from one of 16
    values = GREY >> (8 - bits)
    tags: Tags = {PALETTE_TAG: ("H", (colours * scale).ravel().tolist())}
    data = by_hand(values, packed_bits(bits), bits=bits, photometric=PALETTE, tags=tags, rows=9)
    np.testing.assert_array_equal(read(data), np.moveaxis(colours[:, values], 0, -1))


def test_palettes_by_pillow(read: Reader) -> None:
    image = Image.fromarray(COLOURS).quantize(40)
    np.testing.assert_array_equal(read(by_pillow(image)), np.asarray(image.convert("RGB")))
    np.testing.assert_array_equal(read(by_pillow(image, compression="tiff_lzw")), np.asarray(image.convert("RGB")))


def test_alpha_of_palettes_is_left_out(read: Reader) -> None:
    image = Image.fromarray(COLOURS).quantize(40)
    np.testing.assert_array_equal(read(by_pillow(image.convert("PA"))), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("colours", [0, 100])
def test_palettes_that_lack_colours_are_refused(read: Reader, colours: int) -> None:
    tags: Tags = {PALETTE_TAG: ("H", list(range(3 * colours)))} if colours else {}
    with pytest.raises(Unreadable, match=rf"damaged: it uses colour {GREY.max()}, and its palette has {colours}$"):
        read(by_hand(GREY, photometric=PALETTE, tags=tags))


@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_an_undefined_sample_format_is_taken_as_unsigned(read: Reader, dtype: str) -> None:
    values = GREY.astype(dtype) * (257 if dtype == "u2" else 1)
    for layout in LAYOUTS:
        np.testing.assert_array_equal(read(by_hand(values, tags={SAMPLE_FORMAT: ("H", [4])}, **layout)), as_rgb(GREY))
    data = by_hand(COLOURS, photometric=RGB, tags={SAMPLE_FORMAT: ("H", [4, 4, 4])})
    np.testing.assert_array_equal(read(data), COLOURS)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i1", "i2", "i4", "u4"])
@pytest.mark.parametrize("order", "<>")
def test_types_that_need_a_range(read: Reader, dtype: str, order: str) -> None:
    values = (GREY.astype(np.float64) - 100 * (dtype[0] == "i")).clip(-100, 127).astype(order + dtype)
    for data in (by_tifffile(values, byteorder=order), by_tifffile(values, compression="zlib", tile=(16, 16))):
        np.testing.assert_array_equal(decode(data, Choice()).values, values)
        low, high = (f"{float(end):g}" for end in (values.min(), values.max()))
        name = np.dtype(dtype).name
        with pytest.raises(Unreadable, match=rf"{name} pixels, {re.escape(low)} to {high}: source.range="):
            read(data)


def test_what_is_no_number_is_refused(read: Reader) -> None:
    for bad in (np.nan, np.inf):
        values = GREY.astype(np.float32)
        values[3, 4] = bad
        with pytest.raises(Unreadable, match="float32 pixels of which some are infinite or no number"):
            read(by_tifffile(values))


@pytest.mark.parametrize("samples", [1, 3, 4])
def test_no_photometric_tag(read: Reader, samples: int) -> None:
    values = {1: GREY, 3: COLOURS, 4: np.dstack([COLOURS, GREY])}[samples]
    expected = as_rgb(GREY) if samples == 1 else COLOURS
    for layout in LAYOUTS:
        np.testing.assert_array_equal(read(by_hand(values, photometric=None, **layout)), expected)


@pytest.mark.parametrize("extra", [0, 1, 2])
@pytest.mark.parametrize("planar", [False, True])
def test_alpha_is_left_out(read: Reader, extra: int, planar: bool) -> None:
    values = np.dstack([COLOURS, np.full_like(GREY, 77)])
    data = by_hand(values, photometric=RGB, planar=planar, tags={EXTRA: ("H", [extra])})
    np.testing.assert_array_equal(read(data), COLOURS)


def test_alpha_of_grey_is_left_out(read: Reader) -> None:
    for extra in (1, 2):
        data = by_hand(np.dstack([GREY, GREY[::-1]]), tags={EXTRA: ("H", [extra])})
        np.testing.assert_array_equal(read(data), as_rgb(GREY))
    data = by_hand(np.dstack([GREY, GREY[::-1]]), tags={EXTRA: ("H", [0])})
    with pytest.raises(Unreadable, match="2 channels"):
        read(data)
    np.testing.assert_array_equal(read(data, channels=(1,)), as_rgb(GREY[::-1]))


def test_alpha_by_others(read: Reader) -> None:
    values = np.dstack([COLOURS, np.full_like(GREY, 77)])
    np.testing.assert_array_equal(read(by_pillow(values)), COLOURS)
    np.testing.assert_array_equal(read(by_pillow(Image.fromarray(GREY).convert("LA"))), as_rgb(GREY))
    _, data = cv2.imencode(".tif", values[..., [2, 1, 0, 3]])
    np.testing.assert_array_equal(read(data.tobytes()), COLOURS)
    data = by_tifffile(
        values, photometric="rgb", extrasamples=["unassalpha"], compression="webp", compressionargs={"lossless": True}
    )
    np.testing.assert_array_equal(read(data), COLOURS)


def test_more_samples_than_rgb_are_refused(read: Reader) -> None:
    data = by_tifffile(np.dstack([COLOURS, GREY, GREY]), photometric="rgb", planarconfig="contig")
    with pytest.raises(Unreadable, match="RGB with 5 samples a pixel"):
        read(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (by_hand(np.dstack([COLOURS, GREY]), photometric=CMYK), "neither grey nor RGB but SEPARATED"),
        (by_hand(COLOURS, photometric=LAB), "neither grey nor RGB but CIELAB"),
        (by_tifffile(GREY.astype(np.complex64)), "complex64 pixels"),
        (by_hand(COLOURS, photometric=RGB, tags={258: ("H", [5, 6, 5])}), "5 and 6 and 5 bits"),
        (
            by_tifffile(np.zeros((4, 16, 16), np.uint8), photometric="minisblack", volumetric=True, tile=(4, 16, 16)),
            "volume",
        ),
    ],
    ids=["CMYK", "Lab", "complex", "5 6 5 bits", "volume"],
)
def test_what_is_refused(read: Reader, data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read(data)


def pages(*images: tuple[Pixels, dict[str, Any]]) -> bytes:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for values, options in images:
            writer.write(values, **{"metadata": None, "photometric": "rgb" if values.ndim == 3 else None} | options)
    return file.getvalue()


def smaller(values: Pixels, by: int = 2) -> Pixels:
    return np.asarray(cv2.resize(values, (values.shape[1] // by, values.shape[0] // by), interpolation=cv2.INTER_AREA))


@pytest.mark.parametrize("tile", [None, (16, 16)])
@pytest.mark.parametrize("flagged", [False, True])
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize(
    "thumbnail",
    [smaller(COLOURS), smaller(COLOURS, 4), COLOURS[::2, ::2], smaller(cv2.cvtColor(COLOURS, cv2.COLOR_RGB2GRAY))],
    ids=["half", "quarter", "every second", "grey"],
)
def test_a_thumbnail_is_no_page(
    read: Reader, thumbnail: Pixels, first: bool, flagged: bool, tile: tuple[int, int] | None
) -> None:
    small = (thumbnail, {"subfiletype": 1} if flagged else {})
    images = [small, (COLOURS, {"tile": tile})] if first else [(COLOURS, {"tile": tile}), small]
    np.testing.assert_array_equal(read(pages(*images)), COLOURS)


def test_pyramids(read: Reader) -> None:
    levels = [(smaller(COLOURS, by), {"tile": (16, 16), "subfiletype": 1}) for by in (2, 4)]
    np.testing.assert_array_equal(read(pages((COLOURS, {"tile": (16, 16)}), *levels)), COLOURS)
    np.testing.assert_array_equal(read(pages((COLOURS, {"subifds": 2}), *levels)), COLOURS)
    ome = io.BytesIO()
    with tifffile.TiffWriter(ome, ome=True) as writer:
        writer.write(COLOURS, subifds=1, photometric="rgb")
        writer.write(smaller(COLOURS), subfiletype=1, photometric="rgb")
    np.testing.assert_array_equal(read(ome.getvalue()), COLOURS)


@pytest.mark.parametrize(
    "another",
    [GREY[:40], GREY[:40, :40], smaller(drawn(3)), smaller(drawn(4), 4), GREY.astype(np.uint16)],
    ids=["lower", "square", "half the size", "a quarter", "of another type"],
)
def test_two_images_in_one_file_are_refused(read: Reader, another: Pixels) -> None:
    for images in (((GREY, {}), (another, {})), ((another, {}), (GREY, {}))):
        with pytest.raises(Unreadable, match=r"2 images in one file \(.* x .*save the one that you mean"):
            read(pages(*images))


def test_an_image_behind_its_thumbnail(read: Reader) -> None:
    data = pages((smaller(COLOURS), {"subifds": 1, "subfiletype": 1}), (COLOURS, {}))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        assert len(file.pages) == 1
    np.testing.assert_array_equal(read(data), COLOURS)


def chained(first_link: int) -> bytes:
    """Two pages, the link from the first of which is another."""
    data = bytearray(pages((GREY, {}), (GREY, {})))
    (at,) = struct.unpack_from("<I", data, 4)
    (tags,) = struct.unpack_from("<H", data, at)
    struct.pack_into("<I", data, at + 2 + 12 * tags, first_link)
    return bytes(data)


@pytest.mark.parametrize(
    ("link", "reason"),
    [(8, "circle"), (10**6, "truncated: it refers to a page that is missing"), (200, r"damaged|truncated")],
)
def test_broken_chains_of_pages_are_refused(read: Reader, link: int, reason: str) -> None:
    assert len(chained(0)) > 200
    np.testing.assert_array_equal(read(chained(0)), as_rgb(GREY))
    with pytest.raises(Unreadable, match=reason):
        read(chained(link))


@pytest.mark.parametrize(
    "data", [b"II*\0", b"II*\0\0\0\0\0", b"MM\0*\0\0\0\x08\0\0\0\0", b"II+\0\x08\0\0\0" + bytes(8)]
)
def test_files_without_a_page_are_refused(read: Reader, data: bytes) -> None:
    with pytest.raises(Unreadable, match=r"truncated|damaged"):
        read(data)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({282: ("RATIO", [20000, 1]), 296: ("H", [3])}, 0.5),
        ({282: ("RATIO", [25400, 1]), 296: ("H", [2])}, 1.0),
        ({282: ("RATIO", [25400, 1])}, 1.0),
        ({282: ("RATIO", [72, 1]), 296: ("H", [2])}, None),
        ({282: ("RATIO", [300, 1]), 296: ("H", [2])}, None),
        ({282: ("RATIO", [1200, 1]), 296: ("H", [2])}, None),
        ({282: ("RATIO", [20000, 1]), 296: ("H", [1])}, None),
        ({282: ("RATIO", [2000, 1]), 296: ("H", [4])}, 0.5),
        ({282: ("RATIO", [2, 1]), 296: ("H", [5])}, 0.5),
        ({282: ("RATIO", [0, 1]), 296: ("H", [3])}, None),
        ({282: ("RATIO", [1, 0]), 296: ("H", [3])}, None),
        ({MICRO_MANAGER: text('{"PixelSizeUm": 0.65}'), 282: ("RATIO", [72, 1])}, 0.65),
        ({MICRO_MANAGER: text('{"PixelSizeUm": 0}')}, None),
    ],
)
def test_pixel_sizes(tags: Tags, expected: float | None) -> None:
    assert micrometres(by_hand(GREY, tags=tags)) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        *(("um", 1), ("\\u00B5m", 1), ("micron", 1), ("Micron", 1), ("micrometers", 1), ("Micrometre", 1)),
        *(("nm", 1e-3), ("mm", 1e3), ("inch", 25400), ("pixel", None), ("Mm", None)),
    ],
)
def test_pixel_sizes_by_imagej(unit: str, factor: float | None) -> None:
    size = 0.25 / (factor or 1)
    data = by_tifffile(GREY, imagej=True, resolution=(1 / size, 1 / size), metadata={"unit": unit})
    assert micrometres(data) == (None if factor is None else pytest.approx(0.25, rel=1e-3))


@pytest.mark.parametrize(("unit", "size", "expected"), [("µm", 0.325, 0.325), ("nm", 325, 0.325), ("mm", 1, None)])
def test_pixel_sizes_by_ome(unit: str, size: float, expected: float | None) -> None:
    metadata = {"axes": "YX", "PhysicalSizeX": size, "PhysicalSizeXUnit": unit}
    assert micrometres(by_tifffile(GREY, ome=True, metadata=metadata)) == expected


def test_bytes_in_two_orders_give_the_same(read: Reader) -> None:
    """And a photometric tag of grey with colours, which is channels, not a picture in colours."""
    for order in "<>":
        data = by_hand(COLOURS.astype(order + "u2") * 257, photometric=BLACK_IS_ZERO, planar=True, rows=9)
        with pytest.raises(Unreadable, match="3 channels"):
            read(data)
        np.testing.assert_array_equal(read(data, channels=(2, 0, 1)), COLOURS[..., [2, 0, 1]])


SEVERAL = (np.dtype("<u1"), np.dtype("<u2"), np.dtype(">u2"))


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("dtype", SEVERAL, ids=str)
def test_tags_whose_values_are_missing_are_noticed(read: Reader, dtype: np.dtype[Any], big: bool) -> None:
    """tifffile takes defaults for them, such as 1 bit for 8 or 16."""
    data = by_hand(COLOURS.astype(dtype), photometric=RGB, big=big, rows=20, tags={270: text("words " * 9)})
    order = ">" if dtype.byteorder == ">" else "<"
    for tag, kind in ((258, 3), (270, 2), (273, 4), (279, 4)):
        at = data.index(struct.pack(order + "HH", tag, kind))
        count = data[at + 4 : at + (12 if big else 8)]
        for place, reason in (
            (at + 4 + len(count), "truncated: the value of its tag"),
            (at + 2, "of the unknown kind"),
        ):
            size = 2 if place == at + 2 else len(count)
            harmed = data[:place] + b"\x7f" * size + data[place + size :]
            if not (big and tag == 258 and place != at + 2):  # which has room in its entry
                with pytest.raises(Unreadable, match=reason):
                    read(harmed)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_pixels_that_have_more_bits_than_is_said_are_noticed(read: Reader, bits: int, layout: dict[str, Any]) -> None:
    values = COLOURS.astype(np.uint16) * 257
    with pytest.raises(Unreadable, match=r"damaged: .* has \d+ bytes for \d+|damaged: its pixels have"):
        read(by_hand(values, bits=bits, photometric=RGB, **layout))


def test_a_last_strip_may_be_as_long_as_the_others(read: Reader) -> None:
    def filled_up(part: Pixels) -> bytes:
        return part.tobytes().ljust(20 * part.shape[1], b"\0")

    np.testing.assert_array_equal(read(by_hand(GREY, filled_up, rows=20)), as_rgb(GREY))
    np.testing.assert_array_equal(read(by_hand(GREY, lambda part: part.tobytes() + bytes(16), rows=20)), as_rgb(GREY))
