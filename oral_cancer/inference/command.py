"""The command that predicts a folder of new images, step by step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from omegaconf import DictConfig
from rich import get_console
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.progress import Progress
from rich.table import Table

from oral_cancer.command import say
from oral_cancer.counting import counted
from oral_cancer.data.collection import NOT_READ, in_words
from oral_cancer.data.collection import record_of as found_in
from oral_cancer.data.reading import NewReading, Reading, in_lines, is_worth_saying, record_of
from oral_cancer.data.resizing import Resizing
from oral_cancer.errors import gathered
from oral_cancer.evaluation.feature_space import Judge
from oral_cancer.evaluation.headline import Headline
from oral_cancer.evaluation.known_images import KnownImages
from oral_cancer.evaluation.predictions import compositions_of
from oral_cancer.evaluation.run_features import RunFeatures
from oral_cancer.files import refuse_file, write_text
from oral_cancer.formats.brightness import summary
from oral_cancer.formats.kinds import REMEDY
from oral_cancer.inference.controls import JudgedWells, find_controls, of_wells
from oral_cancer.inference.engines import Ensemble, torch_ensemble
from oral_cancer.inference.members import (
    choose_runs,
    features_of,
    load_network,
    networks_in_words,
    resizing,
    views_in_words,
)
from oral_cancer.inference.nearest import Nearest
from oral_cancer.inference.onnx_files import onnx_ensemble, onnx_folder
from oral_cancer.inference.page import composition_grid, predictions_page
from oral_cancer.inference.populations import NewImage, find_images, printable
from oral_cancer.inference.predict import Predicted, Skipped, apart, predict
from oral_cancer.inference.results import (
    by_network,
    image_table,
    population_table,
    proposed_ranges,
    refuse_clipped,
    without_repeats,
)
from oral_cancer.study.pictures import thumbnail
from oral_cancer.study.run_record import RunRecord
from oral_cancer.study.runs import Study
from oral_cancer.training.splits_file import read_splits

ENGINES: dict[str, Callable[[Study, Sequence[RunRecord], bool, Sequence[Judge]], Ensemble]] = {
    "torch": lambda _, runs, trust, judges: torch_ensemble([load_network(run, trust) for run in runs], judges),
    "onnx": lambda study, runs, *_: onnx_ensemble(onnx_folder(study, runs[0].experiment), runs),
}
WIDE = 10_000  # columns of a pipe


@dataclass(frozen=True)
class Outputs:
    """Where the results of one call go."""

    predictions: Path
    composition: Path
    controls: Path
    page: Path


def predict_folder(study_folder: Path, settings: DictConfig) -> bool:
    """Predict every image below a folder, and write and show what comes of it.

    Args:
        study_folder: of a study with at least one finished run.
        settings: those of conf/predict.yaml.

    Returns:
        Whether all images below the folder could be read.

    Raises:
        UserError: for a study, a checkpoint or a folder of images that cannot be used.
    """
    given = Reading.of(settings.range, settings.channels, settings.plane, before="")
    study, runs = choose_runs(study_folder, settings.experiment, settings.seed, settings.split_seed)
    root = Path(settings.images)
    found = find_images(root)
    wells = find_controls(settings.controls, list(compositions_of(study.predictions)), found.images)
    outputs = outputs_of(settings.out, study, root)
    refuse_file("out", outputs.page.parent)
    experiment, training = runs[0].experiment, runs[0].facts.get("training_appearance")
    way, seen = resizing(runs), views_in_words(runs)
    features, unjudged = _features(runs, settings.engine)
    judges = [one.judge for one in features if one.judge]
    ensemble = ENGINES[settings.engine](study, runs, settings.trust, judges)
    inventory = in_words(found_in([image.file for image in found.images], found.left_out))
    say(f"{inventory}; predicted by {experiment} of {study.name} ({networks_in_words(runs)})")

    if unjudged:
        say(unjudged, style="yellow")
    new = NewReading.of(runs[0].facts.get("reading"), given)
    outcomes = _predict([*found.images, *wells], ensemble, way, settings, new)
    readable, unreadable = apart(outcomes)
    _say_of_files("skipped", root, unreadable, "red", proposed_ranges(unreadable))
    predicted, skipped = apart(outcomes[: len(found.images)])
    if not predicted:
        say("no image could be predicted, and nothing is written", style="red")
        return False
    refuse_clipped(readable)
    brightness = _brightness(new, readable)
    predicted, repeated = without_repeats(predicted)
    _say_of_files("left out", root, repeated, "yellow")
    others = [Skipped(image, f"an image {NOT_READ}; {REMEDY}") for image in found.others]
    frame = image_table(predicted, [*skipped, *repeated, *others], study.classes, training, experiment)
    headline = Headline.of(KnownImages.of(study.predictions))
    judged = of_wells(outcomes[len(found.images) :], predicted, study.predictions, headline) if wells else None
    plate = judged.plate if judged else None
    populations = population_table(frame, by_network(predicted), study.classes, headline, plate)
    _write_table(outputs.predictions, frame)
    _write_table(outputs.composition, populations)
    facts = _facts(root, study, runs) | {"Found": inventory, "Predicted is": seen, "Brightness": brightness}
    if judged:
        facts["Controls"] = f"{judged.found} ({outputs.controls.name})"
        _write_controls(judged, outputs.controls)
    paths = {image.file: image.path for image in found.images}
    files = (outputs.predictions.name, outputs.composition.name)
    shown = (root.resolve().name, study, frame, populations, facts, files, bool(training), headline)
    nearest = _nearest(runs[0], features, predicted)
    page = predictions_page(*shown, lambda file: thumbnail(paths[file], new), nearest, unjudged, plate)
    write_text(outputs.page, page)
    _show(study, frame, populations, outputs)
    return not unreadable and not found.others


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


def outputs_of(out: str | None, study: Study, root: Path) -> Outputs:
    """The files to write: in a folder, or beside the .csv file that `out` names."""
    if out and out.endswith(".csv"):
        path = Path(out)
        composition, controls = (path.with_name(f"{path.stem}-{name}.csv") for name in ("composition", "controls"))
        return Outputs(path, composition, controls, path.with_suffix(".html"))
    folder = Path(out) if out else Path("outputs", "predictions", study.name, root.resolve().name)
    predictions, composition, controls = (folder / f"{name}.csv" for name in ("predictions", "composition", "controls"))
    return Outputs(predictions, composition, controls, folder / "predictions.html")


def _predict(
    images: list[NewImage], ensemble: Ensemble, way: Resizing, settings: DictConfig, new: NewReading
) -> list[Predicted | Skipped]:
    """What could be predicted and what could not, in the order of the images."""
    outcomes: list[Predicted | Skipped] = []
    console = get_console()
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("predicting", total=len(images))
        for one in predict(images, ensemble, way, settings.batch_size, settings.workers, new):
            outcomes.append(one)
            bar.advance(task)
    place = {image.file: number for number, image in enumerate(images)}
    return sorted(outcomes, key=lambda one: place[one.image.file])


def _say_of_files(what: str, root: Path, skipped: Sequence[Skipped], style: str, remedies: Sequence[str] = ()) -> None:
    lines = gathered(Path(printable(str(root))), ((one.image.file, one.reason) for one in skipped))
    say(*(f"{what} {line}" for line in [*lines, *remedies]), style=style)


def _brightness(new: NewReading, readable: Sequence[Predicted]) -> str:
    """What is black and white in these images, said where it is worth it."""
    record = record_of(new.reading, summary([(one.measured, one.levels) for one in readable]))
    lines = in_lines(record, before="")
    if is_worth_saying(record):
        say(*lines)
    return "; ".join(lines)


def _write_controls(judged: JudgedWells, path: Path) -> None:
    _write_table(path, judged.table)
    say(*judged.plate.remarks, style="yellow")
    if judged.plate.headline:
        without, held_out = judged.plate.errors
        say(
            f"controls: {judged.found}; mean error of a proportion {held_out:.3f} with those of the other half, "
            f"{without:.3f} without any"
        )
    say(f"written: {path}")


def _write_table(path: Path, frame: pd.DataFrame) -> None:
    write_text(path, frame.to_csv(index=False, lineterminator="\n"))


def _facts(root: Path, study: Study, runs: list[RunRecord]) -> dict[str, Any]:
    first = runs[0].facts
    return {
        "Images": str(root),
        "Study": str(study.folder),
        "Networks": networks_in_words(runs),
        "Trained on": "simulated micrographs" if study.simulated else str(first.get("source")),
        "Weights at the start": str(first.get("weights")),
        "Predicted": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def _show(study: Study, frame: pd.DataFrame, populations: pd.DataFrame, outputs: Outputs) -> None:
    console = get_console() if get_console().is_terminal else Console(width=WIDE)
    if study.simulated:
        warning = "TRAINED ON SIMULATED MICROGRAPHS: no figure says anything about real cells"
        console.print(Panel(warning, style="bold red", expand=console.is_terminal))
    grid = composition_grid(populations, study.classes, digits=2)  # three would not fit a terminal of 80 columns
    table = Table(title="estimated composition of fields, with 95 % intervals", box=SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(grid.columns):
        table.add_column(column, justify="left" if number in (0, 2) else "right", overflow="fold")
    for row in grid.rows:
        table.add_row(*(escape(entry.text) for entry in row))
    console.print(table)
    odd, predicted = (frame["unlike_training"] != "").sum(), (frame["left_out"] == "").sum()
    if odd:
        say(f"{odd} of {counted(predicted, 'image')} unlike those of the training; see the page", style="yellow")
    for column in ("remark", "ratio", "features"):
        told = zip(populations["population"], populations[column], strict=True)
        say(*(f"{population}: {remark}" for population, remark in told if remark), style="yellow")
    say(*(f"written: {path}" for path in (outputs.predictions, outputs.composition, outputs.page)))
