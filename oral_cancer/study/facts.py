"""What a study's manifests must say, whoever wrote them, for a report or a prediction to be made from them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Len, MinLen
from pydantic import ValidationError, model_validator

from oral_cancer.data.appearance import ALWAYS
from oral_cancer.files import below
from oral_cancer.formats.brightness import Reason
from oral_cancer.settings.data import Reading
from oral_cancer.settings.rules import FINITE, OpenSection, Rule, fitting
from oral_cancer.training.manifest import FILE

Number = Annotated[float, FINITE]
Pair = Annotated[list[Number], Len(2, 2)]
GROUPS = ("data", "source", "resampling", "model", "augmentation", "trainer", "logger")
"""Groups of settings that are read by name."""
TEXT = Rule("a text")
NOT_EMPTY = Rule("a text that is not empty", (MinLen(1), fitting(lambda text: text.strip() != "")))
NUMBER = Rule("a whole number")
BY_GROUP = fitting(lambda config: all(isinstance(config.get(group), dict | None) for group in GROUPS))
BELOW = fitting(lambda files: all(map(below, files)))
WHOLE = fitting(lambda span: set(span) >= ALWAYS)


class LeftOut(OpenSection):
    number: int
    files: list[str]


class Found(OpenSection):
    images: dict[str, int]
    left_out: dict[str, LeftOut]


class OfType(OpenSection):
    """How pixels of one type were read."""

    pixels: str
    black: Number
    white: Number
    by: Reason
    images: int
    used: Pair


class FilesRead(Reading):
    """The user's options, all of them, and what came of them."""

    levels: list[OfType]

    @model_validator(mode="after")
    def _sound(self) -> "FilesRead":
        if self.model_fields_set != set(FilesRead.model_fields) or any(one.black >= one.white for one in self.levels):
            raise ValueError
        return self


class Facts(OpenSection):
    """The entries whose shape their readers take for granted, where they are there."""

    status: Annotated[str, TEXT]
    error: Annotated[str | None, TEXT]
    config: Annotated[dict[str, Any], Rule("settings by group and name", (BY_GROUP,))]
    files: Annotated[dict[str, str], Rule("hashes by paths below the run's folder", (BELOW,))]
    root: Annotated[str, TEXT]
    source: Annotated[str, TEXT]
    fingerprint: Annotated[str, TEXT]
    images: Annotated[int, NUMBER]
    found: Annotated[Found, Rule("numbers and names of files")]
    reading: Annotated[FilesRead | None, Rule("the options and levels that files were read with")]
    measures: Annotated[dict[str, str], Rule("texts by name")]
    remarks: Annotated[list[str], Rule("a list of texts")]
    weights: Annotated[str, NOT_EMPTY]
    training_images: Annotated[dict[str, int], Rule("whole numbers by name")]
    training_appearance: Annotated[dict[str, Pair] | None, Rule("two numbers for each property", (WHOLE,))]
    departures: Annotated[list[str], Rule("a list of texts")]
    near_duplicates: Annotated[int, NUMBER]
    seconds: Annotated[Number | None, Rule("a number")]
    versions: Annotated[dict[str, str], Rule("texts by name")]
    git_commit: Annotated[str | None, TEXT]


def strange_facts(folder: Path, manifest: Mapping[str, Any]) -> list[str]:
    """One line for each entry that is not as `Facts` says; a seal only tells of damage, and not who wrote it."""
    try:
        Facts.model_validate(manifest)
    except ValidationError as refused:
        wrong = {fault["loc"][0]: fault["msg"] for fault in refused.errors() if fault["type"] == "must"}
    else:
        wrong = {}
    remedy = "the file was changed: train the run again"
    return [f"{folder / FILE}: {name} must be {expected}, and is not; {remedy}" for name, expected in wrong.items()]
