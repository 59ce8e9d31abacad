"""What the tags and texts of a TIFF file say of its values: their depth, the channels' names, the size of a pixel."""

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import tifffile
from tifffile import TiffFile, TiffPage

_MAX_SAMPLE, _RESOLUTION, _RESOLUTION_UNIT, _MICRO_MANAGER = 281, 282, 296, 51123
_UNIT_IN_MICROMETRES = {2: 25_400.0, 3: 10_000.0, 4: 1e3, 5: 1.0}
"""Inch and centimetre, and as tifffile writes them millimetre and micrometre."""
_MICROMETRES = {
    "m": 1e6,
    "mm": 1e3,
    "µm": 1.0,
    "μm": 1.0,
    "um": 1.0,
    "micron": 1.0,
    "microns": 1.0,
    **dict.fromkeys(("micrometer", "micrometers", "micrometre", "micrometres"), 1.0),
    "\\u00B5m": 1.0,
    "nm": 1e-3,
    "cm": 1e4,
    "inch": 25_400.0,
}


def declared_bits(page: TiffPage, dtype: np.dtype[Any], ome: dict[str, Any]) -> int | None:
    """The depth that a file declares, where it is less than that of the type of its values.

    Bio-Formats and others write the size of the type where they know no depth, and some write the largest value that
    is there as the largest possible one: neither declares anything.
    """
    whole = 8 * dtype.itemsize
    if dtype.kind != "u":
        return None
    if page.bitspersample < whole:
        return int(page.bitspersample)
    if whole == 8:
        return None
    largest = page.tags.valueof(_MAX_SAMPLE, default=0)
    largest = max(largest) if isinstance(largest, tuple) else largest
    power = int(largest).bit_length() if isinstance(largest, int | np.integer) else 0
    stated = [_whole(ome.get("SignificantBits")), *_micro_manager_bits(page), power if largest == 2**power - 1 else 0]
    return next((bits for bits in stated if 8 <= bits < whole), None)


def _micro_manager_bits(page: TiffPage) -> Iterator[int]:
    noted = page.tags.valueof(_MICRO_MANAGER, default=None)
    if isinstance(noted, dict):
        yield _whole(noted.get("BitDepth"))
        yield from (_whole(value) for name, value in noted.items() if str(name).endswith("-BitDepth"))


def _whole(value: Any) -> int:
    return int(float(value)) if re.fullmatch(r"\d{1,3}(\.0*)?", str(value)) else 0


def ome_pixels(file: TiffFile, page: TiffPage) -> dict[str, Any]:
    """The attributes and channels of a page's image in OME-XML; empty where there is none that can be read."""
    if not file.is_ome or not file.ome_metadata:
        return {}
    try:
        images = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]
        found = [one["Pixels"] for one in (images if isinstance(images, list) else [images])]
        own = (one for one in found if (one["SizeX"], one["SizeY"]) == (page.imagewidth, page.imagelength))
        return dict(next(own, {}))
    except Exception:  # of any kind: it is text that a stranger wrote
        return {}


def channel_names(file: TiffFile, ome: dict[str, Any], number: int) -> tuple[str, ...]:
    """The names of a file's channels, as many as it has; empty ones where it tells none, or another number of them."""
    channels = ome.get("Channel", [])
    names = [str(one.get("Name", "")) for one in (channels if isinstance(channels, list) else [channels])]
    if file.is_micromanager and not names:
        summary = (file.micromanager_metadata or {}).get("Summary", {})
        names = [str(name) for name in summary.get("ChNames") or []]
    return tuple(names) if len(names) == number else ("",) * number


def pixel_size(file: TiffFile, page: TiffPage, ome: dict[str, Any]) -> float | None:
    """Micrometres a pixel, by whatever says it most directly."""
    unit = _in_micrometres(ome.get("PhysicalSizeXUnit", "µm"))
    if unit and (size := _number(ome.get("PhysicalSizeX"))):
        return size * unit
    noted = page.tags.valueof(_MICRO_MANAGER, default=None)
    if isinstance(noted, dict) and (size := _number(noted.get("PixelSizeUm"))):
        return size
    noted = file.stk_metadata or {} if file.is_stk else {}
    unit = _in_micrometres(noted.get("CalibrationUnits"))
    if unit and (size := _number(noted.get("XCalibration"))):
        return size * unit
    if file.is_lsm and (size := _number((file.lsm_metadata or {}).get("VoxelSizeX"))):
        return size * 1e6
    across = page.tags.valueof(_RESOLUTION, default=None)
    if not (isinstance(across, tuple) and len(across) == 2 and all(isinstance(part, int) for part in across)):
        return None
    unit = _UNIT_IN_MICROMETRES.get(page.tags.valueof(_RESOLUTION_UNIT, default=2))
    if file.is_imagej:
        unit = _in_micrometres((file.imagej_metadata or {}).get("unit"))
    return unit * across[1] / across[0] if unit and all(across) else None


def _in_micrometres(unit: Any) -> float | None:
    """A unit by its sign, or by its name in capitals or not; Mm is none of a microscope."""
    name = str(unit)
    return _MICROMETRES.get(name) or (_MICROMETRES.get(name.lower()) if len(name) > 2 else None)


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and number > 0 else None
