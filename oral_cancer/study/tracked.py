"""What of a study is in W&B: in which project, and from what artifacts whoever goes on with it is made."""

import re

from oral_cancer.study.run_record import RunRecord
from oral_cancer.study.runs import Study
from oral_cancer.tracking.artifacts import TrainingFiles

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
