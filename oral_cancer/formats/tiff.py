"""TIFF files and their kin: OME-TIFF, ImageJ, Micro-Manager, MetaMorph STK, Zeiss LSM, BigTIFF."""

import io
import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tifffile import TiffFile, TiffPage, TiffPageSeries

from oral_cancer.formats.picture import (
    Picture,
    Unreadable,
    Values,
    axes_in_words,
    check_size,
    in_colours,
    of_a_microscope,
)
from oral_cancer.formats.tiff_chain import insist_on_whole_chain
from oral_cancer.formats.tiff_metadata import channel_names, declared_bits, ome_pixels, pixel_size
from oral_cancer.formats.tiff_pages import MOST_FILLING, decode_page, refuse_compression

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PHOTOMETRIC, _ORIENTATION = 262, 274
_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB, _PALETTE, _YCBCR = 0, 1, 2, 3, 6
_ALPHA = (1, 2)  # kinds of extra samples: premultiplied, straight
_UNDEFINED = 4  # SampleFormat
_MASK = 4  # bit of NewSubfileType
_ALIKE = 0.95
"""Least correlation of a thumbnail and its image, by which it is told where its tags are silent."""


def open_tiff(data: bytes) -> Picture:
    """The picture in the bytes of a TIFF file.

    Raises:
        Unreadable: with the reason, also for several images that are no planes or channels of one.
    """
    insist_on_whole_chain(data)
    file = TiffFile(io.BytesIO(data))
    series = _only_series(file, data)
    page = series.keyframe
    _insist_on_readable(page)
    lead = len(series.shape) - len(page.shape)
    if lead < 0 or series.shape[lead:] != page.shape or page.axes not in ("YX", "YXS", "SYX"):
        raise Unreadable(
            f"axes {series.axes} of {_by(series.shape)}; save the plane that you mean as a file of its own"
        )
    axes, sizes = series.axes[:lead], series.shape[:lead]
    _insist_on_all_planes(file, series, math.prod(sizes), data)
    of_page, colour = _channels_of_page(page)
    among_pages = math.prod(size for axis, size in zip(axes, sizes, strict=True) if axis in "CS")
    if among_pages > 1 and of_page > 1:
        raise Unreadable(f"channels both as pages and within them (axes {series.axes}); save each as a file of its own")
    number = of_page * among_pages
    planes = [(axis, size) for axis, size in zip(axes, sizes, strict=True) if axis not in "CS"]

    def read(plane: int, channel: int) -> Values:
        place = _place(axes, sizes, plane, channel if among_pages > 1 else 0)
        own = _own_page(series, place)
        if _orientation(own) != _orientation(page):
            raise Unreadable("its pages are turned in different ways; save the one that you mean as a file of its own")
        values = _frame(series, data, place)
        values = np.moveaxis(values, 0, -1) if page.axes == "SYX" else values
        if page.photometric == _PALETTE:
            return _through_palette(own, values)
        if colour:
            return values[..., :3]
        return values[..., channel if of_page > 1 else 0] if values.ndim == 3 else values

    ome = ome_pixels(file, page)
    palette = page.photometric == _PALETTE
    return Picture(
        dtype=np.dtype(np.uint8) if palette else _dtype(page).newbyteorder("="),
        read=read,
        bits=None if palette else declared_bits(page, _dtype(page), ome),
        inverted=page.photometric == _MIN_IS_WHITE and page.tags.get(_PHOTOMETRIC) is not None,
        orientation=_orientation(page),
        planes=math.prod(size for _, size in planes),
        axes=axes_in_words("".join(axis for axis, _ in planes), [size for _, size in planes]),
        channels=channel_names(file, ome, number),
        colour=colour or palette,
        micrometres=of_a_microscope(pixel_size(file, page, ome)),
    )


def _only_series(file: TiffFile, data: bytes) -> TiffPageSeries:
    """The one image of a file, beside which there may be smaller ones of it: thumbnails, levels of a pyramid."""
    try:
        known = sum(len(series.pages) for each in file.series for series in each.levels)
    except KeyError as error:
        if not file.is_ome:
            raise
        lacking = f"its OME-XML does not say {error.args[0]}, and so not what its pages are"
        raise Unreadable(f"{lacking}; save it anew") from error
    if known < len(file.pages):
        raise Unreadable(f"{len(file.pages)} pages, of which its metadata know {known}; save it anew")
    found = [level for series in file.series if series.kind != "unknown" for level in series.levels if level.shape]
    largest = max(found, key=lambda series: series.keyframe.imagewidth * series.keyframe.imagelength)
    others = [series for series in found if series is not largest and not _is_smaller(series, largest, data)]
    if others:
        pages = [series.keyframe for series in (largest, *others)]
        sizes = ", ".join(f"{page.imagewidth} x {page.imagelength}" for page in pages[:4])
        raise Unreadable(f"{len(pages)} images in one file ({sizes}); save the one that you mean")
    return largest


def _is_smaller(series: TiffPageSeries, whole: TiffPageSeries, data: bytes) -> bool:
    """Whether an image is a thumbnail of another, by its tag, or as it looks."""
    page, large = series.keyframe, whole.keyframe
    if page.is_reduced or page.subfiletype & _MASK:
        return True
    factor = page.imagewidth / large.imagewidth
    if factor >= 1 or abs(page.imagelength - factor * large.imagelength) > 1:
        return False
    small, grey = (_grey(each, data) for each in (series, whole))
    made = [cv2.resize(grey, small.shape[::-1], interpolation=way) for way in (cv2.INTER_AREA, cv2.INTER_NEAREST)]
    return any(_alike(small, np.asarray(one, np.float32)) for one in made)


def _grey(series: TiffPageSeries, data: bytes) -> NDArray[np.float32]:
    """The first plane of an image, (H, W), whatever its values mean."""
    page = series.keyframe
    _insist_on_readable(page)
    values = _frame(series, data, 0).reshape(page.shaped[0], page.imagelength, page.imagewidth, -1)
    return np.asarray(values.mean(axis=(0, 3), dtype=np.float32))


def _alike(some: NDArray[np.float32], others: NDArray[np.float32]) -> bool:
    """Whether values are the same but for brightness and contrast, and what a filter does to them."""
    first, second = some - some.mean(), others - others.mean()
    power = float((first**2).mean() * (second**2).mean())
    return power == 0 or float((first * second).mean()) >= _ALIKE * math.sqrt(power)


def _insist_on_all_planes(file: TiffFile, series: TiffPageSeries, planes: int, data: bytes) -> None:
    """Raise Unreadable where a file says that it has more planes than it holds."""
    page = series.keyframe
    noted = file.imagej_metadata or {} if file.is_imagej else {}
    said = math.prod(max(int(noted.get(name, 1)), 1) for name in ("frames", "slices", "channels"))
    if noted and series.kind != "imagej" and said > max(len(file.pages), page.samplesperpixel):
        raise Unreadable(f"the file is truncated: ImageJ wrote {said} planes, and it holds {len(file.pages)}")
    if (start := _start_of_row(series)) is not None:
        size = planes * math.prod(page.shape) * _dtype(page).itemsize
        if start + size > len(data):
            raise Unreadable("the file is truncated")
        stored, least = sum(page.databytecounts), math.prod(page.shape) * _dtype(page).itemsize
        if not least <= stored <= size + MOST_FILLING * len(page.databytecounts):
            raise Unreadable(f"the file is damaged: its pixels have {stored} bytes for {size}")
    elif len(series.pages) < planes:
        raise Unreadable(f"the file is damaged: it holds {len(series.pages)} of {planes} planes")


def _insist_on_readable(page: TiffPage) -> None:
    check_size(page.imagewidth, page.imagelength)
    if page.is_tiled:
        check_size(page.tilewidth, page.tilelength)
    if page.imagedepth > 1 or (page.is_tiled and page.tiledepth > 1):
        raise Unreadable("a volume in one page; save the plane that you mean as a file of its own")
    refuse_compression(page)
    if isinstance(page.bitspersample, tuple):
        raise Unreadable(f"samples of {' and '.join(map(str, page.bitspersample))} bits; save it with 8 bits each")
    if page.photometric not in (_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB, _PALETTE, _YCBCR):
        raise Unreadable(f"a TIFF in neither grey nor RGB but {_name(page.photometric)}; save it as RGB")
    if _dtype(page).kind not in "uif":
        raise Unreadable(f"{_dtype(page)} pixels; save it with 8 or 16 bits unsigned")


def _dtype(page: TiffPage) -> np.dtype[Any]:
    """Of the values; those of an undefined format are taken as unsigned, as other readers do."""
    if page.bitspersample == 1:
        return np.dtype(np.uint8)
    if page.dtype is not None:
        return np.dtype(page.dtype)
    if page.sampleformat == _UNDEFINED and page.bitspersample in (8, 16, 32):
        return np.dtype(f"u{page.bitspersample // 8}")
    raise Unreadable(f"samples of {page.bitspersample} bits in format {page.sampleformat}; save it with 8 or 16 bits")


def _channels_of_page(page: TiffPage) -> tuple[int, bool]:
    """How many channels a page has, alpha left out, and whether they are one picture in colours."""
    samples, alphas = page.samplesperpixel, sum(kind in _ALPHA for kind in page.extrasamples)
    stated = page.tags.get(_PHOTOMETRIC) is not None
    colour = page.photometric in (_RGB, _YCBCR) if stated else samples in (3, 4)
    if page.is_lsm:  # whatever its channels show
        return samples, False
    if not colour:
        return max(samples - alphas, 1), False
    if samples - alphas < 3 or samples - max(alphas, 1) > 3:
        raise Unreadable(f"RGB with {samples} samples a pixel; save its channels as files of their own, or as RGB")
    return 1, True


def _place(axes: str, sizes: Sequence[int], plane: int, channel: int) -> int:
    """The number of the page that holds a plane of a channel."""
    at = [0] * len(axes)
    for of_channels, number in ((True, channel), (False, plane)):
        for position in reversed([position for position, axis in enumerate(axes) if (axis in "CS") == of_channels]):
            number, at[position] = divmod(number, sizes[position])
    return int(np.ravel_multi_index(at, sizes)) if sizes else 0


def _frame(series: TiffPageSeries, data: bytes, number: int) -> Values:
    """The values of a page as it has them, (H, W), (H, W, samples) or (samples, H, W)."""
    page = series.keyframe
    if (start := _start_of_row(series)) is not None:
        dtype, count = _dtype(page), math.prod(page.shape)
        stored = dtype.newbyteorder(page.parent.byteorder)
        values = np.frombuffer(data, stored, count, start + number * count * dtype.itemsize)
        return values.reshape(page.shape).astype(dtype.newbyteorder("="), copy=False)
    if (found := series.pages[number]) is None:
        raise Unreadable("one of several files of an image, and the plane lies in another; save it as one file")
    return decode_page(found, _dtype(page), data)


def _own_page(series: TiffPageSeries, number: int) -> TiffPage:
    """The page of a plane with all of its tags; the first one where planes have one directory for all."""
    found = series.pages[number] if number < len(series.pages) else None
    return series.keyframe if found is None else found.aspage()


def _start_of_row(series: TiffPageSeries) -> int | None:
    """Where the planes follow each other as they are, perhaps with one directory for all; None where they do not."""
    page = series.keyframe
    plain = page.dtype is not None and page.fillorder == 1 and page.bitspersample == 8 * page.dtype.itemsize
    return series.dataoffset if plain else None


def _through_palette(page: TiffPage, values: Values) -> NDArray[np.uint8]:
    colours = np.empty((3, 0), int) if page.colormap is None else np.asarray(page.colormap)  # (3, 2 ** bits)
    if colours.max(initial=0) > 255:  # of 16 bits, or of 8 by mistake
        colours = colours >> 8
    return in_colours(values[..., 0] if values.ndim == 3 else values, colours.T.astype(np.uint8))  # without alpha


def _orientation(page: TiffPage) -> int:
    value = page.tags.valueof(_ORIENTATION, default=1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _name(value: Any) -> str:
    return getattr(value, "name", str(value))


def _by(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))
