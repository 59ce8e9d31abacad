"""Controls of a plate as a user gives them: images of known content, found before any work and told apart after it."""

import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from oral_cancer.counting import counted
from oral_cancer.data.table_columns import alternatives, known_column
from oral_cancer.data.table_file import read_table
from oral_cancer.data.walk import is_image
from oral_cancer.errors import UserError, refuse
from oral_cancer.evaluation.controls import Controls, Plate, refit
from oral_cancer.evaluation.headline import Headline
from oral_cancer.evaluation.known_images import KnownImages
from oral_cancer.evaluation.predictions import classes_of, compositions_of
from oral_cancer.inference.populations import NewImage, find_images, printable
from oral_cancer.inference.predict import Outcome, Predicted, Skipped, apart
from oral_cancer.inference.results import NOTHING, by_network, without_repeats
from oral_cancer.spreadsheets import REASON, is_formula

SAID = {"file": "an image or a folder", "label": "its class or mixture"}
"""What a row of a table of controls has to say, by the columns' roles."""


class Place(NamedTuple):
    """What a message calls an option or a row, its label, and the image or folder that it names."""

    given_by: str
    label: str
    path: Path
    of_table: bool = False


def find_controls(
    given: str | Mapping[str, str] | None, labels: Sequence[str], images: Sequence[NewImage]
) -> list[NewImage]:
    """The control images: `population` of each is the class or mixture that it shows, and `file` its whole path.

    Args:
        given: as `controls` of conf/predict.yaml has it: a table, or a folder for each label.
        labels: the classes and mixtures that there are.
        images: those of the populations.

    Raises:
        UserError: a line for each label that is not there, for each place that lacks or holds no image, and where two
            labels have the same image, or a label and a population.
    """
    if given is None:
        return []
    if isinstance(given, Mapping):
        places = [Place(f"controls.{label}", label, Path(path)) for label, path in given.items()]
    else:
        places = _of_table(Path(given))
    problems: list[str] = []
    found: list[NewImage] = []
    for place in places:
        try:
            found += _images(place)
        except UserError as refused:
            problems += refused.lines
        if place.label not in labels:
            there = ", ".join(labels)
            problems.append(f"{place.given_by}: {place.label!r} is no class or mixture of the study; there are {there}")
    refuse(problems)
    found = list(dict.fromkeys(found))
    refuse_shared(found, images, lambda image: os.path.realpath(image.path))
    return found


def refuse_shared(
    controls: Sequence[NewImage], images: Sequence[NewImage], identity: Callable[[NewImage], Hashable]
) -> None:
    """Raise a `UserError` where two labels have images of one identity, or a label and a population."""
    owners = {identity(image): f"the population {image.population}" for image in images}
    shared: dict[tuple[str, str], list[str]] = {}
    for image in controls:
        own = f"controls.{image.population}"
        owner = owners.setdefault(identity(image), own)
        if owner != own:
            shared.setdefault((own, owner), []).append(image.file)
    refuse(
        [
            f"{own}: {counted(len(files), 'image')}, such as {files[0]}, is {owner}'s too: take it out of one of them"
            if len(files) == 1
            else f"{own}: {len(files)} images, such as {files[0]}, are {owner}'s too: take them out of one of them"
            for (own, owner), files in shared.items()
        ]
    )


@dataclass(frozen=True)
class JudgedWells:
    """The control images of a call.

    Attributes:
        plate: what they make of the study's estimate.
        table: one row an image, see `control_table`.
        used: those that stand in the place of the study's, e.g. "12 images of parental, 10 images of resistant"; or
            "none".
    """

    plate: Plate
    table: pd.DataFrame

    @property
    def used(self) -> str:
        return ", ".join(f"{counted(n, 'image')} of {label}" for label, n in self.plate.used.items()) or "none"


def of_wells(
    outcomes: Sequence[Outcome], asked: Sequence[Predicted], study: pd.DataFrame, headline: Headline
) -> JudgedWells:
    """What the control images of a call say.

    Args:
        outcomes: of the images that `find_controls` has found.
        asked: the images of the populations.
        study: its predictions by the networks of the ensemble.
        headline: fitted on these.

    Raises:
        UserError: where none could be read, or an image is the same under two labels or in a population too.
    """
    readable, unreadable = apart(outcomes)
    if not readable:
        raise UserError(f"controls: none of {counted(len(outcomes), 'image')} could be read; export them as TIFF")
    pixels = {one.image: one.digest for one in (*readable, *asked)}
    refuse_shared([one.image for one in readable], [one.image for one in asked], pixels.__getitem__)
    predicted, repeated = without_repeats(readable)
    labels = np.array([one.image.population for one in predicted], np.str_)
    controls = Controls(by_network(predicted), labels)
    plate = refit(KnownImages.of(study), headline, controls, compositions_of(study))
    table = control_table(predicted, [*unreadable, *repeated], plate, classes_of(study))
    return JudgedWells(plate, table)


def control_table(
    predicted: Sequence[Predicted], skipped: Sequence[Skipped], plate: Plate, classes: Sequence[str]
) -> pd.DataFrame:
    """One row a control image: `file, label, used, left_out`, the ensemble's probability of each class, two errors.

    `used` says whether the label's images stand in the place of the study's; `left_out` why an image has no figures.
    `off_without` and `off_held_out` are its label's, see `Judged`.
    """
    nothing = [np.nan] * len(classes)
    rows = [
        (one.image.file, one.image.population, one.image.population in plate.used, NOTHING, *mean)
        for one, mean in zip(predicted, by_network(predicted).mean(axis=1), strict=True)
    ]
    rows += [(one.image.file, one.image.population, False, one.reason, *nothing) for one in skipped]
    table = pd.DataFrame(rows, columns=["file", "label", "used", "left_out", *classes])
    judged = [(one.label, one.study, one.held_out) for one in plate.judged]
    return table.merge(pd.DataFrame(judged, columns=["label", "off_without", "off_held_out"]), on="label", how="left")


def _of_table(path: Path) -> list[Place]:
    """What the rows of a table name."""
    if not path.is_file():
        fault = "is no table" if path.exists() else "does not exist"
        raise UserError(
            f"controls={path} {fault}; give a table of file and label, or controls.<class>=<folder> for each"
        )
    table = read_table(path)
    columns = {role: known_column(table, role) for role in ("file", "label")}
    refuse(
        [
            *(f"{path}: no column {alternatives(role)}" for role, name in columns.items() if name is None),
            *table.problems,
            *(
                f"{table.place(row)}: no {role}; give {SAID[role]}, or take the row out"
                for row in table.rows
                for role, name in columns.items()
                if name is not None and not row.cells[name]
            ),
        ]
    )
    file, label = map(str, columns.values())
    return [Place(table.place(row), row.cells[label], path.parent / row.cells[file], True) for row in table.rows]


def _images(place: Place) -> list[NewImage]:
    """The images below a folder, or the one that a file is."""
    if place.path.is_file() and is_image(place.path.name):
        paths = [place.path]
    elif place.of_table and not place.path.is_dir():
        fault = "is no image that is read" if place.path.exists() else "does not exist"
        raise UserError(f"{place.given_by}: {printable(str(place.path))} {fault}; give an image, or a folder of images")
    else:
        paths = [image.path for image in find_images(place.path, place.given_by).images]
    files = [printable(os.path.abspath(one)) for one in paths]
    refuse([f"{place.given_by}: {file}: {REASON}; rename it" for file in files if is_formula(file)])
    return [NewImage(one, file, place.label) for one, file in zip(paths, files, strict=True)]
