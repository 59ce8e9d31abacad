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
from tests.conftest import REPOSITORY
from tests.faults.harm import QUICK, harmed

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
}
REFUSED = ("TIFF CMYK", "TIFF F")


class Reader:
    """A process that reads images, so that a crash is noticed and a hang ends."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.read_images"],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def read(self, path: Path) -> dict[str, Any]:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(str(path)) + "\n")
        self.process.stdin.flush()
        ready, _, _ = select.select([self.process.stdout], [], [], HANGS_AFTER + 25 * (not self.process.returncode))
        assert ready, "hangs"
        answer = self.process.stdout.readline()
        assert answer, f"crashes with exit code {self.process.wait()}"
        return dict(json.loads(answer))


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    reader = Reader()
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


@pytest.mark.filterwarnings("ignore")
def test_mutated_images_give_a_picture_or_a_reason(
    reader: Reader, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: Counter[str] = Counter()
    path = tmp_path / "mutated"

    @settings(QUICK, max_examples=EXAMPLES)
    @given(harmed(*SEEDS.values()))
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
        print(f"\nmutated images: {dict(seen)}, 0 crashes, 0 hangs over {HANGS_AFTER:.0f} s")
    assert seen["read"] + seen["refused"] >= EXAMPLES


@pytest.mark.parametrize("kind", sorted(SEEDS))
def test_every_kind_gives_its_picture_or_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "image"
    path.write_bytes(SEEDS[kind])
    if kind in REFUSED:
        with pytest.raises(ValueError, match="save it"):
            read_image(path)
        return
    with Image.open(path) as image:
        upright = ImageOps.exif_transpose(image)
        expected = np.asarray((picture("L") if image.mode == "I;16" else upright).convert("RGB")).astype(int)
    found = read_image(path).astype(int)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= (12 if "jpeg" in kind else 0)
