"""JPEG files: pixels as other decoders give them, orientations, and damage."""

import io
import struct

import cv2
import imagecodecs
import numpy as np
import pytest
import simplejpeg
from PIL import Image, ImageOps

from oral_cancer.formats.picture import Unreadable
from tests.formats.conftest import COLOURS, GREY, Reader, as_rgb
from tests.formats.files import by_pillow, exif_turned


def with_exif(data: bytes, exif: bytes) -> bytes:
    body = b"Exif\0\0" + exif
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]


WRITERS = {
    "Pillow": by_pillow(COLOURS, "JPEG", quality=95, subsampling=0),
    "Pillow, subsampled": by_pillow(COLOURS, "JPEG", quality=95, subsampling=2),
    "Pillow, progressive": by_pillow(COLOURS, "JPEG", quality=95, progressive=True, subsampling=0),
    "Pillow, optimised": by_pillow(COLOURS, "JPEG", quality=95, optimize=True, subsampling=0),
    "OpenCV": cv2.imencode(".jpg", COLOURS[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes(),
    "OpenCV, with restarts": cv2.imencode(".jpg", COLOURS[..., ::-1], [cv2.IMWRITE_JPEG_RST_INTERVAL, 4])[1].tobytes(),
    "imagecodecs": bytes(imagecodecs.jpeg8_encode(COLOURS, level=95)),
    "imagecodecs, RGB": bytes(imagecodecs.jpeg8_encode(COLOURS, level=95, colorspace="RGB", outcolorspace="RGB")),
    "simplejpeg": simplejpeg.encode_jpeg(COLOURS, quality=95, colorsubsampling="444"),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_colours_as_pillow_reads(read: Reader, writer: str) -> None:
    with Image.open(io.BytesIO(WRITERS[writer])) as image:
        expected = np.asarray(image.convert("RGB")).astype(int)
    found = read(WRITERS[writer])
    assert np.abs(found - expected).max() <= 2  # of another rounding
    assert np.abs(found.astype(int) - COLOURS).mean() < (15 if writer in ("Pillow, subsampled", "OpenCV") else 5)


def test_grey(read: Reader) -> None:
    for data in (by_pillow(GREY, "JPEG", quality=98), cv2.imencode(".jpg", GREY)[1].tobytes()):
        found = read(data)
        np.testing.assert_array_equal(found, as_rgb(found[..., 0]))
        assert np.abs(found.astype(int) - as_rgb(GREY)).mean() < 2


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientations(read: Reader, orientation: int) -> None:
    data = with_exif(WRITERS["imagecodecs"], exif_turned(orientation))
    plain = Image.fromarray(read(WRITERS["imagecodecs"]))
    plain.getexif()[274] = orientation
    np.testing.assert_array_equal(read(data), np.asarray(ImageOps.exif_transpose(plain)))


@pytest.mark.parametrize("exif", [b"nonsense", b"", exif_turned(99), exif_turned(3)[:12]], ids=str)
def test_orientations_that_are_nonsense(read: Reader, exif: bytes) -> None:
    data = WRITERS["imagecodecs"]
    np.testing.assert_array_equal(read(with_exif(data, exif)), read(data))


def test_cmyk_is_refused(read: Reader) -> None:
    with pytest.raises(Unreadable, match="CMYK colours; save it as RGB"):
        read(by_pillow(Image.fromarray(COLOURS).convert("CMYK"), "JPEG"))


def test_12_bits_are_no_damage(read: Reader) -> None:
    data = imagecodecs.jpeg8_encode(GREY.astype(np.uint16) << 4, bitspersample=12)
    with pytest.raises(Unreadable, match=r"^a JPEG of 12 bits; export it as TIFF or PNG$"):
        read(data)


@pytest.mark.parametrize("writer", WRITERS)
def test_cut_files_are_truncated(read: Reader, writer: str) -> None:
    data = WRITERS[writer]
    for length in range(3, len(data) - 2, len(data) // 25):
        with pytest.raises(Unreadable, match=r"truncated|damaged"):
            read(data[:length])
    with pytest.raises(Unreadable, match="truncated"):
        read(data[: len(data) * 3 // 4])


@pytest.mark.parametrize(
    "writer", ["Pillow", "Pillow, progressive", "Pillow, optimised", "OpenCV, with restarts", "simplejpeg"]
)
def test_zeros_within_are_damage(read: Reader, writer: str) -> None:
    data = WRITERS[writer]
    at = len(data) // 2
    with pytest.raises(Unreadable, match="damaged"):
        read(data[:at] + bytes(256) + data[at + 256 :])


def test_what_follows_the_end_is_no_fault(read: Reader) -> None:
    """Cameras and phones write previews and the like behind it."""
    data = WRITERS["imagecodecs"]
    np.testing.assert_array_equal(read(data + bytes(100)), read(data))
