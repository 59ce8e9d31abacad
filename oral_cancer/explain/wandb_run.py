"""Explanations as pictures of a W&B run, beside the runs of the study's runs."""

import re
from collections.abc import Sequence
from pathlib import Path

import wandb

from oral_cancer.explain.page import Shown
from oral_cancer.study.runs import Study
from oral_cancer.wandb_start import start_wandb

PROJECT = "oral-cancer"  # where the study was not logged to W&B
PROJECTS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]*")  # that a study may name
SAVE_DIR = "outputs"  # whatever a study names: nothing is written where somebody else says
AT_ONCE = 100  # W&B shows at most 108 pictures of one step


def log_explanations(study: Study, folder: Path, explained: Sequence[Shown]) -> None:
    """Log every sheet, with label and probabilities as its caption, under "<experiment>/fold=<k>".

    Args:
        study: whose networks explain; the run is of its group.
        folder: that the sheets' paths are relative to.
        explained: what is logged.
    """
    project = ((study.complete[0].facts.get("config") or {}).get("logger") or {}).get("project")
    tags = ["simulated"] if study.simulated else []
    run = start_wandb(
        project if isinstance(project, str) and PROJECTS.fullmatch(project) else PROJECT,
        SAVE_DIR,
        group=study.name,
        job_type="explain",
        name=" ".join(["explain", study.name, *tags]),
        tags=tags,
        config={"folder": str(folder)},
    )
    try:
        sheets: dict[str, list[wandb.Image]] = {}
        for one in explained:
            picture = _picture(one, study.classes, folder)
            sheets.setdefault(f"{one.experiment}/{one.training}", []).append(picture)
        for first in range(0, max(map(len, sheets.values())), AT_ONCE):
            batches = {name: pictures[first : first + AT_ONCE] for name, pictures in sheets.items()}
            run.log({name: batch for name, batch in batches.items() if batch})
    finally:
        run.finish()


def _picture(one: Shown, classes: Sequence[str], folder: Path) -> wandb.Image:
    probabilities = ", ".join(f"{name} {p:.3f}" for name, p in zip(classes, one.probabilities, strict=True))
    truth = f", truly {one.true}" if one.true else ""
    return wandb.Image(str(folder / one.pictures["sheet"]), caption=f"{one.file}{truth}: {probabilities}")
