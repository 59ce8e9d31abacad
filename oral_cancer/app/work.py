"""The two pieces of work of the page: a look at the images as soon as they are there, and their prediction."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from oral_cancer.app.jobs import Job
from oral_cancer.app.shelf import Card, Loaded
from oral_cancer.data.appearance import unlike
from oral_cancer.data.reading import NewReading, Reading, in_lines, is_worth_saying, record_of
from oral_cancer.errors import UserError
from oral_cancer.formats.brightness import summary
from oral_cancer.inference.engines import Answers
from oral_cancer.inference.members import resizing
from oral_cancer.inference.populations import Found
from oral_cancer.inference.predict import Outcome, Predicted, Skipped, apart
from oral_cancer.inference.prediction import Model, Prediction, inventory
from oral_cancer.inference.results import in_common, proposed_ranges, refuse_clipped, without_repeats


@dataclass(frozen=True)
class Images:
    """The images of one person.

    Attributes:
        name: of their folder, as the page shows it.
        root: where they lie.
        found: those that there are.
        given: how they are to be read.
    """

    name: str
    root: Path
    found: Found
    given: Reading


@dataclass(frozen=True)
class Checked:
    """What can be said of images before they are predicted.

    Attributes:
        images: which.
        found: in a line, e.g. "84 images (80 .tif, 4 .png)".
        cultures: images that can be read, by their culture.
        left_out: those that will not count.
        common: which cultures have images in common.
        unlike: those that do not look like the training's, with what is unlike.
        reading: what is black and white, where that is worth saying; proposals where it must be said.
        problems: what must be mended before a prediction.
        planes, channels: how many planes and which channels there are to choose of.
    """

    images: Images
    found: str
    cultures: dict[str, int]
    left_out: Sequence[Skipped]
    common: Sequence[str]
    unlike: dict[str, str]
    reading: Sequence[str]
    problems: Sequence[str]
    planes: int
    channels: tuple[str, ...]

    @classmethod
    def of(cls, images: Images, outcomes: Sequence[Outcome], training: dict[str, Any] | None, new: NewReading) -> Self:
        """From what was read of each image."""
        readable, unreadable = apart(outcomes)
        problems: Sequence[str] = [] if readable else ["no image could be read"]
        try:
            refuse_clipped(readable)
        except UserError as refused:
            problems = refused.lines
        kept, repeated = without_repeats(readable)
        several = [one.several for one in unreadable if one.several]
        cultures = dict.fromkeys((one.image.population for one in kept), 0)
        for one in kept:
            cultures[one.image.population] += 1
        looks = {one.image.file: unlike(one.appearance, training) for one in kept} if training else {}
        reading = record_of(new.reading, summary([(one.measured, one.levels) for one in readable]))
        return cls(
            images,
            inventory(images.found),
            cultures,
            [*unreadable, *repeated],
            in_common(kept),
            {file: "; ".join(remarks) for file, remarks in looks.items() if remarks},
            [*(in_lines(reading, before="") if is_worth_saying(reading) else []), *proposed_ranges(unreadable)],
            problems,
            max((one.planes for one in several), default=1),
            max((one.channels for one in several), key=len, default=()),
        )


def check(job: Job, card: Card, images: Images) -> Checked:
    """Read every image, as the networks will see it, and ask no network."""
    way, classes = resizing(card.runs), len(card.study.classes)
    model = Model(card.study, card.runs, lambda pixels: _no_answers(pixels, classes), way, (), "")
    new = NewReading.of(card.runs[0].facts.get("reading"), images.given)
    job.begin(len(images.found.images))
    outcomes = model.outcomes(images.found.images, new, None, None, job.advance)
    return Checked.of(images, outcomes, model.training, new)


def _no_answers(images: NDArray[np.uint8], classes: int) -> Answers:
    nothing = np.zeros((1, len(images), classes))
    return Answers(nothing, nothing, ())


@dataclass(frozen=True)
class Result:
    """What a prediction has shown.

    Attributes:
        card: of the experiment.
        loaded: its networks.
        images: which images.
        prediction: of them.
        files: of the images that count, in their order.
        by_file: what the networks said of each.
        key: by which the browser knows its pictures, and that nobody can guess.
    """

    card: Card
    loaded: Loaded
    images: Images
    prediction: Prediction
    files: Sequence[str]
    by_file: dict[str, Predicted]
    key: str = field(default_factory=lambda: secrets.token_urlsafe(9))


def predict_images(job: Job, card: Card, load: Callable[[Card], Loaded], images: Images) -> Result:
    """Predict every image.

    Raises:
        UserError: where none can be predicted, and for what `Prediction.of` refuses.
    """
    loaded = load(card)
    model = loaded.model
    new = NewReading.of(card.runs[0].facts.get("reading"), images.given)
    job.begin(len(images.found.images))
    outcomes = model.outcomes(images.found.images, new, None, None, job.advance)
    if not apart(outcomes)[0]:
        raise UserError("no image could be predicted; the check above says why")
    prediction = Prediction.of(model, images.found, outcomes, new)
    by_file = {one.image.file: one for one in prediction.predicted}
    return Result(card, loaded, images, prediction, list(by_file), by_file)
