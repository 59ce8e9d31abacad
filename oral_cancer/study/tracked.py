"""What of a study is in W&B: in which project, and from what artifacts whoever goes on with it is made."""

import re
from collections.abc import Mapping
from typing import Any

import wandb

from oral_cancer.study.run_record import RunRecord
from oral_cancer.study.runs import Study
from oral_cancer.tracking.artifacts import TrainingFiles
from oral_cancer.tracking.start import start_wandb

PROJECT = "oral-cancer"  # where the study was not logged to W&B
PROJECTS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]*")  # that a study may name
SAVE_DIR = "outputs"  # whatever a study names: nothing is written where somebody else says


def project_of(study: Study) -> str:
    """The project that the study's trainings were logged to."""
    project = ((study.complete[0].facts.get("config") or {}).get("logger") or {}).get("project")
    return project if isinstance(project, str) and PROJECTS.fullmatch(project) else PROJECT


def training_files(study: Study, run: RunRecord) -> TrainingFiles:
    """What the artifacts of one of its runs are made from, as its training made them."""
    return TrainingFiles(run.folder, study.name, run.name, run.facts, study.private)


def marks(study: Study) -> list[str]:
    """What a reader must know at a glance."""
    return ["simulated"] if study.simulated else []


def start_beside(study: Study, kind: str, name: str, config: Mapping[str, Any]) -> wandb.Run:
    """A W&B run of the study's group for what is done with its networks.

    Args:
        study: whose networks they are.
        kind: the job type, such as "predict".
        name: of what it is done to.
        config: beside the study's name.
    """
    return start_wandb(
        project_of(study),
        SAVE_DIR,
        private=study.private,
        group=study.name,
        job_type=kind,
        name=" ".join([kind, name, *marks(study)]),
        tags=marks(study),
        config={"study": study.name, **config},
    )
