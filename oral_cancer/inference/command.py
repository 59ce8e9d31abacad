"""The command that predicts a folder of new images, step by step."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

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
from oral_cancer.data.reading import NewReading, Reading, in_lines, is_worth_saying
from oral_cancer.errors import gathered
from oral_cancer.evaluation.predictions import compositions_of
from oral_cancer.files import refuse_file, write_text
from oral_cancer.inference.controls import JudgedWells, find_controls
from oral_cancer.inference.members import choose_runs, networks_in_words
from oral_cancer.inference.page import composition_grid
from oral_cancer.inference.populations import NewImage, find_images, printable
from oral_cancer.inference.predict import Outcome, Skipped, apart
from oral_cancer.inference.prediction import Model, Prediction, csv_of, inventory
from oral_cancer.inference.results import in_common, proposed_ranges
from oral_cancer.pages.compositions import untried
from oral_cancer.pages.grids import Grid
from oral_cancer.study.runs import Study

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
    study = replace(study, private=study.private or settings.private)
    root = Path(settings.images)
    found = find_images(root)
    wells = find_controls(settings.controls, list(compositions_of(study.predictions)), found.images)
    outputs = outputs_of(settings.out, study, root)
    refuse_file("out", outputs.page.parent)
    model = Model.load(study, runs, settings.engine, settings.trust)
    say(f"{inventory(found)}; predicted by {model.experiment} of {study.name} ({networks_in_words(runs)})")
    if model.unjudged:
        say(model.unjudged, style="yellow")

    new = NewReading.of(runs[0].facts.get("reading"), given)
    outcomes = _outcomes([*found.images, *wells], model, settings, new)
    _, unreadable = apart(outcomes)
    _say_of_files("skipped", root, unreadable, "red", proposed_ranges(unreadable))
    if not apart(outcomes[: len(found.images)])[0]:
        say("no image could be predicted, and nothing is written", style="red")
        return False
    prediction = Prediction.of(model, found, outcomes, new)
    if is_worth_saying(prediction.reading):
        say(*in_lines(prediction.reading, before=""))
    _say_of_files("left out", root, prediction.repeated, "yellow")
    say(*in_common(prediction.predicted), style="yellow")
    _write(prediction, root, outputs)
    if settings.wandb:
        from oral_cancer.inference.wandb_run import log_prediction  # late, as W&B is slow to load and seldom wanted

        log_prediction(prediction, root.resolve().name, (outputs.predictions, outputs.composition))
    _show(prediction, outputs)
    return not unreadable and not found.others


def outputs_of(out: str | None, study: Study, root: Path) -> Outputs:
    """The files to write: in a folder, or beside the .csv file that `out` names."""
    if out and out.endswith(".csv"):
        path = Path(out)
        composition, controls = (path.with_name(f"{path.stem}-{name}.csv") for name in ("composition", "controls"))
        return Outputs(path, composition, controls, path.with_suffix(".html"))
    folder = Path(out) if out else Path("outputs", "predictions", study.name, root.resolve().name)
    predictions, composition, controls = (folder / f"{name}.csv" for name in ("predictions", "composition", "controls"))
    return Outputs(predictions, composition, controls, folder / "predictions.html")


def _outcomes(images: Sequence[NewImage], model: Model, settings: DictConfig, new: NewReading) -> list[Outcome]:
    console = get_console()
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("predicting", total=len(images))
        return model.outcomes(images, new, settings.batch_size, settings.workers, lambda _: bar.advance(task))


def _say_of_files(what: str, root: Path, skipped: Sequence[Skipped], style: str, remedies: Sequence[str] = ()) -> None:
    lines = gathered(Path(printable(str(root))), ((one.image.file, one.reason) for one in skipped))
    say(*(f"{what} {line}" for line in [*lines, *remedies]), style=style)


def _write(prediction: Prediction, root: Path, outputs: Outputs) -> None:
    write_text(outputs.predictions, csv_of(prediction.images))
    write_text(outputs.composition, csv_of(prediction.populations))
    facts = prediction.facts(str(root))
    if judged := prediction.judged:
        facts["Controls"] = f"{judged.used} ({outputs.controls.name})"
        _write_controls(judged, outputs.controls)
    files = (outputs.predictions.name, outputs.composition.name)
    write_text(outputs.page, prediction.page(root.resolve().name, facts, files))


def _write_controls(judged: JudgedWells, path: Path) -> None:
    write_text(path, csv_of(judged.table))
    say(*judged.plate.remarks, style="yellow")
    if judged.plate.headline:
        without, held_out = judged.plate.errors
        say(
            f"controls: {judged.used}; mean error of a proportion {held_out:.3f} with those of the other half, "
            f"{without:.3f} without any"
        )
    say(f"written: {path}", whole=True)


def _composition_table(grid: Grid, below: bool = False) -> Table:
    """The table for a terminal, with each interval beside its proportion, or below it in a narrow one."""
    title = "estimated composition of fields, with 95 % intervals"
    table = Table(title=title, box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for number, column in enumerate(grid.columns):
        table.add_column(column, justify="left" if number in (0, 2) else "right", overflow="fold")
    for row in grid.rows:
        texts = [escape(entry.text) for entry in row]
        table.add_row(*texts[:3], *(text.replace(" ", "\n", 1) if below else text for text in texts[3:]))
    return table


def _show(prediction: Prediction, outputs: Outputs) -> None:
    study, frame, populations = prediction.model.study, prediction.images, prediction.populations
    console = get_console() if get_console().is_terminal else Console(width=WIDE)
    if study.simulated:
        warning = "TRAINED ON SIMULATED MICROGRAPHS: no figure says anything about real cells"
        console.print(Panel(warning, style="bold red", expand=console.is_terminal))
    grid = composition_grid(populations, study.classes, digits=2)  # three would not fit a terminal of 80 columns
    table = _composition_table(grid)
    needed = console.measure(table, options=console.options.update(width=WIDE)).maximum
    console.print(table if needed <= console.width else _composition_table(grid, below=True))
    if lacking := untried(prediction.model.headline):
        say(lacking, style="yellow")
    odd, predicted = (frame["unlike_training"] != "").sum(), (frame["left_out"] == "").sum()
    if odd:
        say(f"{odd} of {counted(predicted, 'image')} unlike those of the training; see the page", style="yellow")
    for column in ("remark", "ratio", "features"):
        told = populations[populations[column] != ""].groupby(column, sort=False)["population"]
        say(*(f"{', '.join(names)}: {remark}" for remark, names in told), style="yellow")
    say(*(f"written: {path}" for path in (outputs.predictions, outputs.composition, outputs.page)), whole=True)
