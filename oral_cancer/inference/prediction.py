"""What a finished study says about new images, step by step; command and page both go this way."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd

from oral_cancer.data.collection import NOT_READ, in_words
from oral_cancer.data.collection import record_of as found_in
from oral_cancer.data.reading import NewReading, in_lines, record_of
from oral_cancer.data.resizing import Resizing
from oral_cancer.evaluation.cultures import cultures_of
from oral_cancer.evaluation.feature_space import Judge
from oral_cancer.evaluation.headline import Headline
from oral_cancer.evaluation.known_images import KnownImages
from oral_cancer.evaluation.run_features import RunFeatures
from oral_cancer.formats.brightness import summary
from oral_cancer.formats.kinds import REMEDY
from oral_cancer.inference.controls import JudgedWells, of_wells
from oral_cancer.inference.engines import Ensemble, torch_ensemble
from oral_cancer.inference.members import features_of, load_network, networks_in_words, resizing, views_in_words
from oral_cancer.inference.nearest import Nearest
from oral_cancer.inference.onnx_files import onnx_ensemble, onnx_folder
from oral_cancer.inference.page import predictions_page
from oral_cancer.inference.populations import Found, NewImage
from oral_cancer.inference.predict import Outcome, Predicted, Skipped, apart, predict
from oral_cancer.inference.results import (
    by_network,
    image_table,
    in_common,
    population_table,
    refuse_clipped,
    without_repeats,
)
from oral_cancer.privacy import redacted
from oral_cancer.study.pictures import thumbnail
from oral_cancer.study.run_record import RunRecord
from oral_cancer.study.runs import Study
from oral_cancer.training.splits_file import read_splits

ENGINES: dict[str, Callable[[Study, Sequence[RunRecord], bool, Sequence[Judge]], Ensemble]] = {
    "torch": lambda _, runs, trust, judges: torch_ensemble([load_network(run, trust) for run in runs], judges),
    "onnx": lambda study, runs, *_: onnx_ensemble(onnx_folder(study, runs[0].experiment), runs),
}


@dataclass(frozen=True)
class Model:
    """An experiment of a study whose networks are loaded.

    Attributes:
        study: of this experiment alone.
        runs: of its ensemble.
        ensemble: their networks.
        way: how images are resized.
        features: what the runs keep of theirs, to judge new images by; none where these are not judged.
        unjudged: why they are not; "" where they are.
    """

    study: Study
    runs: Sequence[RunRecord]
    ensemble: Ensemble
    way: Resizing
    features: Sequence[RunFeatures]
    unjudged: str

    @classmethod
    def load(cls, study: Study, runs: Sequence[RunRecord], engine: str = "torch", trust: bool = False) -> Self:
        """Load the networks of these runs, which `members.choose_runs` has chosen.

        Raises:
            UserError: for networks that differ in what they see, and checkpoints that cannot be used.
        """
        way = resizing(runs)
        features, unjudged = _features(runs, engine)
        judges = [one.judge for one in features if one.judge]
        return cls(study, runs, ENGINES[engine](study, runs, trust, judges), way, features, unjudged)

    @property
    def experiment(self) -> str:
        return self.runs[0].experiment

    @property
    def training(self) -> dict[str, list[float]] | None:
        """The `appearance.span` of the training images; None where the study does not say."""
        return self.runs[0].facts.get("training_appearance")

    @cached_property
    def headline(self) -> Headline:
        """The experiment's estimator of compositions, tried on the study's test cultures."""
        return Headline.of(KnownImages.of(self.study.predictions)).tried_on(cultures_of(self.study.predictions))

    def outcomes(
        self,
        images: Sequence[NewImage],
        new: NewReading,
        batch_size: int | None,
        workers: int | None,
        told: Callable[[Outcome], object],
    ) -> list[Outcome]:
        """What could be predicted and what could not, in the order of the images.

        Args:
            images: new ones.
            new: how they are read.
            batch_size, workers: as for `predict`.
            told: called with each as soon as it is known; what it raises ends the work.
        """
        outcomes: list[Outcome] = []
        with closing(predict(images, self.ensemble, self.way, batch_size, workers, new)) as predicted:
            for one in predicted:
                outcomes.append(one)
                told(one)
        place = {image.file: number for number, image in enumerate(images)}
        return sorted(outcomes, key=lambda one: place[one.image.file])


@dataclass(frozen=True)
class Prediction:
    """All that is known of a folder of new images.

    Attributes:
        model: that predicted.
        found: the images that there are.
        new: how they were read.
        predicted: those that count, in their order.
        repeated: those that do not, since they are identical to one of them.
        images: a row an image, see `results.image_table`.
        populations: a row a population, see `results.population_table`.
        reading: what was black and white, as `reading.record_of`.
        judged: what controls on the plate say; None without any.
    """

    model: Model
    found: Found
    new: NewReading
    predicted: Sequence[Predicted]
    repeated: Sequence[Skipped]
    images: pd.DataFrame
    populations: pd.DataFrame
    reading: dict[str, Any]
    judged: JudgedWells | None

    @classmethod
    def of(cls, model: Model, found: Found, outcomes: Sequence[Outcome], new: NewReading) -> Self:
        """From the outcomes of the images that were found, at least one of them predicted, and of controls after them.

        Raises:
            UserError: for populations of which too many values are clipped, and controls that `of_wells` refuses.
        """
        asked, of_controls = outcomes[: len(found.images)], outcomes[len(found.images) :]
        readable, _ = apart(outcomes)
        predicted, skipped = apart(asked)
        refuse_clipped(readable)
        predicted, repeated = without_repeats(predicted)
        others = [Skipped(image, f"an image {NOT_READ}; {REMEDY}") for image in found.others]
        study = model.study
        left_out = [*skipped, *repeated, *others]
        images = image_table(predicted, left_out, study.classes, model.training, model.experiment)
        judged = (
            of_wells(of_controls, predicted, images, study.predictions, model.headline, model.training)
            if of_controls
            else None
        )
        plate = judged.plate if judged else None
        populations = population_table(images, by_network(predicted), study.classes, model.headline, plate)
        reading = record_of(new.reading, summary([(one.measured, one.levels) for one in readable]))
        return cls(model, found, new, predicted, repeated, images, populations, reading, judged)

    def facts(self, root: str) -> dict[str, Any]:
        """What the head of a page says, of images from the place `root`."""
        study, runs = self.model.study, self.model.runs
        first = runs[0].facts
        common = in_common(self.predicted)
        facts = {
            "Images": root,
            "Study": str(study.folder),
            "Networks": networks_in_words(runs),
            "Trained on": "simulated micrographs" if study.simulated else str(first.get("source")),
            "Weights at the start": str(first.get("weights")),
            "Predicted": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            "Found": inventory(self.found),
            **({"Identical": "; ".join(common)} if common else {}),
            "Predicted is": views_in_words(runs),
            "Brightness": "; ".join(in_lines(self.reading, before="")),
        }
        return redacted(facts) if study.private else facts

    def page(self, name: str, facts: dict[str, Any], files: tuple[str, str]) -> str:
        """The HTML of the page to keep, of a folder of this name; see `page.predictions_page`."""
        model, plate = self.model, self.judged.plate if self.judged else None
        paths = {image.file: image.path for image in self.found.images}
        shown = (name, model.study, self.images, self.populations, facts, files, bool(model.training), model.headline)
        nearest = _nearest(model.runs[0], () if model.study.private else model.features, self.predicted)

        def picture(file: str) -> str | None:
            return None if model.study.private else thumbnail(paths[file], self.new)

        return predictions_page(*shown, picture, nearest, model.unjudged, plate)


def inventory(found: Found) -> str:
    """E.g. "84 images (80 .tif, 4 .png); left out: 1 hidden (.DS_Store)"."""
    return in_words(found_in([image.file for image in found.images], found.left_out))


def csv_of(table: pd.DataFrame) -> str:
    """What the file of a table holds."""
    return table.to_csv(index=False, lineterminator="\n")


def _features(runs: Sequence[RunRecord], engine: str) -> tuple[list[RunFeatures], str]:
    """What the runs keep of their features, to judge new images by; or why these are not judged by them."""
    if engine == "onnx":
        return [], "features: an ONNX file gives probabilities alone; images are not compared by what the networks see"
    found = features_of(runs)
    if len(found) < len(runs):
        return [], "features: the runs keep none, so that images are not compared by what the networks see"
    if not all(one.judge for one in found):
        return [], "features: no image was held out of a training, so that it is not known which distances are usual"
    return found, ""


def _nearest(run: RunRecord, features: Sequence[RunFeatures], predicted: Sequence[Predicted]) -> Nearest:
    """The training images of the first run, by which an image's nearest ones are shown."""
    if not features:
        return Nearest((), np.empty(0, np.uint8), {})
    files = read_splits(run.folder)["file"].to_numpy()[features[0].rows].tolist()
    places = {one.image.file: one.likeness.nearest[0].tolist() for one in predicted if one.likeness}
    return Nearest(files, features[0].thumbnails, places)
