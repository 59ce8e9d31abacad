"""How the files of a collection are read: what is taken of them, and which raw values are black and white."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from oral_cancer.counting import counted
from oral_cancer.formats.brightness import LITTLE_USED, Levels, Measured, Reason, in_words, least, own_levels
from oral_cancer.formats.picture import Choice
from oral_cancer.settings import checked, shown
from oral_cancer.settings import data as settings

PLAIN = {("uint8", 0, 255), ("uint16", 0, 65535)}
"""Pixel types and their levels as every version of this program has read them."""


@dataclass(frozen=True)
class Reading:
    """What the user says of the files.

    Attributes:
        choice: of planes and channels.
        range: the raw values that are black and white; None leaves it to the files.
    """

    choice: Choice = field(default_factory=Choice)
    range: tuple[float, float] | None = None

    @classmethod
    def of(cls, range: Any = None, channels: Any = None, plane: Any = None, before: str = "source.") -> "Reading":
        """The options as they are given.

        Args:
            range: null or two finite numbers, the lower one first.
            channels: null, a channel or three, each a whole number from 0 or a name.
            plane: null, a whole number from 0, or one of `settings.data.PLANES`.
            before: what stands before the options' names where the user gives them.

        Raises:
            UserError: a line for each option that is none of these.
        """
        said = checked(settings.Reading, {"range": range, "channels": channels, "plane": plane}, before)
        wanted = said.channels if said.channels is None or isinstance(said.channels, list) else [said.channels]
        low_high = None if said.range is None else (said.range[0], said.range[1])
        return cls(Choice(tuple(wanted) if wanted else None, said.plane, before), low_high)

    @property
    def options(self) -> dict[str, Any]:
        """The options as JSON has them."""
        channels = self.choice.channels
        return {
            "channels": None if channels is None else list(channels),
            "plane": self.choice.plane,
            "range": None if self.range is None else list(self.range),
        }

    @property
    def is_plain(self) -> bool:
        """Whether the user says nothing."""
        return not any(value is not None for value in self.options.values())


def is_plain(record: Mapping[str, Any] | None) -> bool:
    """Whether files were read as every version of this program has read them; `record` as in a manifest."""
    if not record:
        return True
    levels = {(one["pixels"], one["black"], one["white"]) for one in record["levels"]}
    return levels <= PLAIN and all(record[option] is None for option in ("channels", "plane", "range"))


def as_text(record: Mapping[str, Any]) -> str:
    """A record on one line, the same for what is the same; counts of images left out."""
    levels = [[one["pixels"], one["black"], one["white"]] for one in record["levels"]]
    return json.dumps([record["channels"], record["plane"], sorted(map(list, {tuple(one) for one in levels}))])


def in_lines(record: Mapping[str, Any], before: str = "source.") -> list[str]:
    """What is to be said of how files were read: a line for each pixel type and its levels, and one for a choice.

    Args:
        record: as in a manifest.
        before: what stands before the options' names where the user gives them.
    """
    because = {
        "type": "",
        "declared": ", as the files declare",
        "least": ", the least that hold all images",
        "range": f", as {before}range says",
        "study": ", as in the study",
    }
    lines = []
    for one in record["levels"]:
        levels = Levels(one["black"], one["white"], one["by"])
        shown = f"{one['black']:g} is black and {one['white']:g} white"
        number = counted(one["images"], "image")
        line = f"{number} of {one['pixels']} pixels: {in_words(levels)}{because[one['by']]}: {shown}"
        lowest, highest = one["used"]
        if lowest < one["black"] or highest > one["white"]:
            line += f"; they use {lowest:g} to {highest:g}, and what lies beyond is clipped"
        if highest - lowest < LITTLE_USED * (levels.high - levels.low):
            line += (
                f"; they use {lowest:g} to {highest:g} alone, so all look flat: {before}range=[low, high] spreads them"
            )
        lines.append(line)
    chosen = [f"{option} {_shown(record[option])}" for option in ("plane", "channels") if record[option] is not None]
    return lines + ([f"of each file: {', '.join(chosen)}"] if chosen else [])


def is_worth_saying(record: Mapping[str, Any]) -> bool:
    """Whether a reader would not expect it: anything but 8-bit images of one plane."""
    return not is_plain(record) or any(one["pixels"] != "uint8" for one in record["levels"])


def study_levels(record: Mapping[str, Any] | None) -> dict[str, Levels]:
    """By pixel type, what a study takes for black and white where a file declares nothing; `range` holds always.

    That is what it took for such files of its own, else the greatest depth that its files declare.
    """
    found: dict[str, Levels] = {}
    levels = (record or {"levels": []})["levels"]
    for one in sorted((one for one in levels if one["by"] == "declared"), key=lambda one: one["white"] - one["black"]):
        found[one["pixels"]] = Levels(one["black"], one["white"], "study")
    for one in levels:
        if one["by"] in ("least", "study", "range"):
            by: Reason = "range" if one["by"] == "range" else "study"
            found[one["pixels"]] = Levels(one["black"], one["white"], by)
    return found


@dataclass(frozen=True)
class NewReading:
    """How images are read that a study has not seen.

    Attributes:
        reading: the options given with them, and the study's where these are silent.
        known: `study_levels`, unless a range was given.
    """

    reading: Reading
    known: Mapping[str, Levels]

    @classmethod
    def of(cls, record: Mapping[str, Any] | None, given: Reading) -> "NewReading":
        """With a study whose manifests have this record, None for those of before, and options for these images."""
        of_study = record or {"channels": None, "plane": None}
        channels, plane = given.choice.channels, given.choice.plane
        if channels is None and of_study["channels"] is not None:
            channels = tuple(of_study["channels"])
        choice = replace(given.choice, channels=channels, plane=of_study["plane"] if plane is None else plane)
        return cls(replace(given, choice=choice), {} if given.range else study_levels(record))

    def levels(self, image: Measured) -> Levels | None:
        """Which values of an image are black and white; None where its type needs a range.

        Those by the "least" depth are of this image alone: its file declares none, and the study has seen no such.

        Raises:
            Unreadable: for values beyond the depth that its file declares.
        """
        known = self.known.get(image.dtype)
        if known and (image.bits is None or known.by == "range"):
            return known
        return own_levels(image, self.reading.range)

    def with_common(self, images: Sequence[Measured]) -> "NewReading":
        """With the least depth that holds all of these, which declare none."""
        levels = least(min(one.lowest for one in images), max(one.highest for one in images))
        return replace(self, known={**self.known, "uint16": levels})


def record_of(reading: Reading, levels: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What a manifest says of how files were read: the user's options, and `brightness.summary`."""
    return reading.options | {"levels": list(levels)}


def _shown(value: Any) -> str:
    return shown(value[0] if isinstance(value, list) and len(value) == 1 else value)
