"""What a study's manifests must say, whoever wrote them, for a report or a prediction to be made from them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from oral_cancer.data import appearance, collection, reading
from oral_cancer.shapes import Shape, by_name, each, number, optional, text, whole
from oral_cancer.training.manifest import FILE, names_own_files


def _settings(value: Any) -> bool:
    """Groups of settings, of which those that are read have their settings by name."""
    groups = ("data", "source", "resampling", "model", "augmentation", "trainer", "logger")
    return by_name(lambda _: True)(value) and all(isinstance(value.get(group), dict | None) for group in groups)


FACTS: dict[str, tuple[Shape, str]] = {
    "status": (text, "a text"),
    "error": (optional(text), "a text"),
    "config": (_settings, "settings by group and name"),
    "files": (names_own_files, "hashes by paths below the run's folder"),
    "root": (text, "a text"),
    "source": (text, "a text"),
    "fingerprint": (text, "a text"),
    "images": (whole, "a whole number"),
    "found": (collection.is_record, "numbers and names of files"),
    "reading": (optional(reading.is_record), "the options and levels that files were read with"),
    "measures": (by_name(text), "texts by name"),
    "remarks": (each(text), "a list of texts"),
    "weights": (lambda value: text(value) and value.strip() != "", "a text that is not empty"),
    "training_images": (by_name(whole), "whole numbers by name"),
    "training_appearance": (optional(appearance.is_span), "two numbers for each property"),
    "near_duplicates": (whole, "a whole number"),
    "seconds": (optional(number), "a number"),
    "versions": (by_name(text), "texts by name"),
    "git_commit": (optional(text), "a text"),
}
"""What those entries of a manifest must be, where they are there, whose shape their readers take for granted."""


def strange_facts(folder: Path, manifest: Mapping[str, Any]) -> list[str]:
    """One line for each entry that is not what `FACTS` says; a seal only tells of damage, and not who wrote it."""
    return [
        f"{folder / FILE}: {name} must be {expected}, and is not; the file was changed: train the run again"
        for name, (fits, expected) in FACTS.items()
        if name in manifest and not fits(manifest[name])
    ]
