"""CZI by hand, and the real files of microscopes: what is in them, as their own readers see it."""

import importlib
import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from oral_cancer.data.reader import decode
from oral_cancer.formats.picture import Choice, Picture, Unreadable, Values, pixels
from tests.formats.conftest import COLOURS, GREY, Reader, as_rgb, drawn
from tests.formats.files import Pixels, czi

pytest.importorskip("czifile")
pytest.importorskip("nd2")

CORNER = {"C": 0, "X": 0, "Y": 0}
DEEP = GREY.astype(np.uint16) * 16


@pytest.mark.parametrize("compression", [0, 4, 5, 6])
@pytest.mark.parametrize("values", [GREY, DEEP, COLOURS, COLOURS.astype(np.uint16) * 16], ids=["8", "16", "24", "48"])
def test_czi(values: Pixels, compression: int) -> None:
    data = czi([(CORNER, values, compression)])
    found = decode(data, Choice()).values
    np.testing.assert_array_equal(found, values[..., ::-1] if values.ndim == 3 else values)
    if compression in (0, 4) and values.ndim == 2:
        from czifile import CziFile

        np.testing.assert_array_equal(CziFile(io.BytesIO(data)).asarray().squeeze(), found)


def test_czi_of_planes_and_channels(read: Reader) -> None:
    places = [(z, t, c) for z in range(3) for t in range(2) for c in range(2)]
    tiles = [
        ({"C": c, "T": t, "Z": z, "X": 5, "Y": 7}, drawn(z) // 2 + 9 * t + 30 * c, 5)
        for z, t, c in np.random.default_rng(0).permutation(places).tolist()
    ]
    data = czi(tiles)
    with pytest.raises(Unreadable, match=r"6 planes \(2 x time, 3 x z\) and 2 channels"):
        read(data)
    for z, t, c in places:
        expected = drawn(z) // 2 + 9 * t + 30 * c
        np.testing.assert_array_equal(read(data, plane=3 * t + z, channels=(c,)), as_rgb(expected))
    highest = np.max([drawn(z) // 2 + 9 for z in range(3)], axis=0)
    np.testing.assert_array_equal(read(data, plane="max", channels=(0,)), as_rgb(highest))


def test_czi_of_tiles(read: Reader) -> None:
    def tiles(until: int, start: int) -> list[Any]:
        left, right = np.ascontiguousarray(GREY[:, :until]), np.ascontiguousarray(GREY[:, start:])
        return [(CORNER | {"M": 0}, left, 0), (CORNER | {"X": start, "M": 1}, right, 6)]

    np.testing.assert_array_equal(read(czi(tiles(40, 30))), as_rgb(GREY))
    with pytest.raises(Unreadable, match="a mosaic with gaps"):
        read(czi(tiles(30, 31)))


def test_czi_of_scenes(read: Reader) -> None:
    tiles = [({"C": 0, "S": s, "X": 500 * s, "Y": 0}, drawn(s)[:, : 60 + 10 * s].copy(), 0) for s in range(2)]
    data = czi(tiles)
    np.testing.assert_array_equal(read(data, plane=1), as_rgb(drawn(1)[:, :70]))
    with pytest.raises(Unreadable, match="its planes differ in size"):
        read(data, plane="max")
    with pytest.raises(Unreadable, match="the plane that is chosen is missing"):
        read(czi([*tiles, ({"C": 1, "S": 0, "X": 0, "Y": 0}, GREY, 0)]), plane=1, channels=(1,))


def test_czi_of_pyramids(read: Reader) -> None:
    small = (CORNER, np.ascontiguousarray(GREY[::2, ::2]), 0)
    np.testing.assert_array_equal(read(czi([(CORNER, GREY, 0), small], of_a_pyramid=1)), as_rgb(GREY))


def test_czi_that_is_not_read(read: Reader) -> None:
    for compression, name in ((1, "JPEG"), (2, "LZW")):
        with pytest.raises(Unreadable, match=f"compressed by {name}; export it as TIFF"):
            read(czi([(CORNER, GREY, compression)]))
    with pytest.raises(Unreadable, match="pixels of several types"):
        read(czi([(CORNER, GREY, 0), (CORNER | {"C": 1}, DEEP, 0)]))


def test_czi_metadata() -> None:
    xml = (
        "<ImageDocument><Metadata><Information><Image><ComponentBitCount>12</ComponentBitCount><Dimensions><Channels>"
        '<Channel Name="DAPI"/><Channel Name="GFP"/></Channels></Dimensions></Image></Information><Scaling><Items>'
        '<Distance Id="X"><Value>3.25e-07</Value></Distance></Items></Scaling></Metadata></ImageDocument>'
    )
    data = czi([(CORNER, DEEP // 2, 0), (CORNER | {"C": 1}, DEEP, 0)], xml)
    raw = decode(data, Choice(channels=("DAPI",)))
    assert raw.measured.bits == 12
    assert raw.micrometres == pytest.approx(0.325)
    assert decode(czi([(CORNER, DEEP, 0)], "<nonsense"), Choice()).micrometres is None


@pytest.mark.parametrize("compression", [0, 4, 5, 6])
def test_damaged_czi_is_refused(read: Reader, compression: int) -> None:
    data = czi([(CORNER, DEEP, compression)])
    start = 32 + 512 + 32 + 256  # of the pixels
    length = int.from_bytes(data[32 + 512 + 32 + 8 : 32 + 512 + 32 + 16], "little")
    for cut in (start + 1, start + length // 2, start + length - 1):
        with pytest.raises(Unreadable):
            read(data[:cut])
    short = bytearray(data)
    short[32 + 512 + 32 + 8 : 32 + 512 + 32 + 16] = (length - 2).to_bytes(8, "little")
    with pytest.raises(Unreadable):
        read(bytes(short))


@pytest.mark.parametrize(
    ("name", "data"), [("czifile", czi([(CORNER, GREY, 0)])), ("nd2", b"\xda\xce\xbe\x0a" + bytes(99))]
)
def test_without_the_extra_a_line_says_what_is_needed(
    read: Reader, name: str, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(Unreadable, match=rf"needs the extra `microscopes`.*{name}.*pip install.*or export it as TIFF"):
        read(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\0\0\0\x18ftypheic" + bytes(99), "a HEIC image: not of a kind that is read"),
        (b"\xff\x0a" + bytes(99), "a JPEG XL image: not of"),
        (bytes(128) + b"DICM", "a DICOM file: not of"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:", "a pointer of Git LFS to it; fetch it with `git"),
        (b"<!doctype html>", "not an image: not of a kind"),
    ],
)
def test_other_files_by_the_suffix_of_an_image_are_named(read: Reader, data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read(data)


@pytest.mark.parametrize("head", [b"ZISRAWFILE", b"\xda\xce\xbe\x0a"])
def test_nonsense_is_refused(read: Reader, head: bytes) -> None:
    for tail in (b"", bytes(100), bytes(range(256)) * 9):
        with pytest.raises(Unreadable, match=r"truncated|damaged"):
            read(head + tail)


@pytest.fixture
def real(microscope_files: Path) -> Callable[..., Any]:
    """A function from a real file's name and a choice to its raw values."""
    return lambda name, **choice: decode((microscope_files / "real" / name).read_bytes(), Choice(**choice))


@pytest.mark.parametrize(
    ("name", "shape", "bits", "lowest", "highest"),
    [
        ("speckles_12bit_maxsample.tif", (1000, 1200), 12, 628, 4095),
        ("metamorph_12bit.tif", (520, 696), None, 158, 4078),
        ("one_plane.czi", (325, 475), None, 3249, 4168),
    ],
)
def test_real_planes(
    real: Callable[..., Any],
    microscope_files: Path,
    name: str,
    shape: tuple[int, int],
    bits: int | None,
    lowest: int,
    highest: int,
) -> None:
    from czifile import imread

    raw = real(name)
    assert raw.values.shape == shape
    assert raw.measured == ("uint16", bits, lowest, highest)
    by_another = tifffile.imread if name.endswith(".tif") else imread
    np.testing.assert_array_equal(raw.values, by_another(str(microscope_files / "real" / name)).squeeze())


@pytest.mark.parametrize(
    ("name", "said", "planes", "channels"),
    [
        ("micromanager_12bit_8_pages.tif", "8 planes", 8, 0),
        ("imagej_5_channels.tif", "5 channels", 0, 5),
        ("nuclei_4_frames.tif", "4 planes", 4, 0),
        ("ome_channels_z_int8.ome.tif", r"5 planes \(5 x z\) and 3 channels", 5, 3),
    ],
)
def test_real_stacks(
    real: Callable[..., Any], microscope_files: Path, name: str, said: str, planes: int, channels: int
) -> None:
    with pytest.raises(Unreadable, match=f"has {said}"):
        real(name)
    whole = tifffile.imread(microscope_files / "real" / name)
    whole = whole.reshape(max(channels, 1), max(planes, 1), *whole.shape[-2:])
    for channel in range(max(channels, 1)):
        for plane in range(max(planes, 1)):
            found = real(name, plane=plane if planes else None, channels=(channel,) if channels else None)
            np.testing.assert_array_equal(found.values, whole[channel, plane])


def test_the_depth_of_a_real_micro_manager_file(real: Callable[..., Any]) -> None:
    assert real("micromanager_12bit_8_pages.tif", plane=0).measured.bits == 12


def test_a_real_pyramid_is_one_picture_and_upright(real: Callable[..., Any], microscope_files: Path) -> None:
    with tifffile.TiffFile(microscope_files / "real" / "tiled_orientation6.tif") as file:
        stored = file.pages[0].asarray()
        assert file.pages[0].tags["Orientation"].value == 6
    np.testing.assert_array_equal(real("tiled_orientation6.tif").values, np.rot90(stored, -1))


def test_real_channels_in_colours(real: Callable[..., Any], microscope_files: Path) -> None:
    with pytest.raises(Unreadable, match=r"has 7 channels \(0 Bright; 1 Pol_0;"):
        real("rgb_multichannel.czi")
    from czifile import imread

    whole = imread(str(microscope_files / "real" / "rgb_multichannel.czi")).squeeze()
    for channel in range(7):
        np.testing.assert_array_equal(real("rgb_multichannel.czi", channels=(channel,)).values, whole[channel])
    with pytest.raises(Unreadable, match="its 7 channels have colours of their own"):
        real("rgb_multichannel.czi", channels=(0, 1, 2))


def test_a_real_nd2(real: Callable[..., Any], microscope_files: Path) -> None:
    with pytest.raises(Unreadable, match=r"30 planes \(3 x time, 10 x z\) and 2 channels \(0 5-FAM"):
        real("cluster.nd2")
    import nd2

    whole = nd2.imread(microscope_files / "real" / "cluster.nd2").reshape(30, 2, 31, 38)
    for plane in (0, 7, 29):
        for channel in (0, 1):
            raw = real("cluster.nd2", plane=plane, channels=(channel,))
            np.testing.assert_array_equal(raw.values, whole[plane, channel])
            assert raw.micrometres == pytest.approx(0.16781, abs=1e-4)
    np.testing.assert_array_equal(real("cluster.nd2", plane="max", channels=(1,)).values, whole[:, 1].max(axis=0))


def test_a_plane_that_an_nd2_lacks_is_refused(real: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its reader gives black for it."""
    reader = importlib.import_module("nd2._readers._modern.modern_reader").ModernReader
    offsets = reader._frame_offsets
    monkeypatch.setattr(
        reader, "_frame_offsets", property(lambda self: {k: v for k, v in offsets.fget(self).items() if k != 3})
    )
    real("cluster.nd2", plane=2, channels=(0,))
    with pytest.raises(Unreadable, match="the plane that is chosen is missing"):
        real("cluster.nd2", plane=3, channels=(0,))


def test_pixel_sizes_of_real_files(real: Callable[..., Any]) -> None:
    assert real("one_plane.czi").micrometres == pytest.approx(1.08333, abs=1e-4)
    assert real("metamorph_12bit.tif").micrometres == pytest.approx(0.645)
    assert real("speckles_12bit_maxsample.tif").micrometres is None


def test_reading_plane_by_plane_decodes_only_what_is_asked_for() -> None:
    asked: list[tuple[int, int]] = []

    def read(plane: int, channel: int) -> Values:
        asked.append((plane, channel))
        return GREY

    picture = Picture(np.dtype(np.uint8), read, planes=5, channels=("", "", ""))
    pixels(picture, Choice(plane="middle", channels=(2, 0, 2)))
    assert asked == [(2, 2), (2, 0)]
