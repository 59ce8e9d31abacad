"""An opened image file, before its pixels are read, and what is taken of one with several planes or channels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oral_cancer.settings.data import PLANES

MAX_PIXELS = 40_000_000
"""Largest width x height that is decoded; with 16 bits and 3 colours that takes 240 MB."""
COLOURS = ("red", "green", "blue")
LARGEST_PIXEL = 20.0
"""Micrometres; a larger side of a pixel is the resolution of a screen or a printer: 72 dpi are 353, 1,200 are 21."""


class Unreadable(ValueError):
    """Why a file gives no picture: what it is and the remedy, in a few words without its name."""


class Ambiguous(Unreadable):
    """That a file has several planes or channels and none is chosen, or lacks the one that is; with the remedy.

    Attributes:
        planes: how many there are to choose of; 1 where that is no question.
        channels: the names of those to choose of; none where that is no question.
    """

    def __init__(self, reason: str, planes: int = 1, channels: tuple[str, ...] = ()) -> None:
        super().__init__(reason)
        self.planes = planes
        self.channels = channels


Values = NDArray[Any]
"""Raw values (H, W), or (H, W, 3) in red, green and blue."""


@dataclass(frozen=True)
class Choice:
    """What is taken of files with several planes or channels; None is for files that have but one.

    Attributes:
        channels: one channel, or three to lay on red, green and blue; each by its number from 0 or by its name.
        plane: the number of a plane from 0, "first", "middle", or "max", the greatest value of all planes.
        before: what stands before the names of these options where the user gives them, such as "source.".
    """

    channels: tuple[int | str, ...] | None = None
    plane: int | str | None = None
    before: str = "source."


@dataclass(frozen=True)
class Picture:
    """An image file whose structure has been read.

    Attributes:
        dtype: of the values.
        read: the values of a plane (a number) and a channel (a number), (H, W), or (H, W, 3) where `colour`.
        bits: the depth that the file declares, where it is another than that of `dtype`.
        inverted: whether the lowest value is white.
        orientation: as in EXIF and TIFF, 1 to 8: how the picture is to be turned and mirrored.
        planes: how many; through depth, time or position.
        axes: how they come about, such as "3 x time, 10 x z".
        channels: the name of each, "" where it has none.
        colour: whether a channel is a picture in red, green and blue.
        micrometres: the side of a pixel, where the file says.
    """

    dtype: np.dtype[Any]
    read: Callable[[int, int], Values]
    bits: int | None = None
    inverted: bool = False
    orientation: int = 1
    planes: int = 1
    axes: str = ""
    channels: tuple[str, ...] = ("",)
    colour: bool = False
    micrometres: float | None = None


def check_size(width: int, height: int) -> None:
    """Raise Unreadable for an empty image, and for one that is too large to be decoded."""
    if min(width, height) <= 0 or width * height > MAX_PIXELS:
        raise Unreadable(f"{width} x {height} pixels; at most {MAX_PIXELS // 10**6} million can be read")


def of_a_microscope(micrometres: float | None) -> float | None:
    """The side of a pixel, or None where it is unknown or none that a microscope has."""
    return micrometres if micrometres is not None and 0 < micrometres <= LARGEST_PIXEL else None


def in_colours(places: NDArray[Any], palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture (H, W, 3) of which each pixel is a place (H, W) in a palette (N, 3)."""
    if (last := int(places.max())) >= len(palette):
        raise Unreadable(f"the file is damaged: it uses colour {last}, and its palette has {len(palette)}")
    return np.asarray(palette[places])


def pixels(picture: Picture, choice: Choice) -> Values:
    """The raw values of what is chosen of a file, upright.

    Raises:
        Ambiguous: where a choice is needed and there is none, or where the file lacks what is chosen.
    """
    _insist_on_choice(picture, choice)
    channels = _numbers(picture, choice)
    of_colours = picture.colour and len(picture.channels) == 1 and choice.channels is not None
    read = {channel: _plane(picture, choice, channel) for channel in dict.fromkeys([0] if of_colours else channels)}
    found = [read[0][..., channel] if of_colours else read[channel] for channel in channels]
    values = found[0] if len(found) == 1 else np.stack(found, axis=-1)
    return upright(values, picture.orientation)


def upright(values: Values, orientation: int) -> Values:
    """Values (H, W, ...) turned and mirrored as an orientation of EXIF says (1 is as it is); a view."""
    if orientation in (2, 3):
        values = values[:, ::-1]
    if orientation in (3, 4):
        values = values[::-1]
    if orientation in (5, 6, 7, 8):
        values = values.swapaxes(0, 1)
    if orientation in (6, 7):
        values = values[:, ::-1]
    if orientation in (7, 8):
        values = values[::-1]
    return values


def _insist_on_choice(picture: Picture, choice: Choice) -> None:
    faults, remedies = [], []
    if picture.planes > 1 and choice.plane is None:
        faults.append(f"{picture.planes} planes ({picture.axes})")
        remedies.append(f"{choice.before}plane=0 to {picture.planes - 1}, {', '.join(PLANES[:-1])} or {PLANES[-1]}")
    if len(picture.channels) > 1 and choice.channels is None:
        names = "; ".join(f"{number} {name}".strip() for number, name in enumerate(picture.channels))
        faults.append(f"{len(picture.channels)} channels ({names})")
        remedies.append(f"{choice.before}channels=0, or three as red, green and blue, such as [1,0,2]")
    if faults:
        of_several = picture.channels if len(picture.channels) > 1 else ()
        raise Ambiguous(f"has {' and '.join(faults)}: choose with {' and '.join(remedies)}", picture.planes, of_several)


def _numbers(picture: Picture, choice: Choice) -> list[int]:
    """The chosen channels, by number."""
    if choice.channels is None:
        return [0]
    names = picture.channels
    if picture.colour and len(names) == 1:
        names = COLOURS
    elif picture.colour and len(choice.channels) > 1:
        raise Ambiguous(f"its {len(names)} channels have colours of their own; choose one with {choice.before}channels")
    numbers = []
    for wanted in choice.channels:
        number = wanted
        if str(wanted) in names and not (isinstance(wanted, int) and 0 <= wanted < len(names)):
            number = names.index(str(wanted))  # a name may look like a number, such as a wavelength
        if not isinstance(number, int) or not 0 <= number < len(names):
            has = ", ".join(f"{number} {name}".strip() for number, name in enumerate(names))
            raise Ambiguous(f"has no channel {wanted}; {choice.before}channels can be {has}")
        numbers.append(number)
    return numbers


def _plane(picture: Picture, choice: Choice, channel: int) -> Values:
    if choice.plane == "max":
        values = picture.read(0, channel)
        for plane in range(1, picture.planes):
            another = picture.read(plane, channel)
            if another.shape != values.shape:
                raise Ambiguous(f"its planes differ in size; {choice.before}plane=max is for planes of one size")
            values = np.maximum(values, another)
        return values
    numbers: dict[int | str | None, int] = {None: 0, "first": 0, "middle": picture.planes // 2}
    number = numbers.get(choice.plane, choice.plane)
    if not isinstance(number, int) or not 0 <= number < picture.planes:
        raise Ambiguous(f"has no plane {choice.plane}; {choice.before}plane can be 0 to {picture.planes - 1}")
    return picture.read(number, channel)


def axes_in_words(axes: str, sizes: Sequence[int]) -> str:
    """E.g. "3 x time, 10 x z" of "TZ" and (3, 10)."""
    words = {"T": "time", "Z": "z", "I": "page", "Q": "page", "P": "position", "R": "position", "S": "scene"}
    return ", ".join(f"{size} x {words.get(axis, axis)}" for axis, size in zip(axes, sizes, strict=True) if size > 1)
