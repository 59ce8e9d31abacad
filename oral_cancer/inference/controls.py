"""Controls of a plate as a user gives them: images of known content, found before any work and told apart after it."""

import os
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
from oral_cancer.inference.results import NOTHING, by_network, image_table, is_flat, without_repeats
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
    outcomes: Sequence[Outcome],
    asked: Sequence[Predicted],
    images: pd.DataFrame,
    study: pd.DataFrame,
    headline: Headline,
    training: dict[str, list[float]] | None,
) -> JudgedWells:
    """What the control images of a call say.

    Args:
        outcomes: of the images that `find_controls` has found.
        asked: the images of the populations.
        images: these as `image_table` has them.
        study: its predictions by the networks of the ensemble.
        headline: fitted on these.
        training: as for `image_table`.

    Raises:
        UserError: where none could be read, or an image is the same under two labels or in a population too.
    """
    readable, unreadable = apart(outcomes)
    if not readable:
        raise UserError(f"controls: none of {counted(len(outcomes), 'image')} could be read; export them as TIFF")
    pixels = {one.image: one.digest for one in (*readable, *asked)}
    refuse_shared([one.image for one in readable], [one.image for one in asked], pixels.__getitem__)
    predicted, repeated = without_repeats(readable)
    classes = classes_of(study)
    table = image_table(predicted, [*unreadable, *repeated], classes, training, experiment="")
    unfit = dict(_unfit(table[table["left_out"] == NOTHING], images[images["left_out"] == NOTHING]))
    controls = Controls(by_network(predicted), np.array([one.image.population for one in predicted], np.str_))
    fit = controls.of([label for label in controls.counts if label not in unfit])
    plate = refit(KnownImages.of(study), headline, fit, compositions_of(study)) if len(fit) else Plate.unused()
    plate = replace(plate, remarks=(*_copies(readable, repeated), *unfit.values(), *plate.remarks))
    return JudgedWells(plate, control_table(table, plate, classes))


def _copies(readable: Sequence[Predicted], repeated: Sequence[Skipped]) -> Iterator[str]:
    """A line for each label with images that are the same."""
    given = Counter(one.image.population for one in readable)
    for label, number in Counter(one.image.population for one in repeated).items():
        same = "is identical to another and does" if number == 1 else "are identical to others and do"
        yield f"controls.{label}: {number} of {counted(given[label], 'image')} {same} not count"


def _unfit(wells: pd.DataFrame, asked: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Each label whose images show nothing, or are not of the plate that is asked for; and a line that says so."""
    strange = asked["unlike_training"] != NOTHING
    for label, members in wells.groupby("population", sort=False):
        unlike = members["unlike_training"] != NOTHING
        if is_flat(members):
            yield str(label), f"controls.{label}: its images show next to nothing: not used; give a well with cells"
        elif unlike.mean() > 0.5 >= strange.mean():
            yield (
                str(label),
                f"controls.{label}: {unlike.sum()} of {counted(len(members), 'image')} are unlike those of the "
                f"training, of the {len(asked)} asked for {strange.sum()}: not used; see that they are of one plate",
            )


def control_table(images: pd.DataFrame, plate: Plate, classes: Sequence[str]) -> pd.DataFrame:
    """One row a control image: `file, label, used, left_out`, the ensemble's probability of each class, and errors.

    `used` says whether the label's images stand in the place of the study's; `left_out` why an image has no figures;
    `unlike_training` and `feature_distance` are as in `image_table`, whose table `images` is. `off_without` and
    `off_held_out` are its label's, see `Judged`.
    """
    table = images.rename(columns={"population": "label"})
    table["used"] = table["label"].isin(list(plate.used)) & (table["left_out"] == NOTHING)
    judged = [(one.label, one.study, one.held_out) for one in plate.judged]
    table = table.merge(pd.DataFrame(judged, columns=["label", "off_without", "off_held_out"]), on="label", how="left")
    said = ["unlike_training", "feature_distance", "off_without", "off_held_out"]
    return table[["file", "label", "used", "left_out", *classes, *said]]


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
