import io
import struct
import zlib
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pytest
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from oral_cancer.data.reader import decode as decode_raw
from oral_cancer.data.reader import read_image
from oral_cancer.data.resizing import resized
from oral_cancer.formats.brightness import own_levels
from oral_cancer.formats.picture import MAX_PIXELS, Choice

LZW, DEFLATE, UNCOMPRESSED = 5, 8, 1
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, CMYK, LAB = 0, 1, 2, 5, 8
ORIENTATION = 274


def decode(data: bytes) -> NDArray[np.uint8]:
    """RGB of the bytes of an image that is a collection of its own."""
    raw = decode_raw(data, Choice())
    levels = own_levels(raw.measured)
    assert levels is not None
    return raw.shown(levels)


@pytest.fixture
def rgb() -> NDArray[np.uint8]:
    """A small smooth picture whose channels differ."""
    coarse = np.random.default_rng(0).integers(0, 256, (4, 5, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (40, 30), interpolation=cv2.INTER_LINEAR), np.uint8)


def encode(suffix: str, pixels: NDArray[np.generic], *options: int) -> bytes:
    """`pixels` grey, RGB or RGBA as the bytes of a file."""
    if pixels.ndim == 3:
        order = [2, 1, 0, 3][: pixels.shape[2]]
        pixels = np.ascontiguousarray(pixels[..., order])
    done, data = cv2.imencode(suffix, pixels, list(options))
    assert done
    return data.tobytes()


def tiff(
    pixels: NDArray[np.generic], photometric: int, *, planes: bool = False, big: bool = False, **tags: int
) -> bytes:
    """An uncompressed TIFF whose directory precedes the pixels, in the byte order of the pixels' dtype."""
    order = ">" if pixels.dtype.byteorder == ">" else "<"
    height, width = pixels.shape[:2]
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    strips = [np.ascontiguousarray(p).tobytes() for p in np.moveaxis(pixels, -1, 0)] if planes else [pixels.tobytes()]
    values: dict[int, tuple[str, list[int]]] = {
        256: ("I", [width]),
        257: ("I", [height]),
        258: ("H", [pixels.dtype.itemsize * 8] * channels),
        259: ("H", [UNCOMPRESSED]),
        262: ("H", [photometric]),
        273: ("I", [0] * len(strips)),
        277: ("H", [channels]),
        278: ("I", [height]),
        279: ("I", [len(strip) for strip in strips]),
        284: ("H", [2 if planes else 1]),
    } | {int(tag[3:]): ("H", [value]) for tag, value in tags.items()}
    pointer, counter, room, head = ("Q", "Q", 8, 16) if big else ("I", "H", 4, 8)
    directory_end = head + struct.calcsize(counter) + len(values) * (4 + 2 * room) + room

    def packed(form: str, numbers: list[int]) -> bytes:
        return struct.pack(order + form * len(numbers), *numbers)

    overflow = sum(n for form, v in values.values() if (n := len(packed(form, v))) > room)
    first = directory_end + overflow
    values[273] = ("I", [first + sum(map(len, strips[:i])) for i in range(len(strips))])
    entries, outside = b"", b""
    for tag, (form, numbers) in sorted(values.items()):
        data = packed(form, numbers)
        if len(data) > room:
            outside += data
            data = struct.pack(order + pointer, directory_end + len(outside) - len(data))
        kind = {"H": 3, "I": 4}[form]
        entries += struct.pack(order + "HH" + pointer, tag, kind, len(numbers)) + data.ljust(room, b"\0")
    mark = b"II" if order == "<" else b"MM"
    start = struct.pack(order + "HHHQ", 43, 8, 0, 16) if big else struct.pack(order + "HI", 42, 8)
    count = struct.pack(order + counter, len(values))
    return mark + start + count + entries + b"\0" * room + outside + b"".join(strips)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("kind", ["grey", "rgb", "rgba"])
def test_lossless_formats_give_the_pixels(rgb: NDArray[np.uint8], suffix: str, kind: str, dtype: type) -> None:
    alpha = np.full_like(rgb[..., :1], 77)
    pixels = {"grey": rgb[..., 0], "rgb": rgb, "rgba": np.dstack([rgb, alpha])}[kind]
    stored = pixels.astype(dtype) * (257 if dtype is np.uint16 else 1)
    expected = np.dstack([rgb[..., 0]] * 3) if kind == "grey" else rgb
    decoded = decode(encode(suffix, stored))
    assert decoded.dtype == np.uint8
    np.testing.assert_array_equal(decoded, expected)


def test_16_bits_are_scaled_over_their_full_range() -> None:
    every = np.arange(2**16, dtype=np.uint16).reshape(256, 256)
    np.testing.assert_array_equal(decode(encode(".png", every))[..., 1], np.rint(every / 257))


def test_jpeg_gives_nearly_the_pixels(rgb: NDArray[np.uint8]) -> None:
    for progressive in (0, 1):
        data = encode(".jpg", rgb, cv2.IMWRITE_JPEG_QUALITY, 98, cv2.IMWRITE_JPEG_PROGRESSIVE, progressive)
        assert np.abs(decode(data).astype(int) - rgb).mean() < 3
    grey = encode(".jpg", rgb[..., 0], cv2.IMWRITE_JPEG_QUALITY, 98)
    assert np.abs(decode(grey).astype(int) - rgb[..., :1]).mean() < 3


@pytest.mark.parametrize("compression", [UNCOMPRESSED, LZW, DEFLATE])
def test_tiff_compressions(rgb: NDArray[np.uint8], compression: int) -> None:
    data = encode(".tif", rgb, cv2.IMWRITE_TIFF_COMPRESSION, compression)
    np.testing.assert_array_equal(decode(data), rgb)


def test_tiff_kinds_that_are_read(rgb: NDArray[np.uint8]) -> None:
    alpha = np.full_like(rgb[..., :1], 77)
    for extra in (0, 1, 2):
        np.testing.assert_array_equal(decode(tiff(np.dstack([rgb, alpha]), RGB, tag338=extra)), rgb)
    np.testing.assert_array_equal(decode(tiff(rgb, RGB, planes=True)), rgb)
    np.testing.assert_array_equal(decode(tiff(rgb, RGB, big=True)), rgb)
    np.testing.assert_array_equal(decode(tiff((rgb * np.uint16(257)).astype(">u2"), RGB)), rgb)
    np.testing.assert_array_equal(decode(tiff(rgb[..., 0], WHITE_IS_ZERO))[..., 2], 255 - rgb[..., 0])


def test_orientation_is_applied(rgb: NDArray[np.uint8]) -> None:
    turned = decode(tiff(rgb, RGB, tag274=6))
    np.testing.assert_array_equal(turned, np.rot90(rgb, -1))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (tiff(np.zeros((3, 4, 4), np.uint8), CMYK), "neither grey nor RGB"),
        (tiff(np.zeros((3, 4, 3), np.uint8), LAB), "neither grey nor RGB"),
        (tiff(np.zeros((3, 4, 3), np.float32), RGB, tag339=3), "float32 pixels"),
        (tiff(np.zeros((3, 4), np.float64), BLACK_IS_ZERO, tag339=3), "float64 pixels"),
        (tiff(np.zeros((3, 4), np.uint32), BLACK_IS_ZERO), "uint32 pixels"),
        (tiff(np.zeros((3, 4), np.int16), BLACK_IS_ZERO, tag339=2), "int16 pixels"),
    ],
)
def test_tiff_kinds_that_are_refused(data: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "x.tif").write_bytes(data)
    with pytest.raises(ValueError, match=reason):
        read_image(tmp_path / "x.tif")


def tents(old: int, new: int) -> NDArray[np.float64]:
    """Weights (new, old) of a triangle as wide as two new pixels around the centre of each new one."""
    width = old / new
    centres = (np.arange(new) + 0.5) * width
    weights = np.maximum(0, 1 - np.abs(np.arange(old) + 0.5 - centres[:, None]) / width)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def test_size_gives_a_square_in_which_every_pixel_counts(rgb: NDArray[np.uint8]) -> None:
    height, width, _ = rgb.shape
    expected = np.einsum("yh,hwc,xw->yxc", tents(height, 16), rgb.astype(float), tents(width, 16))
    assert np.abs(resized(decode(encode(".png", rgb)), 16) - expected).max() <= 1
    assert resized(decode(encode(".png", rgb[..., 0])), 16).shape == (16, 16, 3)


@pytest.mark.parametrize("side", [16, 300])
def test_size_gives_what_pillow_gives_but_for_rounding(rgb: NDArray[np.uint8], side: int) -> None:
    expected = np.asarray(Image.fromarray(rgb).resize((side, side), Image.Resampling.BILINEAR)).astype(int)
    assert np.abs(resized(rgb, side) - expected).max() <= 1


def test_resizing_leaves_no_aliasing() -> None:
    stripes = np.tile(np.uint8([[0], [0], [255]]), (64, 192))
    assert resized(decode(encode(".png", stripes)), 32).std() < 12


FILES = {
    "png": (".png", []),
    "jpeg": (".jpg", []),
    "progressive jpeg": (".jpg", [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]),
    "tiff": (".tif", [cv2.IMWRITE_TIFF_COMPRESSION, UNCOMPRESSED]),
    "tiff lzw": (".tif", [cv2.IMWRITE_TIFF_COMPRESSION, LZW, cv2.IMWRITE_TIFF_ROWSPERSTRIP, 4]),
    "tiff deflate": (".tif", [cv2.IMWRITE_TIFF_COMPRESSION, DEFLATE, cv2.IMWRITE_TIFF_ROWSPERSTRIP, 4]),
}


@pytest.mark.parametrize("kind", [*FILES, "tiff with its directory first"])
def test_a_file_cut_anywhere_is_refused_in_silence(
    rgb: NDArray[np.uint8], kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = encode(FILES[kind][0], rgb, *FILES[kind][1]) if kind in FILES else tiff(rgb, RGB)
    path = tmp_path / "cut"
    path.write_bytes(data)
    whole = read_image(path)
    # A TIFF may end in values that say nothing about the pixels; a cut there may still give the whole picture.
    slack = 64 if "tiff" in kind else 0
    for length in {*range(0, len(data), max(1, len(data) // 150)), *range(len(data) - 40, len(data))}:
        path.write_bytes(data[:length])
        try:
            cut = read_image(path)
        except ValueError:
            continue
        assert length >= len(data) - slack, f"read whole after {length} of {len(data)} bytes"
        np.testing.assert_array_equal(cut, whole)
    assert capfd.readouterr().err == ""


def test_a_damaged_png_is_refused_in_silence(rgb: NDArray[np.uint8], capfd: pytest.CaptureFixture[str]) -> None:
    data = encode(".png", rgb)
    for at in range(8, len(data), 7):
        damaged = bytearray(data)
        damaged[at] ^= 16
        with pytest.raises(ValueError, match=r"damaged|truncated"):
            decode(bytes(damaged))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"hello", "not of a kind that is read"),
        (b"GIF89a" + bytes(100), "a GIF image: not of a kind that is read"),
        (b"\xff\xd8\xff", "truncated"),
        (b"\xff\xd8\xff\xe0\0\4ab" + bytes(90), "damaged"),
        (b"II*\0\xff\xff\xff\xff", "truncated"),
    ],
)
def test_what_is_no_image_is_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / "x.tif").write_bytes(data)
    with pytest.raises(ValueError, match=reason):
        read_image(tmp_path / "x.tif")


def test_an_unreadable_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot be read \(No such file"):
        read_image(tmp_path / "nowhere.tif")
    with pytest.raises(ValueError, match=r"cannot be read \(Is a directory"):
        read_image(tmp_path)


def bombs() -> list[bytes]:
    """Small files whose headers promise more pixels than fit in memory."""
    side = int(MAX_PIXELS**0.5) + 1
    header = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n"
    for chunk in (header, b"IDAT" + zlib.compress(bytes(9)), b"IEND"):
        png += struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    pixel = np.zeros((1, 1, 3), np.uint8)
    jpeg = bytearray(encode(".jpg", pixel))
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = struct.pack(">HH", side, side)
    huge = bytearray(tiff(pixel, RGB))
    huge[8 + 2 + 8 : 8 + 2 + 12] = struct.pack("<I", 2**31)
    tiled = tiff(pixel, RGB, tag322=60000, tag323=60000)
    return [png, bytes(jpeg), bytes(huge), tiled]


@pytest.mark.parametrize("data", bombs(), ids=["png", "jpeg", "tiff", "tiles"])
def test_absurd_sizes_are_refused_before_decoding(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    for decoder in ("png_decode", "lzw_decode", "deflate_decode"):
        monkeypatch.setattr(imagecodecs, decoder, lambda *_, **__: pytest.fail("decoded"))
    monkeypatch.setattr(simplejpeg, "decode_jpeg", lambda *_, **__: pytest.fail("decoded"))
    with pytest.raises(ValueError, match="at most 40 million"):
        decode(data)


def test_paths_may_hold_any_letters(tmp_path: Path, rgb: NDArray[np.uint8]) -> None:
    path = tmp_path / "細胞 'ä' -1.tif"
    path.write_bytes(encode(".tif", rgb))
    np.testing.assert_array_equal(read_image(path), rgb)


def test_exif_orientation_of_jpeg_is_applied(rgb: NDArray[np.uint8]) -> None:
    directory = struct.pack("<HHHIHHI", 1, ORIENTATION, 3, 1, 6, 0, 0)
    exif = b"Exif\0\0II*\0\x08\0\0\0" + directory
    data = encode(".jpg", rgb, cv2.IMWRITE_JPEG_QUALITY, 98)
    turned = io.BytesIO()
    turned.write(data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:])
    np.testing.assert_array_equal(decode(turned.getvalue()), np.rot90(decode(data), -1))
