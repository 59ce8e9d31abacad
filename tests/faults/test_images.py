"""Thousands of mutated images give a picture or a one-line reason: no crash, no hang, no flood of memory."""

import io
import json
import select
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image, ImageOps

from oral_cancer.data.reader import read_image
from oral_cancer.formats.picture import Ambiguous, Choice
from tests.conftest import REPOSITORY
from tests.faults.harm import QUICK, harmed
from tests.formats.conftest import COLOURS, GREY, as_rgb
from tests.formats.files import RGB, by_hand, by_tifffile, compressed, czi, packed_bits
from tests.formats.test_tiff_compressions import EVERY, encoder
from tests.formats.test_tiff_stacks import metamorph, one_directory, stack

EXAMPLES = 2000
HANGS_AFTER = 5.0  # seconds


def picture(mode: str) -> Image.Image:
    coarse = np.random.default_rng(0).integers(0, 255, (5, 6, 3), np.uint8)
    rgb = Image.fromarray(coarse).resize((48, 40), Image.Resampling.BILINEAR)
    if mode == "I;16":
        return Image.fromarray(np.asarray(rgb.convert("L")).astype(np.uint16) * 257)
    return rgb.quantize(16) if mode == "P" else rgb.convert(mode)


def encoded(kind: str, mode: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture(mode).save(file, kind, **options)
    return file.getvalue()


EXIF_TURNED = Image.Exif()
EXIF_TURNED[274] = 6


SEEDS = {
    **{f"PNG {mode}": encoded("PNG", mode) for mode in ("1", "L", "P", "RGB", "RGBA", "LA", "I;16")},
    **{f"TIFF {mode}": encoded("TIFF", mode) for mode in ("1", "L", "P", "RGB", "RGBA", "CMYK", "F", "I;16")},
    **{
        f"TIFF RGB {compression}": encoded("TIFF", "RGB", compression=compression)
        for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")
    },
    "TIFF 1 group4": encoded("TIFF", "1", compression="group4"),
    "TIFF of many pages": encoded("TIFF", "RGB", save_all=True, append_images=[picture("L")] * 40),
    "TIFF turned": encoded("TIFF", "RGB", tiffinfo={274: 6}),
    "PNG turned": encoded("PNG", "RGB", exif=EXIF_TURNED),
    **{f"BMP {mode}": encoded("BMP", mode) for mode in ("1", "L", "P", "RGB", "RGBA")},
    **{f"JPEG {mode}": encoded("JPEG", mode) for mode in ("L", "RGB", "CMYK")},
    "JPEG progressive": encoded("JPEG", "RGB", progressive=True),
}
REFUSED = {
    "TIFF CMYK": "save it",
    "JPEG CMYK": "save it",
    "TIFF F": r"float32 pixels, .*source.range=",
    "TIFF of many pages": "2 images in one file",
}
DEEP = GREY.astype(np.uint16) * 16
DEEP_SHOWN = as_rgb(np.rint(DEEP * (255 / 4095)).astype(np.uint8))
STACK = stack(2, 3)
FIRST = as_rgb(STACK[:, 0].max(axis=0))  # channel, of all planes
CORNER = {"C": 0, "X": 0, "Y": 0}
OF_MICROSCOPES = {
    **{
        f"TIFF {kind}": (by_hand(COLOURS, encoder(kind), rows=20, photometric=RGB, tags=compressed(code)), COLOURS)
        for kind, (code, _) in EVERY.items()
    },
    **{
        f"TIFF of tiles, {kind}": (
            by_hand(COLOURS, encoder(kind), tile=(32, 32), tags=compressed(code), photometric=RGB),
            COLOURS,
        )
        for kind, (code, _) in EVERY.items()
        if kind in ("lzw", "zstd", "JPEG 2000", "LERC")
    },
    "TIFF JPEG of tiles": (by_tifffile(COLOURS, photometric="rgb", compression="jpeg", tile=(32, 32)), None),
    "TIFF floats": (by_tifffile(GREY.astype(np.float32), compression="zlib", predictor=3), None),
    "TIFF 12 bits": (by_hand(DEEP, packed_bits(12), bits=12, rows=20), DEEP_SHOWN),
    "TIFF 12 bits in 16": (by_hand(DEEP.astype(">u2"), rows=20), DEEP_SHOWN),
    "BigTIFF in planes": (by_hand(COLOURS, photometric=RGB, planar=True, big=True, rows=20), COLOURS),
    "ImageJ": (by_tifffile(STACK.swapaxes(0, 1), imagej=True, metadata={"axes": "ZCYX"}), None),
    "OME": (by_tifffile(STACK, ome=True, photometric="minisblack", metadata={"axes": "ZCYX"}), FIRST),
    "OME, compressed": (
        by_tifffile(STACK, ome=True, photometric="minisblack", compression="lzw", metadata={"axes": "ZCYX"}),
        FIRST,
    ),
    "MetaMorph": (metamorph(STACK[:, 0]), FIRST),
    "ImageJ in one directory": (one_directory(STACK[:, 0], 2), FIRST),
    **{
        f"CZI {code}": (czi([(CORNER, DEEP, code), (CORNER | {"C": 1}, DEEP, code)]), DEEP_SHOWN)
        for code in (0, 4, 5, 6)
    },
}
REAL = REPOSITORY.parent / "shared" / "microscope_files" / "real"
"""Of whose files those that are small are harmed, too, where they are."""


def seeds(kind: str) -> list[bytes]:
    """The files that are to be harmed."""
    if kind == "common":
        return list(SEEDS.values())
    small = [path for path in sorted(REAL.glob("*")) if path.stat().st_size < 600_000]
    return [data for data, _ in OF_MICROSCOPES.values()] + [path.read_bytes() for path in small]


class Reader:
    """A process that reads images, so that a crash is noticed and a hang ends."""

    def __init__(self, first: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.read_images"],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.read(first, HANGS_AFTER + 55)  # which takes the time to start

    def read(self, path: Path, seconds: float = HANGS_AFTER) -> dict[str, Any]:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(str(path)) + "\n")
        self.process.stdin.flush()
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        assert ready, "hangs"
        answer = self.process.stdout.readline()
        assert answer, f"crashes with exit code {self.process.wait()}"
        return dict(json.loads(answer))


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    first = tmp_path_factory.mktemp("first") / "image.czi"
    first.write_bytes(OF_MICROSCOPES["CZI 0"][0])  # whose reader is imported late
    reader = Reader(first)
    yield reader
    reader.process.kill()
    reader.process.communicate()


def size_by_pillow(data: bytes) -> tuple[int, int] | None:
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            return image.size
    except Exception:  # of any kind
        return None


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["common", "of microscopes"])
def test_mutated_images_give_a_picture_or_a_reason(
    reader: Reader, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    seen: Counter[str] = Counter()
    path = tmp_path / "mutated"

    @settings(QUICK, max_examples=EXAMPLES)
    @given(harmed(*seeds(kind)))
    def check(data: bytes) -> None:
        path.write_bytes(data)
        answer = reader.read(path)
        seen["refused" if "fault" in answer else "read"] += 1
        if "fault" in answer:
            assert answer["fault"]
            assert "\n" not in answer["fault"]
            return
        if size := size_by_pillow(data):
            seen["of these by Pillow, too"] += 1
            assert sorted(answer["shape"][:2]) == sorted(size)  # perhaps turned

    check()
    with capsys.disabled():
        print(f"\nmutated images, {kind}: {dict(seen)}, 0 crashes, 0 hangs over {HANGS_AFTER:.0f} s")
    assert seen["read"] + seen["refused"] >= EXAMPLES


@pytest.mark.parametrize("kind", sorted(SEEDS))
def test_every_kind_gives_its_picture_or_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "image"
    path.write_bytes(SEEDS[kind])
    if kind in REFUSED:
        with pytest.raises(ValueError, match=REFUSED[kind]):
            read_image(path)
        return
    with Image.open(path) as image:
        upright = ImageOps.exif_transpose(image)
        expected = np.asarray((picture("L") if image.mode == "I;16" else upright).convert("RGB")).astype(int)
    found = read_image(path).astype(int)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= (12 if "jpeg" in kind.lower() else 0)


@pytest.mark.parametrize("kind", sorted(OF_MICROSCOPES))
def test_every_kind_of_microscopes_gives_its_picture(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "image"
    data, expected = OF_MICROSCOPES[kind]
    path.write_bytes(data)
    if kind == "TIFF floats":
        with pytest.raises(ValueError, match="float32 pixels"):
            read_image(path)
        return
    try:
        found = read_image(path)
    except Ambiguous:
        found = read_image(path, choice=Choice(plane="max", channels=(0,)))
    if expected is None:
        expected, most = (COLOURS, 60) if "JPEG" in kind else (as_rgb(STACK[0].max(axis=0)), 0)
        np.testing.assert_allclose(found, expected, atol=most)
    else:
        np.testing.assert_array_equal(found, expected)
