"""The command that predicts a folder of new images, step by step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import DictConfig
from rich import get_console, print
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.panel import Panel
from rich.progress import Progress
from rich.table import Table

from oral_cancer.errors import refuse
from oral_cancer.evaluation.calibration import Calibration, fit
from oral_cancer.evaluation.ensembles import SIMPLE, ensembles
from oral_cancer.evaluation.predictions import LABELS, labels, probabilities
from oral_cancer.files import refuse_file, write_text
from oral_cancer.inference.engines import Ensemble, torch_ensemble
from oral_cancer.inference.members import choose_cells, image_size, load_network
from oral_cancer.inference.onnx_files import onnx_ensemble, onnx_folder
from oral_cancer.inference.page import composition_grid, predictions_page
from oral_cancer.inference.populations import NewImage, find_images, printable
from oral_cancer.inference.predict import Predicted, predict
from oral_cancer.inference.results import image_table, population_table
from oral_cancer.study.cells import Cell, Study, read_study

ENGINES: dict[str, Callable[[Study, Sequence[Cell]], Ensemble]] = {
    "torch": lambda study, cells: torch_ensemble([load_network(cell) for cell in cells]),
    "onnx": lambda study, cells: onnx_ensemble(onnx_folder(study, cells[0].model), cells),
}


@dataclass(frozen=True)
class Outputs:
    """Where the results of one call go."""

    predictions: Path
    composition: Path
    page: Path


def predict_folder(study_folder: Path, settings: DictConfig) -> bool:
    """Predict every image below a folder, and write and show what comes of it.

    Args:
        study_folder: of a study with at least one finished cell.
        settings: those of conf/predict.yaml.

    Returns:
        Whether all images could be read.

    Raises:
        UserError: for a study, a checkpoint or a folder of images that cannot be used.
    """
    _check(settings)
    study = read_study(study_folder)
    cells = choose_cells(study, settings.experiment)
    root = Path(settings.images)
    images = find_images(root)
    outputs = outputs_of(settings.out, study, root)
    refuse_file("out", outputs.page.parent)
    model, training = cells[0].model, cells[0].facts.get("training_appearance")
    ensemble = ENGINES[settings.engine](study, cells)
    print(escape(f"{len(images)} images, predicted by {model} of {study.name} ({len(cells)} folds)"))

    predicted, unread = _predict(images, ensemble, image_size(cells), settings)
    for line in unread:
        print(f"[red]skipped[/] {escape(line)}")
    if not predicted:
        return False
    frame = image_table(predicted, training)
    populations = population_table(frame, ensemble_calibration(study, model))
    write_text(outputs.predictions, frame.to_csv(index=False, lineterminator="\n"))
    write_text(outputs.composition, populations.to_csv(index=False, lineterminator="\n"))
    files = (outputs.predictions.name, outputs.composition.name)
    page = predictions_page(
        root.resolve().name, study, model, frame, populations, unread, _facts(root, study, cells), files, bool(training)
    )
    write_text(outputs.page, page)
    _show(study, frame, populations, outputs)
    return not unread


def outputs_of(out: str | None, study: Study, root: Path) -> Outputs:
    """The files to write: in a folder, or beside the .csv file that `out` names."""
    if out and out.endswith(".csv"):
        path = Path(out)
        return Outputs(path, path.with_name(f"{path.stem}-composition.csv"), path.with_suffix(".html"))
    folder = Path(out) if out else Path("outputs", "predictions", study.name, root.resolve().name)
    return Outputs(folder / "predictions.csv", folder / "composition.csv", folder / "predictions.html")


def ensemble_calibration(study: Study, model: str) -> Calibration | None:
    """The calibration of a model's simple ensemble on its HETERO validation images; None where it has too few."""
    validation = ensembles(study.predictions[study.predictions["model"] == model], "val")
    of_simple = validation[validation["fold"] == SIMPLE]
    if len(of_simple[LABELS].drop_duplicates()) < 2:
        return None
    return fit(labels(of_simple), probabilities(of_simple))


def _check(settings: DictConfig) -> None:
    problems = []
    if settings.engine not in ENGINES:
        problems.append(f"engine={settings.engine}: choose {' or '.join(ENGINES)}")
    for name, missing in (("batch_size", False), ("workers", True)):
        value = settings[name]
        if not (missing and value is None) and not (type(value) is int and value > 0):
            problems.append(f"{name}={value}: must be a whole number above 0")
    refuse(problems)


def _predict(
    images: list[NewImage], ensemble: Ensemble, size: int, settings: DictConfig
) -> tuple[list[Predicted], list[str]]:
    predicted: list[Predicted] = []
    unread: list[str] = []
    console = get_console()
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("predicting", total=len(images))
        for one in predict(images, ensemble, size, settings.batch_size, settings.workers):
            if isinstance(one, Predicted):
                predicted.append(one)
            else:
                image, reason = one
                unread.append(f"{printable(str(image.path))}: {reason}")
            bar.advance(task)
    return predicted, unread


def _facts(root: Path, study: Study, cells: list[Cell]) -> dict[str, Any]:
    first = cells[0].facts
    return {
        "Images": str(root),
        "Study": str(study.folder),
        "Folds": ", ".join(str(cell.fold) for cell in cells),
        "Trained on": "simulated micrographs" if study.simulated else str(first.get("source")),
        "Weights at the start": str(first.get("weights")),
        "Predicted": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def _show(study: Study, frame: pd.DataFrame, populations: pd.DataFrame, outputs: Outputs) -> None:
    if study.simulated:
        print(Panel("TRAINED ON SIMULATED MICROGRAPHS: no figure says anything about real cells", style="bold red"))
    grid = composition_grid(populations, digits=2)  # three would not fit a terminal of 80 columns
    table = Table(title="estimated composition, with 95 % intervals", box=SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(grid.columns):
        table.add_column(column, justify="left" if number in (0, 2) else "right", overflow="fold")
    for row in grid.rows:
        table.add_row(*(escape(entry.text) for entry in row))
    print(table)
    odd = frame[frame["unlike_training"] != ""]
    if len(odd):
        print(f"[yellow]{len(odd)} of {len(frame)} images are unlike those of the training[/]; see the page")
    for path in (outputs.predictions, outputs.composition, outputs.page):
        get_console().print(f"written: {path}", soft_wrap=True, markup=False, highlight=False)
