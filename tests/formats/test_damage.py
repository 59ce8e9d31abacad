"""Damaged pixels in every compression: what can be noticed is refused; the share of each kind is printed."""

import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial

import imagecodecs
import numpy as np
import pytest

from oral_cancer.data.reader import decode, quiet
from oral_cancer.formats.picture import Choice, Unreadable
from tests.formats.conftest import COLOURS
from tests.formats.files import RGB, Pixels, by_hand, by_pillow, compressed
from tests.formats.test_tiff_compressions import EVERY, STREAMS

EACH = 8  # damages of each kind
ROWS = 10
SUBSAMPLED = 2  # Pillow's number for half the colours


def zeros(stream: bytes, at: int, _: np.random.Generator) -> bytes:
    return stream[:at] + bytes(len(stream[at : at + 512])) + stream[at + 512 :]


def noise(stream: bytes, at: int, rng: np.random.Generator) -> bytes:
    return stream[:at] + rng.bytes(len(stream[at : at + 64])) + stream[at + 64 :]


def drop(stream: bytes, at: int, rng: np.random.Generator) -> bytes:
    return stream[:at] + stream[at + int(rng.integers(1, 40)) :]


def double(stream: bytes, at: int, rng: np.random.Generator) -> bytes:
    return stream[:at] + stream[at : at + int(rng.integers(1, 40))] + stream[at:]


def cut(stream: bytes, at: int, _: np.random.Generator) -> bytes:
    return stream[: max(at, 1)]


def flip(stream: bytes, at: int, rng: np.random.Generator) -> bytes:
    return stream[:at] + bytes([stream[at] ^ 1 << int(rng.integers(8))]) + stream[at + 1 :]


DAMAGES = {
    "512 zeros": zeros,
    "64 random": noise,
    "dropped": drop,
    "doubled": double,
    "cut": cut,
    "one bit": flip,
}
Damage = Callable[[bytes, int, np.random.Generator], bytes]


def jpeg(part: Pixels, sampling: str = "444") -> bytes:
    return bytes(imagecodecs.jpeg8_encode(part, level=92, subsampling=sampling))


CODES: dict[str, tuple[int, Callable[[Pixels], bytes]]] = {
    "none": (1, lambda part: part.tobytes()),
    **{
        name: (code, partial(lambda encode, part: bytes(encode(part.tobytes())), encode))
        for name, (code, encode) in STREAMS.items()
        if name not in ("old deflate", "PIXTIFF", "old zstd")
    },
    "JPEG": (7, jpeg),
    **{
        name: (code, partial(lambda encode, part: bytes(encode(part)), encode))
        for name, (code, encode) in EVERY.items()
        if name in ("JPEG XR", "JPEG 2000", "JPEG XL", "PNG", "WebP", "LERC")
    },
}
CHECKED = ("deflate", "lzma", "PNG", "LERC")
"""Of compressions whose streams have a checksum, no damage that changes a pixel can go unnoticed."""
UNLIMITED = {"lzw": imagecodecs.lzw_decode, "packbits": imagecodecs.packbits_decode, "zstd": imagecodecs.zstd_decode}


def damaged_tiffs(name: str, damage: Damage, rows: int) -> Iterator[tuple[bytes, bytes, int]]:
    """Files of which one strip's stream is damaged, its length in the directory adapted; that stream, and its rows."""
    code, encode = CODES[name]
    rng = np.random.default_rng(zlib.crc32(f"{name} {damage.__name__} {rows}".encode()))
    strips = -(-len(COLOURS) // rows)
    for _ in range(EACH):
        broken = int(rng.integers(strips))
        done: list[bytes] = []

        def of_a_strip(part: Pixels, broken: int = broken, done: list[bytes] = done) -> bytes:
            stream = encode(part)
            if len(done) == broken:
                stream = damage(stream, int(rng.integers(len(stream))), rng)
            done.append(stream)
            return stream

        photometric = 6 if name == "JPEG" else RGB
        data = by_hand(COLOURS, of_a_strip, rows=rows, photometric=photometric, tags=compressed(code))
        yield data, done[broken], rows


def refused(data: bytes) -> bool:
    """Whether a file is; what is read of it in spite of damage has at least the right shape."""
    with quiet():
        try:
            found = decode(data, Choice()).values
        except Unreadable:
            return True
    assert found.shape == COLOURS.shape
    return False


def holds_another_number_of_bytes(name: str, stream: bytes, expected: int) -> bool:
    """By a decoder that is not told how many there should be."""
    try:
        return len(UNLIMITED[name](stream)) != expected
    except Exception:  # each has its own kind
        return True


@pytest.mark.parametrize("name", CODES)
def test_damaged_strips(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    noticed: dict[str, list[bool]] = defaultdict(list)
    with quiet():
        whole = decode(
            by_hand(
                COLOURS,
                CODES[name][1],
                rows=ROWS,
                photometric=6 if name == "JPEG" else RGB,
                tags=compressed(CODES[name][0]),
            ),
            Choice(),
        ).values
    for kind, damage in DAMAGES.items():
        for rows in (len(COLOURS), ROWS):
            for data, stream, tall in damaged_tiffs(name, damage, rows):
                noticed[kind].append(refused(data))
                if name in UNLIMITED and holds_another_number_of_bytes(name, stream, COLOURS[:tall].size):
                    assert noticed[kind][-1], "too few or too many bytes, or an invalid code"
                if name in CHECKED and not noticed[kind][-1]:
                    np.testing.assert_array_equal(decode(data, Choice()).values, whole)
                if name == "deflate":
                    assert noticed[kind][-1] or stream == CODES[name][1](COLOURS[:tall])
    assert all(noticed["cut"])
    with capsys.disabled():
        print_shares(name, noticed)


def print_shares(name: str, noticed: dict[str, list[bool]]) -> None:
    shares = ", ".join(f"{kind} {np.mean(found):.0%}" for kind, found in noticed.items())
    print(f"\ndamage noticed in {name}: {shares}")


FILES = {
    "PNG file": by_pillow(COLOURS, "PNG"),
    "JPEG file": by_pillow(COLOURS, "JPEG", quality=92, subsampling=0),
    "JPEG file, subsampled": by_pillow(COLOURS, "JPEG", quality=92, subsampling=SUBSAMPLED),
    "progressive JPEG file": by_pillow(COLOURS, "JPEG", quality=92, subsampling=0, progressive=True),
    "BMP file": by_pillow(COLOURS, "BMP"),
    "TIFF file, LZW": by_pillow(COLOURS, compression="tiff_lzw"),
    "TIFF file, deflate": by_pillow(COLOURS, compression="tiff_adobe_deflate"),
}


@pytest.mark.parametrize("name", FILES)
def test_damaged_files(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    data = FILES[name]
    noticed: dict[str, list[bool]] = defaultdict(list)
    rng = np.random.default_rng(0)
    for kind, damage in DAMAGES.items():
        for _ in range(2 * EACH):
            harmed = damage(data, int(rng.integers(len(data) // 3, len(data) - 60)), rng)
            noticed[kind].append(harmed != data and refused(harmed))
    for kind in ("cut", *(("dropped", "doubled") if name == "BMP file" else DAMAGES if "PNG" in name else ())):
        assert all(noticed[kind]), kind
    with capsys.disabled():
        print_shares(name, noticed)


CHECKSUMMED = bytes.fromhex(
    "28b52ffd2460c501000403000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223242526272829"
    "2a2b2c2d2e2f0100d08c141444a2d0ef"
)
"""Twice the numbers from 0 to 47, by zstd with a checksum, which imagecodecs does not write."""


def test_zstd_with_a_checksum() -> None:
    values = np.tile(np.arange(48, dtype=np.uint8), 2).reshape(8, 12)
    sound = by_hand(values, lambda _: CHECKSUMMED, tags=compressed(50000))
    np.testing.assert_array_equal(decode(sound, Choice()).values, values)
    rng = np.random.default_rng(0)
    for at in range(8, len(CHECKSUMMED)):
        for damage in (flip, drop, double, cut):
            harmed = damage(CHECKSUMMED, at, rng)
            with pytest.raises(Unreadable):
                decode(by_hand(values, lambda _, harmed=harmed: harmed, tags=compressed(50000)), Choice())
