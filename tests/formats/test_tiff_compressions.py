"""Every compression of TIFF by several writers: the right pixels, and damage refused."""

import io
from collections.abc import Callable
from typing import Any

import cv2
import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from oral_cancer.data.reader import decode
from oral_cancer.formats import lzw
from oral_cancer.formats.picture import Choice, Unreadable
from tests.formats.conftest import COLOURS, GREY, Reader, as_rgb
from tests.formats.files import (
    BLACK_IS_ZERO,
    JPEG_TABLES,
    PREDICTOR,
    RGB,
    YCBCR,
    Pixels,
    by_hand,
    by_pillow,
    by_tifffile,
    compressed,
)

STREAMS = {
    "lzw": (5, imagecodecs.lzw_encode),
    "deflate": (8, imagecodecs.deflate_encode),
    "old deflate": (32946, imagecodecs.deflate_encode),
    "PIXTIFF": (50013, imagecodecs.deflate_encode),
    "packbits": (32773, imagecodecs.packbits_encode),
    "lzma": (34925, imagecodecs.lzma_encode),
    "zstd": (50000, imagecodecs.zstd_encode),
    "old zstd": (34926, imagecodecs.zstd_encode),
}
PICTURES = {
    "JPEG XR": (34934, lambda part: imagecodecs.jpegxr_encode(part, level=100)),
    "JPEG XR of NDPI": (22610, lambda part: imagecodecs.jpegxr_encode(part, level=100)),
    "JPEG 2000": (34712, lambda part: imagecodecs.jpeg2k_encode(part, level=0, reversible=True)),
    "JPEG 2000 of Aperio": (33005, lambda part: imagecodecs.jpeg2k_encode(part, codecformat="j2k", reversible=True)),
    "JPEG XL": (50002, lambda part: imagecodecs.jpegxl_encode(part, lossless=True)),
    "JPEG XL of DNG": (52546, lambda part: imagecodecs.jpegxl_encode(part, lossless=True)),
    "PNG": (34933, imagecodecs.png_encode),
    "WebP": (50001, lambda part: imagecodecs.webp_encode(part, lossless=True)),
    "LERC": (34887, lambda part: imagecodecs.lerc_encode(part, level=0)),
}
EVERY = STREAMS | PICTURES
BY_TIFFFILE = [
    "lzw",
    "zlib",
    "deflate",
    "packbits",
    "lzma",
    "zstd",
    "lerc",
    "jpeg2000",
    "jpegxl",
    "jpegxr",
    "png",
    "webp",
]


def raw(data: bytes, **choice: Any) -> Pixels:
    """The values as they are, in a file's own order of bytes."""
    return decode(data, Choice(**choice)).values


def encoder(kind: str) -> Callable[[Pixels], bytes]:
    encode = EVERY[kind][1]
    return lambda part: bytes(encode(part.tobytes() if kind in STREAMS else part.astype(part.dtype.newbyteorder("="))))


@pytest.mark.parametrize("layout", [{}, {"rows": 7}, {"tile": (16, 32)}, {"tile": (64, 48)}], ids=str)
@pytest.mark.parametrize("kind", EVERY)
def test_by_hand(read: Reader, kind: str, layout: dict[str, Any]) -> None:
    tags = compressed(EVERY[kind][0])
    written = by_hand(COLOURS, encoder(kind), photometric=RGB, tags=tags, **layout)
    np.testing.assert_array_equal(read(written), COLOURS)
    if kind != "WebP":  # which has no grey
        np.testing.assert_array_equal(read(by_hand(GREY, encoder(kind), tags=tags, **layout)), as_rgb(GREY))
        planes = by_hand(COLOURS, encoder(kind), photometric=RGB, planar=True, tags=tags, **layout)
        np.testing.assert_array_equal(read(planes), COLOURS)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", [kind for kind in EVERY if kind not in ("WebP", "JPEG XL of DNG")])
def test_16_bits_by_hand(kind: str, order: str) -> None:
    values = (GREY.astype(np.uint16) * 256 + GREY[::-1]).astype(order + "u2")
    written = by_hand(values, encoder(kind), rows=16, tags=compressed(EVERY[kind][0]))
    np.testing.assert_array_equal(raw(written), values)


@pytest.mark.parametrize("layout", [{"rowsperstrip": 9}, {"tile": (32, 16)}, {"tile": (48, 64)}], ids=str)
@pytest.mark.parametrize("name", BY_TIFFFILE)
def test_by_tifffile_and_as_it_reads(name: str, layout: dict[str, Any]) -> None:
    options = {"compression": name, **({"compressionargs": {"lossless": True}} if name in ("webp", "jpegxl") else {})}
    for values in (COLOURS, COLOURS.astype(np.uint16) * 200):
        if values.itemsize == 2 and name == "webp":
            continue
        data = by_tifffile(values, photometric="rgb", **options, **layout)
        np.testing.assert_array_equal(raw(data), tifffile.imread(io.BytesIO(data)))


@pytest.mark.parametrize("name", ["tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "lzma", "zstd", "webp"])
def test_by_pillow_and_as_it_reads(read: Reader, name: str) -> None:
    try:
        data = by_pillow(COLOURS, compression=name)
    except (OSError, KeyError) as error:
        pytest.skip(f"this Pillow does not write it: {error}")
    np.testing.assert_array_equal(read(data), np.asarray(Image.open(io.BytesIO(data))))


@pytest.mark.parametrize("rows", [1, 16, 50])
@pytest.mark.parametrize("code", [1, 5, 8, 32773])
@pytest.mark.parametrize("predictor", [1, 2])
def test_by_opencv_and_as_it_reads(read: Reader, code: int, rows: int, predictor: int) -> None:
    options = [cv2.IMWRITE_TIFF_COMPRESSION, code, cv2.IMWRITE_TIFF_ROWSPERSTRIP, rows]
    options += [cv2.IMWRITE_TIFF_PREDICTOR, predictor]
    for values in (COLOURS, COLOURS.astype(np.uint16) * 257):
        done, data = cv2.imencode(".tif", values, options)
        assert done
        np.testing.assert_array_equal(raw(data.tobytes()), cv2.imdecode(data, cv2.IMREAD_UNCHANGED)[..., ::-1])
        np.testing.assert_array_equal(read(data.tobytes())[..., ::-1], COLOURS)


@pytest.mark.parametrize("layout", [{"rowsperstrip": 9}, {"tile": (16, 48)}], ids=str)
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("compression", ["lzw", "zlib", "zstd", "lzma"])
@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "i2", "f2", "f4", "f8"])
def test_predictors_by_tifffile(dtype: str, compression: str, order: str, layout: dict[str, Any]) -> None:
    values = (np.linspace(0, 250, GREY.size).reshape(GREY.shape) * 2 + GREY / 2).astype(dtype) // 3
    predictor = 3 if dtype[0] == "f" else 2
    data = by_tifffile(values, byteorder=order, compression=compression, predictor=predictor, **layout)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        assert file.pages[0].tags[PREDICTOR].value == predictor
    np.testing.assert_array_equal(raw(data), values)


def test_predictors_of_pictures_in_colours() -> None:
    values = COLOURS.astype(">u2") * 200
    for options in ({"planarconfig": "separate"}, {"planarconfig": "contig"}):
        stored = np.moveaxis(values, -1, 0) if options["planarconfig"] == "separate" else values
        data = by_tifffile(stored, photometric="rgb", compression="lzw", predictor=True, tile=(16, 16), **options)
        np.testing.assert_array_equal(raw(data), values)


def test_a_predictor_of_packed_bits_is_refused() -> None:
    data = by_hand(GREY >> 4, bits=4, tags=compressed(8, tag317=("H", [2])), encode=encoder("deflate"))
    with pytest.raises(Unreadable, match="predictor 2 of 4 bits"):
        raw(data)


def test_lzw_of_sound_streams_is_decoded_the_quick_way(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = [memoryview(bytes(imagecodecs.lzw_encode(COLOURS[row : row + 5].tobytes()))) for row in range(0, 50, 5)]
    found = lzw.decode_sound(streams, COLOURS[:5].size)
    assert found is not None
    np.testing.assert_array_equal(found.reshape(COLOURS.shape), COLOURS)
    for wrong in (COLOURS[:5].size - 1, COLOURS[:5].size + 1, 8, COLOURS[:5].size - len(lzw._MARK)):
        assert lzw.decode_sound(streams, wrong) is None
    for stream in (b"", b"\0", b"\x80", bytes(9), bytes(streams[0][:-2]), bytes(streams[0]) + b"\x81"):
        assert lzw.decode_sound([memoryview(stream)], COLOURS[:5].size) is None
    data = by_hand(COLOURS, encoder("lzw"), rows=7, photometric=RGB, tags=compressed(5))
    expected = raw(data)
    monkeypatch.setattr(lzw, "decode_sound", lambda *_: None)
    np.testing.assert_array_equal(raw(data), expected)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 300, 4096, 70_000])
def test_lzw_streams_of_any_length(size: int) -> None:
    rng = np.random.default_rng(size)
    for values in (rng.integers(0, 256, size, np.uint8), np.zeros(size, np.uint8), np.arange(size).astype(np.uint8)):
        stream = memoryview(bytes(imagecodecs.lzw_encode(values.tobytes())))
        found = lzw.decode_sound([stream], size)
        assert found is not None
        np.testing.assert_array_equal(found[0], values)


@pytest.mark.parametrize("layout", [{"rowsperstrip": 16}, {"tile": (32, 48)}], ids=str)
@pytest.mark.parametrize(
    ("photometric", "options"),
    [
        ("MINISBLACK", {}),
        ("RGB", {"compressionargs": {"level": 95, "colorspace": "RGB", "outcolorspace": "RGB"}}),
        *(("YCBCR", {"subsampling": sampling}) for sampling in ((1, 1), (2, 1), (2, 2))),
    ],
    ids=str,
)
def test_jpeg_by_tifffile_and_as_others_read(
    read: Reader, photometric: str, options: dict[str, Any], layout: dict[str, Any]
) -> None:
    values = GREY if photometric == "MINISBLACK" else COLOURS
    data = by_tifffile(values, photometric=None if values is GREY else "rgb", compression="jpeg", **options, **layout)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        assert file.pages[0].photometric.name == photometric
        np.testing.assert_array_equal(raw(data), file.asarray())
    with Image.open(io.BytesIO(data)) as image:
        np.testing.assert_array_equal(read(data), np.asarray(image.convert("RGB")))
    assert np.abs(raw(data).astype(int) - values).mean() < 3


@pytest.mark.parametrize("mode", ["L", "RGB", "YCbCr"])
def test_jpeg_by_pillow_with_tables_and_as_it_reads(read: Reader, mode: str) -> None:
    data = by_pillow(Image.fromarray(COLOURS).convert(mode), compression="jpeg", quality=95)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        assert JPEG_TABLES in file.pages[0].tags
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(read(data) - expected).max() <= 3  # of another rounding


def test_jpeg_in_planes(read: Reader) -> None:
    def encode(part: Pixels) -> bytes:
        return bytes(imagecodecs.jpeg8_encode(part, level=98))

    for layout in ({"rows": 16}, {"tile": (32, 32)}):
        data = by_hand(COLOURS, encode, photometric=RGB, planar=True, tags=compressed(7), **layout)
        assert np.abs(read(data).astype(int) - COLOURS).max() <= 8


def test_a_strip_of_jpeg_may_have_all_rows_of_the_others(read: Reader) -> None:
    def encode(part: Pixels) -> bytes:
        return bytes(imagecodecs.jpeg8_encode(np.pad(part, ((0, 16 - len(part)), (0, 0)), "edge"), level=98))

    data = by_hand(GREY, encode, rows=16, tags=compressed(7))
    assert np.abs(read(data).astype(int) - as_rgb(GREY)).max() <= 8


@pytest.mark.parametrize(("name", "code"), [("tiff_ccitt", 2), ("group3", 3), ("group4", 4)])
def test_fax(read: Reader, name: str, code: int) -> None:
    bits = Image.fromarray(GREY).point(lambda value: 255 * (value > 128), "1")
    data = by_pillow(bits, compression=name)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        assert file.pages[0].compression == code
    np.testing.assert_array_equal(read(data), as_rgb(np.asarray(bits).astype(np.uint8) * 255))


@pytest.mark.parametrize(
    ("code", "name"),
    [(6, "OJPEG"), (33003, "APERIO_JP2000_YCBC"), (48124, "JETRAW"), (34661, "JBIG"), (12345, "the number 12345")],
)
def test_what_is_not_read_is_named(code: int, name: str) -> None:
    with pytest.raises(Unreadable, match=f"compressed by .*{name}.*save it"):
        raw(by_hand(GREY, tags=compressed(code)))


@pytest.mark.parametrize("kind", [*STREAMS, "none"])
def test_ycbcr_without_jpeg_is_refused(kind: str) -> None:
    data = by_hand(COLOURS, photometric=YCBCR, tags=compressed(STREAMS[kind][0] if kind in STREAMS else 1))
    with pytest.raises(Unreadable, match="YCbCr"):
        raw(data)


def pieces(more: int) -> Callable[[Pixels], Pixels]:
    """A function that gives a strip so many rows more, or fewer."""
    return lambda part: np.pad(part, ((0, more), (0, 0)), "edge") if more > 0 else part[:more]


@pytest.mark.parametrize("more", [-3, -1, 1, 9])
@pytest.mark.parametrize("kind", [kind for kind in EVERY if kind != "WebP"])
def test_strips_with_more_or_fewer_rows_are_refused(kind: str, more: int) -> None:
    shape, encode = pieces(more), encoder(kind)
    data = by_hand(GREY, lambda part: encode(shape(part)), rows=25, tags=compressed(EVERY[kind][0]))
    with pytest.raises(
        Unreadable, match=r"more|INSUFFICIENT|too small|TOO_SMALL|invalid out" if more > 0 else r"fewer|do not decode"
    ):
        raw(data)


@pytest.mark.parametrize("kind", [kind for kind in PICTURES if kind != "WebP"])
def test_pictures_of_another_shape_or_type_are_refused(kind: str) -> None:
    tags, encode = compressed(PICTURES[kind][0]), encoder(kind)
    turned = by_hand(GREY, lambda part: encode(np.ascontiguousarray(part.reshape(64, 16))), tile=(32, 32), tags=tags)
    with pytest.raises(Unreadable, match=r"do not decode \(invalid out.shape"):
        raw(turned)
    if kind != "JPEG XL of DNG":
        deep = by_hand(GREY, lambda part: encode(part.astype(np.uint16)), rows=25, tags=tags)
        with pytest.raises(Unreadable, match=r"do not decode \(invalid out.dtype"):
            raw(deep)
    coloured = by_hand(GREY, lambda part: encode(np.dstack([part] * 3)), rows=25, tags=tags)
    with pytest.raises(Unreadable, match=r"do not decode \(invalid out.shape"):
        raw(coloured)


def test_jpeg_tiles_of_another_shape_are_refused() -> None:
    def encode(part: Pixels) -> bytes:
        return bytes(imagecodecs.jpeg8_encode(np.ascontiguousarray(part.reshape(16, 64)), level=98))

    with pytest.raises(Unreadable, match="fewer"):
        raw(by_hand(GREY, encode, tile=(32, 32), tags=compressed(7)))


@pytest.mark.parametrize("kind", ["deflate", "old deflate", "PIXTIFF", "lzma", "zstd", "packbits"])
@pytest.mark.parametrize("rows", [50, 7])
def test_what_follows_a_stream_in_its_strip_is_noticed(kind: str, rows: int) -> None:
    encode = encoder(kind)
    data = by_hand(GREY, lambda part: encode(part) + b"\x07garbage", rows=rows, tags=compressed(STREAMS[kind][0]))
    with pytest.raises(Unreadable, match=r"go on after|do not decode|more"):
        raw(data)


@pytest.mark.parametrize("kind", ["lzw", "deflate", "lzma"])
def test_zeros_that_fill_up_a_strip_are_no_damage(kind: str) -> None:
    encode = encoder(kind)
    data = by_hand(GREY, lambda part: encode(part) + bytes(3), rows=7, tags=compressed(STREAMS[kind][0]))
    np.testing.assert_array_equal(raw(data), GREY)


def test_raw_strips_with_too_few_bytes_are_refused(read: Reader) -> None:
    short = by_hand(GREY, rows=25, tags={279: ("I", [25 * 72, 25 * 72 - 1])})
    with pytest.raises(Unreadable, match="1799 bytes for 1800"):
        read(short)
    with pytest.raises(Unreadable, match="empty"):
        read(by_hand(GREY, encoder("deflate"), rows=25, tags=compressed(8, tag279=("I", [0, 1800]))))
    with pytest.raises(Unreadable, match="missing"):
        read(by_hand(GREY, encoder("deflate"), rows=25, tags=compressed(8, tag279=("I", [1800]))))


def test_inverted_fill_order(read: Reader) -> None:
    def encode(part: Pixels) -> bytes:
        return bytes(imagecodecs.bitorder_encode(imagecodecs.lzw_encode(part.tobytes())))

    data = by_hand(GREY, encode, rows=9, tags=compressed(5, tag266=("H", [2])))
    np.testing.assert_array_equal(read(data), as_rgb(GREY))


@pytest.mark.parametrize("kind", ["JPEG XR", "JPEG 2000", "JPEG XL", "LERC", "WebP", "PNG", "JPEG"])
def test_a_picture_that_is_far_too_large_is_not_decoded(kind: str) -> None:
    """A few bytes may hold many million pixels, all alike."""
    side = 8000 if kind != "WebP" else 7000
    large = np.zeros((side, side, 3) if kind == "WebP" else (side, side), np.uint8)
    if kind == "JPEG":
        stream = bytes(imagecodecs.jpeg8_encode(large))
    elif kind == "JPEG XL":
        stream = bytes(imagecodecs.jpegxl_encode(large, lossless=True, effort=1))
    else:
        stream = encoder(kind)(large)
    code = 7 if kind == "JPEG" else PICTURES[kind][0]
    pixels, photometric = (COLOURS, RGB) if kind == "WebP" else (GREY, BLACK_IS_ZERO)
    data = by_hand(pixels, lambda _: stream, photometric=photometric, tags=compressed(code))
    with pytest.raises(Unreadable, match=r"at most 40 million|invalid out.shape"):
        raw(data)
