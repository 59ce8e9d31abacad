"""What a study's page says of its data: labels, groups, roles, sizes, depths, and samples of each label."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from oral_cancer.data.collection import in_words
from oral_cancer.data.overview import Counts, by_group, by_role, samples
from oral_cancer.data.reading import NewReading, in_lines
from oral_cancer.evaluation.predictions import mixtures_of
from oral_cancer.pages.grids import Entry, Grid
from oral_cancer.study.pictures import as_trained
from oral_cancer.study.run_record import RunRecord
from oral_cancer.study.runs import Study
from oral_cancer.training.splits_file import FILE, read_splits

SIDE = 128  # pixels of a sample
MOST = 4  # samples of a label
ALL = 24  # samples on the page, or one of each label where there are more
FEW = 12  # groups that are named
ROLES = {"train": "training", "val": "validation", "unused": "not used"}


@dataclass(frozen=True)
class LabelShown:
    """A class or mixture.

    Attributes:
        name: its own.
        images: their number.
        proportions: of the classes, (K,).
        pictures: data URIs of samples; None for a file that is gone or another by now.
    """

    name: str
    images: int
    proportions: tuple[float, ...]
    pictures: tuple[str | None, ...]


@dataclass(frozen=True)
class DataSection:
    """The section's content.

    Attributes:
        facts: by name.
        remarks: what a user should know of how the images were divided.
        labels: classes, then mixtures; none where no run has recorded its images.
        fold: of which `roles` are.
        roles: images of each label by role.
        groups: images of each label by group; None where there are none.
        root: where the images were.
    """

    facts: Mapping[str, str]
    remarks: Sequence[str]
    labels: Sequence[LabelShown]
    fold: str
    roles: Grid | None
    groups: Grid | None
    root: str

    @property
    def pictured(self) -> bool:
        """Whether any sample is shown."""
        return any(any(label.pictures) for label in self.labels)


def data_section(study: Study, folder: Path | None, new: NewReading) -> DataSection:
    """What a study's finished runs have recorded of their images.

    Args:
        study: it.
        folder: what the files lie below; None where that is not known.
        new: how the files are read.

    Raises:
        UserError: for a splits.csv that cannot be read.
    """
    run = max(study.complete, key=_number_of_sets)  # of those with the most image sets the first
    splits = read_splits(run.folder) if (run.folder / FILE).is_file() else None
    mixtures = mixtures_of(study.predictions)
    facts = {**_facts(study, run, mixtures, splits), "Near-duplicates": _near_duplicates(study)}
    remarks = [line.removeprefix("warning: ") for line in run.facts.get("remarks") or ()]
    root = str(run.facts.get("root", "a folder that no run has recorded"))
    if splits is None:
        return DataSection(facts, remarks, (), str(run.fold), None, None, root)
    names = [*study.classes, *mixtures]
    names += [name for name in dict.fromkeys(splits["label"]) if name not in names]
    labels, groups = splits["label"].to_numpy(str), splits["group"].tolist()
    return DataSection(
        facts,
        remarks,
        tuple(_labels(names, _proportions(study, mixtures), splits, folder, new)),
        str(run.fold),
        _grid(by_role(names, labels, splits["role"].to_numpy(str))),
        None if (grouped := by_group(names, labels.tolist(), groups)) is None else _grid(grouped),
        root,
    )


def _number_of_sets(run: RunRecord) -> int:
    data = (run.facts.get("config") or {}).get("data") or {}
    return len(data.get("train_sets") or ())


def _proportions(study: Study, mixtures: Mapping[str, Any]) -> dict[str, tuple[float, ...]]:
    pure = dict(zip(study.classes, np.eye(len(study.classes)).tolist(), strict=True))
    return {name: tuple(map(float, share)) for name, share in (pure | dict(mixtures)).items()}


def _labels(
    names: Sequence[str],
    proportions: Mapping[str, tuple[float, ...]],
    splits: pd.DataFrame,
    folder: Path | None,
    new: NewReading,
) -> Iterator[LabelShown]:
    labels, files, hashes = (splits[column].tolist() for column in ("label", "file", "sha256"))
    number = max(1, min(MOST, ALL // len(names)))
    for name, rows in samples(names, labels, splits["group"].tolist(), files, number).items():
        pictures = (as_trained(folder / files[row], hashes[row], new, SIDE) if folder else None for row in rows)
        yield LabelShown(name, labels.count(name), proportions.get(name, ()), tuple(pictures))


def _grid(counts: Counts) -> Grid:
    rows = [
        (Entry(name), *(Entry(str(number) if number else "–", strong=name == "all") for number in numbers))
        for name, numbers in counts.rows
    ]
    return Grid("", tuple(ROLES.get(column, column) for column in counts.columns), tuple(rows))


def _facts(study: Study, run: RunRecord, mixtures: Mapping[str, Any], splits: pd.DataFrame | None) -> dict[str, str]:
    groups = [] if splits is None else sorted(set(splits["group"]) - {""})
    facts = run.facts
    source = "simulated micrographs" if study.simulated else facts.get("source")
    return {
        "Images": f"{facts.get('images', '?')} from {source}",
        "Classes": f"{len(study.classes)}: {', '.join(study.classes)}",
        **({"Mixtures": f"{len(mixtures)}: {', '.join(mixtures)}"} if mixtures else {}),
        **({"Groups": f"{len(groups)}: {', '.join(groups[:FEW])}{', ...' * (len(groups) > FEW)}"} if groups else {}),
        **({"Files": in_words(facts["found"])} if facts.get("found") else {}),
        **{name.capitalize(): value for name, value in (facts.get("measures") or {}).items()},
        **({"Brightness": "; ".join(in_lines(facts["reading"]))} if facts.get("reading") else {}),
        "Fingerprint": str(facts.get("fingerprint", "unknown"))[:16],
    }


def _near_duplicates(study: Study) -> str:
    counts = [int(run.facts["near_duplicates"]) for run in study.complete if "near_duplicates" in run.facts]
    if not counts:
        return "not looked for"
    if not any(counts):
        return "none between training, validation and test"
    return f"up to {max(counts)} pairs between training, validation and test in a run (near_duplicates.csv there)"
