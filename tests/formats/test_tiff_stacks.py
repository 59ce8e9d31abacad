"""Stacks, series and channels in TIFF files: the right page for every plane and channel, and none unasked."""

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from oral_cancer.data.reader import decode
from oral_cancer.formats.picture import Choice, Unreadable
from tests.formats.conftest import COLOURS, GREY, Reader, as_rgb, drawn
from tests.formats.files import DESCRIPTION, Pixels, Tags, by_hand, by_pillow, by_tifffile, text

UIC1, UIC2 = 33628, 33629  # tags of MetaMorph


def stack(*sizes: int) -> Pixels:
    """Pictures (*sizes, H, W) that all differ."""
    count = int(np.prod(sizes))
    return np.stack([np.roll(GREY, 3 * number, axis=1) // 2 + number for number in range(count)]).reshape(
        *sizes, *GREY.shape
    )


def planes_and_channels(values: Pixels, axes: str) -> Iterator[tuple[int, int, Pixels]]:
    """Number of the plane, of the channel, and the picture, by the order of the axes but for that of the channels."""
    channels = axes.index("C") if "C" in axes else None
    ordered = values[None] if channels is None else np.moveaxis(values, channels, 0)
    for channel, of_channel in enumerate(ordered):
        for plane, picture in enumerate(of_channel.reshape(-1, *GREY.shape)):
            yield plane, channel, picture


KINDS: dict[str, dict[str, Any]] = {
    "ImageJ": {"imagej": True},
    "ImageJ, compressed": {"imagej": True, "compression": "zlib"},
    "OME": {"ome": True},
    "OME, compressed": {"ome": True, "compression": "lzw"},
    "OME, tiled": {"ome": True, "tile": (16, 32)},
}


@pytest.mark.parametrize("axes", ["ZYX", "TYX", "CYX", "ZCYX", "TZYX", "TZCYX"])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", KINDS)
def test_hyperstacks(kind: str, order: str, axes: str) -> None:
    values = stack(*(2 + number for number in range(len(axes) - 2)))
    options = KINDS[kind]
    if "imagej" in options and order == "<":
        order = ">"  # ImageJ's own
    data = by_tifffile(values, photometric="minisblack", byteorder=order, metadata={"axes": axes}, **options)
    for plane, channel, picture in planes_and_channels(values, axes[:-2]):
        chosen = Choice(plane=plane, channels=(channel,))
        np.testing.assert_array_equal(decode(data, chosen).values, picture)


def test_an_order_of_dimensions_of_its_own() -> None:
    values = stack(2, 3, 4)
    data = by_tifffile(values, photometric="minisblack", ome=True, metadata={"axes": "CZTYX"})
    for plane, channel, picture in planes_and_channels(values, "CZT"):
        np.testing.assert_array_equal(decode(data, Choice(plane=plane, channels=(channel,))).values, picture)


def test_shaped_stacks_and_plain_pages(read: Reader) -> None:
    values = stack(5)
    shaped = by_tifffile(values, photometric="minisblack", metadata={})
    by_page = by_pillow(Image.fromarray(values[0]), save_all=True, append_images=[*map(Image.fromarray, values[1:])])
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for picture in values:
            writer.write(picture, contiguous=False, compression="zlib", metadata=None)
    for data in (shaped, by_page, file.getvalue()):
        with pytest.raises(Unreadable, match=r"has 5 planes \(5 x page\): choose with source.plane=0 to 4, first"):
            read(data)
        for plane, picture in enumerate(values):
            np.testing.assert_array_equal(read(data, plane=plane), as_rgb(picture))


def test_planes_by_word(read: Reader) -> None:
    values = stack(5)
    for data in (
        by_tifffile(values, imagej=True, metadata={"axes": "ZYX"}),
        by_tifffile(values, ome=True, metadata={"axes": "ZYX"}),
    ):
        np.testing.assert_array_equal(read(data, plane="first"), as_rgb(values[0]))
        np.testing.assert_array_equal(read(data, plane="middle"), as_rgb(values[2]))
        np.testing.assert_array_equal(read(data, plane="max"), as_rgb(values.max(axis=0)))
        for wrong in (5, -1, "last"):
            with pytest.raises(Unreadable, match=f"has no plane {wrong}; source.plane can be 0 to 4"):
                read(data, plane=wrong)


def test_channels_by_number_and_name(read: Reader) -> None:
    values = stack(3)
    metadata = {"axes": "CYX", "Channel": {"Name": ["DAPI", "GFP", "Cy5"]}}
    data = by_tifffile(values, photometric="minisblack", ome=True, metadata=metadata)
    with pytest.raises(Unreadable, match=r"has 3 channels \(0 DAPI; 1 GFP; 2 Cy5\): choose with source.channels=0"):
        read(data)
    np.testing.assert_array_equal(read(data, channels=("GFP",)), as_rgb(values[1]))
    np.testing.assert_array_equal(read(data, channels=(2,)), as_rgb(values[2]))
    np.testing.assert_array_equal(read(data, channels=(1, "DAPI", 2)), np.moveaxis(values[[1, 0, 2]], 0, -1))
    np.testing.assert_array_equal(read(data, channels=("GFP", "GFP", "DAPI")), np.moveaxis(values[[1, 1, 0]], 0, -1))
    with pytest.raises(Unreadable, match=r"has no channel RFP; source.channels can be 0 DAPI, 1 GFP, 2 Cy5"):
        read(data, channels=("RFP",))


@pytest.mark.parametrize("number", [2, 3, 5])
@pytest.mark.parametrize("planar", [False, True])
def test_channels_within_pages(read: Reader, number: int, planar: bool) -> None:
    values = stack(number)
    data = by_hand(np.moveaxis(values, 0, -1), planar=planar, rows=9)
    with pytest.raises(Unreadable, match=f"has {number} channels"):
        read(data)
    for channel, picture in enumerate(values):
        np.testing.assert_array_equal(read(data, channels=(channel,)), as_rgb(picture))
    np.testing.assert_array_equal(read(data, channels=(1, 0, 1)), np.moveaxis(values[[1, 0, 1]], 0, -1))


def test_stacks_in_colours(read: Reader) -> None:
    values = np.stack([np.dstack([drawn(number), drawn(number + 1), GREY]) for number in range(3)])
    for data in (
        by_tifffile(values, photometric="rgb", metadata={}),
        by_tifffile(values, photometric="rgb", imagej=True, metadata={"axes": "ZYXS"}),
        by_tifffile(values, photometric="rgb", ome=True, metadata={"axes": "ZYXS"}),
        by_tifffile(values, photometric="rgb", compression="zlib", metadata={}),
    ):
        with pytest.raises(Unreadable, match="has 3 planes"):
            read(data)
        np.testing.assert_array_equal(read(data, plane=1), values[1])
        np.testing.assert_array_equal(read(data, plane=1, channels=(2, 1, 0)), values[1][..., ::-1])
        np.testing.assert_array_equal(read(data, plane="max", channels=("green",)), as_rgb(values[..., 1].max(axis=0)))


def one_directory(values: Pixels, said: int) -> bytes:
    """ImageJ's way with large stacks: planes in a row behind the only directory."""
    words = f"ImageJ=1.54f\nimages={said}\nslices={said}\nloop=false\n"
    return by_hand(values[0], lambda _: values.tobytes(), tags={DESCRIPTION: text(words)})


def test_a_stack_in_one_directory(read: Reader) -> None:
    values = stack(4)
    for stored in (values, (values.astype("u2") * 257)):
        data = one_directory(stored, 4)
        with pytest.raises(Unreadable, match="has 4 planes"):
            read(data)
        for plane, picture in enumerate(values):
            np.testing.assert_array_equal(read(data, plane=plane), as_rgb(picture))


def test_a_stack_in_one_directory_that_is_truncated_is_refused(read: Reader) -> None:
    data = one_directory(stack(4), 4)
    for choice in ({}, {"plane": 0}):
        with pytest.raises(Unreadable, match="truncated"):
            read(data[:-10], **choice)


def test_a_stack_that_lacks_pages_is_refused(read: Reader) -> None:
    words = "ImageJ=1.54f\nimages=9\nslices=9\nloop=false\n"
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for number, picture in enumerate(stack(3)):
            writer.write(picture, metadata=None, description=words if number == 0 else None, compression="zlib")
    with pytest.raises(Unreadable, match=r"truncated|damaged"):
        read(file.getvalue(), plane=0)


def test_ome_of_several_files_is_refused(read: Reader) -> None:
    words = (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:1">'
        '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" SizeX="72" SizeY="50" '
        'SizeZ="2" SizeC="1" SizeT="1"><Channel ID="Channel:0" SamplesPerPixel="1"/>'
        '<TiffData IFD="0" FirstZ="0" PlaneCount="1"><UUID FileName="a.tif">urn:uuid:1</UUID></TiffData>'
        '<TiffData IFD="0" FirstZ="1" PlaneCount="1"><UUID FileName="b.tif">urn:uuid:2</UUID></TiffData>'
        "</Pixels></Image></OME>"
    )
    data = by_hand(GREY, rows=20, tags={DESCRIPTION: text(words)})
    np.testing.assert_array_equal(read(data, plane=0), as_rgb(GREY))
    for choice in (1, "max"):
        with pytest.raises(Unreadable, match="one of several files of an image"):
            read(data, plane=choice)


def test_ome_of_several_images_is_refused(read: Reader) -> None:
    file = io.BytesIO()
    with tifffile.TiffWriter(file, ome=True) as writer:
        writer.write(GREY)
        writer.write(drawn(1))
    with pytest.raises(Unreadable, match="2 images in one file"):
        read(file.getvalue())


@pytest.mark.parametrize("lacking", ["DimensionOrder", "SizeX", "SizeT"])
def test_ome_that_lacks_an_attribute_is_refused_by_its_name(read: Reader, lacking: str) -> None:
    file = io.BytesIO()
    tifffile.imwrite(file, GREY, ome=True)
    with pytest.raises(Unreadable, match=rf"^its OME-XML does not say {lacking}.*; save it anew$"):
        read(file.getvalue().replace(f" {lacking}=".encode(), b" " + b"Q" * len(lacking) + b"="))


def test_ome_metadata_of_the_image_that_is_taken(read: Reader) -> None:
    file = io.BytesIO()
    with tifffile.TiffWriter(file, ome=True) as writer:
        writer.write(GREY[::2, ::2].astype(np.uint16) * 3, subfiletype=1, metadata={"SignificantBits": 10})
        writer.write(GREY.astype(np.uint16) * 3, metadata={"SignificantBits": 12})
    np.testing.assert_array_equal(read(file.getvalue()), as_rgb(np.rint(GREY.astype(int) * 3 / 4095 * 255)))


def metamorph(values: Pixels) -> bytes:
    """A MetaMorph STK file: planes in a row; of its tag the count is that of the planes, each of six numbers."""
    count = len(values)
    numbers = [number for plane in range(count) for number in (plane, 1, 2, 3, 4, 5)]
    tags: Tags = {UIC1: ("I", [0, 0]), UIC2: ("RATIO", numbers)}
    data = by_hand(values[0], lambda _: values.tobytes(), tags=tags)
    said, meant = (struct.pack("<HHI", UIC2, 5, number) for number in (3 * count, count))
    assert data.count(said) == 1
    return data.replace(said, meant)


def test_metamorph_stacks(read: Reader) -> None:
    values = stack(3)
    data = metamorph(values)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        assert file.is_stk
        np.testing.assert_array_equal(file.asarray(), values)
    with pytest.raises(Unreadable, match="has 3 planes"):
        read(data)
    for plane, picture in enumerate(values):
        np.testing.assert_array_equal(read(data, plane=plane), as_rgb(picture))
    with pytest.raises(Unreadable, match="truncated"):
        read(data[:-5], plane=0)


def test_what_is_not_asked_for_changes_nothing(read: Reader) -> None:
    """A choice is for files that have several."""
    np.testing.assert_array_equal(read(by_hand(GREY), plane="max", channels=(0,)), as_rgb(GREY))
    np.testing.assert_array_equal(read(by_hand(GREY), plane=0), as_rgb(GREY))
    with pytest.raises(Unreadable, match="has no channel 1"):
        read(by_hand(GREY), channels=(1,))


def test_a_page_has_its_own_palette(tmp_path: Path, read: Reader) -> None:
    ramps = [np.stack([np.arange(256)] * 3) * 257, np.stack([np.arange(255, -1, -1)] * 3) * 257]
    with tifffile.TiffWriter(tmp_path / "palettes.tif") as file:
        for ramp in ramps:
            file.write(GREY, photometric="palette", colormap=ramp.astype(np.uint16), metadata=None)
    data = (tmp_path / "palettes.tif").read_bytes()
    np.testing.assert_array_equal(read(data, plane=0), as_rgb(GREY))
    np.testing.assert_array_equal(read(data, plane=1), as_rgb(255 - GREY))


def test_pages_turned_in_different_ways_are_refused(tmp_path: Path, read: Reader) -> None:
    with tifffile.TiffWriter(tmp_path / "turned.tif") as file:
        for orientation in (1, 3):
            tag = [(274, 3, 1, orientation, True)]
            file.write(GREY, photometric="minisblack", extratags=tag, metadata=None, contiguous=False)
    data = (tmp_path / "turned.tif").read_bytes()
    np.testing.assert_array_equal(read(data, plane=0), as_rgb(GREY))
    with pytest.raises(ValueError, match="turned in different ways"):
        read(data, plane=1)


def test_pages_that_no_metadata_know_are_refused(read: Reader) -> None:
    data = by_tifffile(np.stack([GREY] * 3), ome=True, metadata={"axes": "ZYX"}, photometric="minisblack")
    data = data.replace(b'SizeZ="3"', b'SizeZ="1"')
    with pytest.raises(ValueError, match="3 pages, of which its metadata know 1"):
        read(data)


def test_a_transparency_mask_is_no_image(tmp_path: Path, read: Reader) -> None:
    with tifffile.TiffWriter(tmp_path / "masked.tif") as file:
        file.write(COLOURS, photometric="rgb", metadata=None)
        file.write(GREY > 9, photometric="minisblack", subfiletype=4, metadata=None)
    np.testing.assert_array_equal(read((tmp_path / "masked.tif").read_bytes()), COLOURS)
