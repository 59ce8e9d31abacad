"""PNG files: pixels, orientations wherever programs write them, and damage that is always refused."""

import io
import struct
import zlib
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps, PngImagePlugin

from oral_cancer.data.reader import decode
from oral_cancer.formats.picture import Choice, Unreadable
from tests.formats.conftest import COLOURS, GREY, Reader, as_rgb
from tests.formats.files import Pixels, by_pillow, exif_turned, png, png_chunk

GREYSCALE, TRUECOLOUR, INDEXED, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_grey_by_hand(read: Reader, bits: int) -> None:
    values = ((GREY.astype(np.uint32) * 257) >> (16 - bits)).astype(np.uint16 if bits == 16 else np.uint8)
    data = png(values, GREYSCALE, bits=bits)
    if bits < 16:
        np.testing.assert_array_equal(read(data), as_rgb(np.rint(values * 255.0 / (2**bits - 1))))
    with Image.open(io.BytesIO(data)) as image:
        by_pillow_too = np.asarray(image.convert("L")) if bits < 8 else np.asarray(image)
    np.testing.assert_array_equal(decode(data, Choice()).values, by_pillow_too)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("kind", [GREYSCALE, TRUECOLOUR, GREY_ALPHA, RGB_ALPHA])
def test_pixels_by_hand_and_as_opencv_reads(read: Reader, kind: int, dtype: type) -> None:
    alpha = np.full_like(GREY, 77)
    pixels = {
        GREYSCALE: GREY,
        TRUECOLOUR: COLOURS,
        GREY_ALPHA: np.dstack([GREY, alpha]),
        RGB_ALPHA: np.dstack([COLOURS, alpha]),
    }[kind].astype(dtype) * (257 if dtype == np.uint16 else 1)
    data = png(pixels, kind)
    expected = COLOURS if kind in (TRUECOLOUR, RGB_ALPHA) else as_rgb(GREY)
    np.testing.assert_array_equal(read(data), expected)
    by_opencv = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    np.testing.assert_array_equal(read(data), by_opencv)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pixels_by_others(read: Reader, dtype: type) -> None:
    for values in (GREY, COLOURS):
        stored = values.astype(dtype) * (257 if dtype == np.uint16 else 1)
        _, data = cv2.imencode(".png", stored[..., ::-1] if values.ndim == 3 else stored)
        np.testing.assert_array_equal(read(data.tobytes()), values if values.ndim == 3 else as_rgb(values))
        if dtype == np.uint8 or values.ndim == 2:
            np.testing.assert_array_equal(read(by_pillow(stored, "PNG")), read(data.tobytes()))


@pytest.mark.parametrize("colours", [2, 4, 16, 200])
def test_palettes(read: Reader, colours: int) -> None:
    image = Image.fromarray(COLOURS).quantize(colours)
    expected = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(read(by_pillow(image, "PNG")), expected)
    np.testing.assert_array_equal(read(by_pillow(image, "PNG", transparency=0)), expected)


def test_palettes_that_lack_colours_are_refused(read: Reader) -> None:
    for colours in (b"", bytes(range(9))):
        data = png(GREY >> 6, INDEXED, png_chunk(b"PLTE", colours), bits=2)
        with pytest.raises(Unreadable, match=rf"damaged: it uses colour 3, and its palette has {len(colours) // 3}$"):
            read(data)


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_16_bits_of_which_some_are_used(read: Reader, bits: int) -> None:
    values = np.round(GREY.astype(float) * (2**bits - 1) / GREY.max()).astype(np.uint16)
    expected = as_rgb(np.rint(values * 255.0 / (2**bits - 1)))
    np.testing.assert_array_equal(read(png(values, GREYSCALE)), expected)
    np.testing.assert_array_equal(read(by_pillow(values, "PNG")), expected)


def raw_profile(orientation: int) -> bytes:
    """EXIF as ImageMagick writes it into a text."""
    body = b"Exif\0\0" + exif_turned(orientation)
    return b"\nexif\n%8d\n" % len(body) + body.hex().encode() + b"\n"


def xmp(orientation: int) -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
        f'tiff:Orientation="{orientation}"/></rdf:RDF></x:xmpmeta>'
    ).encode()


def compressed_text(name: bytes, words: bytes) -> bytes:
    return png_chunk(b"zTXt", name + b"\0\0" + zlib.compress(words))


def international_text(name: bytes, words: bytes) -> bytes:
    return png_chunk(b"iTXt", name + b"\0\0\0\0\0" + words)


TURNED: dict[str, Callable[[int], bytes]] = {
    "eXIf": lambda orientation: png_chunk(b"eXIf", exif_turned(orientation)),
    "profile in a text": lambda orientation: compressed_text(b"Raw profile type exif", raw_profile(orientation)),
    "profile in a plain text": lambda orientation: png_chunk(
        b"tEXt", b"Raw profile type exif\0" + raw_profile(orientation)
    ),
    "XMP": lambda orientation: international_text(b"XML:com.adobe.xmp", xmp(orientation)),
    "text": lambda orientation: png_chunk(b"tEXt", b"exif:Orientation\0" + str(orientation).encode()),
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", TURNED)
def test_orientations(read: Reader, kind: str, orientation: int) -> None:
    plain = Image.fromarray(COLOURS)
    plain.getexif()[274] = orientation
    expected = np.asarray(ImageOps.exif_transpose(plain))
    np.testing.assert_array_equal(read(png(COLOURS, TRUECOLOUR, TURNED[kind](orientation))), expected)


def test_orientations_by_pillow(read: Reader) -> None:
    exif = Image.Exif()
    exif[274] = 8
    np.testing.assert_array_equal(read(by_pillow(COLOURS, "PNG", exif=exif)), np.rot90(COLOURS))
    texts = PngImagePlugin.PngInfo()
    texts.add_itxt("XML:com.adobe.xmp", xmp(6).decode())
    np.testing.assert_array_equal(read(by_pillow(COLOURS, "PNG", pnginfo=texts)), np.rot90(COLOURS, -1))


@pytest.mark.parametrize(
    "chunk",
    [
        png_chunk(b"eXIf", b"nonsense"),
        png_chunk(b"eXIf", exif_turned(77)),
        png_chunk(b"tEXt", b"exif:Orientation\0up"),
        compressed_text(b"Raw profile type exif", b"\nexif\n  9\nzz"),
        international_text(b"XML:com.adobe.xmp", b"<nonsense"),
    ],
    ids=["EXIF", "number", "text", "profile", "XMP"],
)
def test_orientations_that_are_nonsense(read: Reader, chunk: bytes) -> None:
    np.testing.assert_array_equal(read(png(COLOURS, TRUECOLOUR, chunk)), COLOURS)


def test_interlaced(read: Reader) -> None:
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    lines = b"".join(
        b"\0" + line.tobytes() for top, left, down, across in passes for line in COLOURS[top::down, left::across]
    )
    plain = png(COLOURS, TRUECOLOUR, stream=zlib.compress(lines))
    header = struct.pack(">IIBBBBB", COLOURS.shape[1], COLOURS.shape[0], 8, TRUECOLOUR, 0, 0, 1)
    start, end = 8, 8 + 25
    data = plain[:start] + png_chunk(b"IHDR", header) + plain[end:]
    np.testing.assert_array_equal(read(data), COLOURS)


def test_an_animation_is_refused(read: Reader) -> None:
    frames = [Image.fromarray(COLOURS), Image.fromarray(COLOURS[::-1].copy())]
    with pytest.raises(Unreadable, match="an animation of 2 frames; save the one you mean"):
        read(by_pillow(frames[0], "PNG", save_all=True, append_images=frames[1:]))
    one = png(COLOURS, TRUECOLOUR, png_chunk(b"acTL", struct.pack(">II", 1, 0)))
    np.testing.assert_array_equal(read(one), COLOURS)


@pytest.mark.parametrize(
    ("across", "unit", "expected"), [(2_000_000, 1, 0.5), (2835, 1, None), (2_000_000, 0, None), (0, 1, None)]
)
def test_pixel_sizes(across: int, unit: int, expected: float | None) -> None:
    data = png(GREY, GREYSCALE, png_chunk(b"pHYs", struct.pack(">IIB", across, across, unit)))
    assert decode(data, Choice()).micrometres == expected


def lines_of(pixels: Pixels) -> bytes:
    return b"".join(b"\0" + line.tobytes() for line in pixels)


@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        (zlib.compress(lines_of(GREY[:-1])), "fewer pixels"),
        (zlib.compress(lines_of(GREY)[:-1]), "fewer pixels"),
        (zlib.compress(lines_of(GREY) + bytes(73)), "do not decode"),
        (zlib.compress(lines_of(GREY) + b"\0"), "more pixels"),
        (zlib.compress(lines_of(GREY))[:-6], "do not decode"),
        (zlib.compress(lines_of(GREY))[:-1] + b"\x55", "do not decode"),
        (zlib.compress(lines_of(GREY)) + b"garbage", "go on after their end"),
        (b"", "do not decode"),
    ],
    ids=["a row less", "a byte less", "a row more", "a byte more", "cut", "checksum", "garbage", "none"],
)
def test_streams_of_another_length_or_checksum_are_refused(read: Reader, stream: bytes, reason: str) -> None:
    """Where the checksums of the chunks are right, as if a program had written it."""
    with pytest.raises(Unreadable, match=f"damaged: .*{reason}"):
        read(png(GREY, GREYSCALE, stream=stream))


@pytest.mark.parametrize("at", range(8, 700, 37))
def test_every_changed_byte_is_noticed(read: Reader, at: int) -> None:
    data = bytearray(by_pillow(GREY[:20, :20], "PNG"))
    data[at % len(data)] ^= 16
    with pytest.raises(Unreadable, match=r"damaged|truncated|not an image|not of a kind"):
        read(bytes(data))


def test_cut_files_are_truncated(read: Reader) -> None:
    data = by_pillow(COLOURS, "PNG")
    for length in range(8, len(data), len(data) // 40):
        with pytest.raises(Unreadable, match="truncated"):
            read(data[:length])
