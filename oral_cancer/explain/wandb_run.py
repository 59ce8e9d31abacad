"""Explanations as pictures of a W&B run, beside the runs of the study's runs."""

from collections.abc import Sequence
from pathlib import Path

import wandb

from oral_cancer.explain.page import Shown
from oral_cancer.study.run_record import RunRecord
from oral_cancer.study.runs import Study
from oral_cancer.study.tracked import start_beside, training_files
from oral_cancer.tracking import artifacts
from oral_cancer.tracking.identity import key

AT_ONCE = 100  # W&B shows at most 108 pictures of one step


def log_explanations(study: Study, runs: Sequence[RunRecord], folder: Path, explained: Sequence[Shown]) -> None:
    """Log every sheet, with label and probabilities as its caption, under "explanations/<experiment>/fold=<k>".

    Of a private study W&B is told which networks explained how many images, and shown none.

    Args:
        study: whose networks explain; the run is of its group.
        runs: of these networks, which the run uses.
        folder: that the sheets' paths are relative to.
        explained: what is logged.
    """
    place = {} if study.private else {"folder": str(folder)}
    run = start_beside(study, "explain", study.name, {"sheets": len(explained), **place})
    try:
        artifacts.use(run, (training_files(study, one).network for one in runs))
        sheets: dict[str, list[wandb.Image]] = {}
        for one in () if study.private else explained:
            picture = _picture(one, study.classes, folder)
            sheets.setdefault(key("explanations", one.experiment, one.training), []).append(picture)
        for first in range(0, max(map(len, sheets.values()), default=0), AT_ONCE):
            batches = {name: pictures[first : first + AT_ONCE] for name, pictures in sheets.items()}
            run.log({name: batch for name, batch in batches.items() if batch})
    finally:
        run.finish()


def _picture(one: Shown, classes: Sequence[str], folder: Path) -> wandb.Image:
    probabilities = ", ".join(f"{name} {p:.3f}" for name, p in zip(classes, one.probabilities, strict=True))
    truth = f", truly {one.true}" if one.true else ""
    return wandb.Image(str(folder / one.pictures["sheet"]), caption=f"{one.file}{truth}: {probabilities}")
