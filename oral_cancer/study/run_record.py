"""What a study's folder holds of one run: whether it is finished, what it was made of, what it predicted."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import pandas as pd

from oral_cancer.command import brief
from oral_cancer.errors import UserError, refuse
from oral_cancer.evaluation.predictions import RUN, Fold, classes_of, read_predictions
from oral_cancer.training.manifest import RESULTS, changed_files, is_damaged, read_manifest
from oral_cancer.training.run import RunName

Status = Literal["absent", "running", "failed", "complete", "damaged"]
WEB_ADDRESS = re.compile(r"https?://[^\s\"'<>]+")
STATUSES: dict[Any, Status] = {status: status for status in get_args(Status)}


@dataclass(frozen=True)
class RunRecord:
    """What a study's folder holds of one run.

    Attributes:
        folder: where its files lie, or would.
        run: its experiment, which is the folder between the study's and the run's, fold and seeds.
        status: "running" also for a training that was cut off before it could say so.
        manifest: what manifest.json holds; None where there is none.
    """

    folder: Path
    run: RunName
    status: Status
    manifest: dict[str, Any] | None

    @property
    def experiment(self) -> str:
        """E.g. "m5"."""
        return self.run.experiment

    @property
    def fold(self) -> Fold:
        """A number from 0, or "all"."""
        return self.run.fold

    @property
    def seed(self) -> int:
        """Of the training, as its folder or its manifest says; 0 where neither does."""
        return self._seed(self.run.seed, "seed")

    @property
    def split_seed(self) -> int:
        """Of the folds, likewise."""
        return self._seed(self.run.split_seed, "split_seed")

    def _seed(self, named: int | None, option: str) -> int:
        said = (self.facts.get("config") or {}).get(option) if named is None else named
        return said if isinstance(said, int) else 0

    @property
    def name(self) -> str:
        """E.g. "m5/fold=0"."""
        return self.run.path

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """What the run's network tells apart: of a finished run, by the columns of its predictions."""
        return classes_of(read_predictions(self.folder / "predictions.csv"))

    @property
    def facts(self) -> Mapping[str, Any]:
        """The manifest, empty where there is none."""
        return self.manifest or {}

    @property
    def wandb_url(self) -> str:
        """Where W&B shows the run, "" where it is not online; a redacted manifest does not say."""
        url = str(self.facts.get("wandb_url") or "")
        return url if WEB_ADDRESS.fullmatch(url) else ""

    @property
    def fault(self) -> str:
        """Why a run lacks, e.g. "failed: OutOfMemoryError: ...", on one line."""
        if self.status == "failed":
            return f"failed: {(str(self.facts.get('error') or 'no error recorded').splitlines() or [''])[0]}"
        return {
            "absent": "not started",
            "running": "running or interrupted",
            "complete": "",
            "damaged": "manifest.json is damaged; start the study again to train this run anew",
        }[self.status]


def read_run(study: Path, name: RunName) -> RunRecord:
    """What lies in the folder of a run below that of its study, be it nothing."""
    folder = study / name.path
    manifest = read_manifest(folder)
    status = "damaged" if is_damaged(folder) else STATUSES.get(str((manifest or {}).get("status")), "absent")
    return RunRecord(folder, name, status, manifest)


def refuse_damaged(runs: Iterable[RunRecord], files: tuple[str, ...] = RESULTS) -> None:
    """Raise a `UserError` that names every file of finished runs which is missing or not as it was written."""
    faults = [fault for run in runs for fault in changed_files(run.folder, run.facts, files)]
    refuse([f"{fault}; restore it, or start the study again to train the run anew" for fault in faults])


def start_kind(run: RunRecord) -> str:
    """What a run's training started from: "imagenet", "random" or "file"."""
    return str(run.facts.get("weights", "unknown")).split()[0]


def predictions_of(run: RunRecord) -> pd.DataFrame:
    """The predictions of a finished run, under the names of its folder and with its seeds.

    Raises:
        UserError: for a file that cannot be read, or is of another fold.
    """
    path = run.folder / "predictions.csv"
    frame = read_predictions(path)
    strange = [fold for fold in frame["fold"].unique() if fold != run.fold]
    if strange:
        raise UserError(f"{path}: predictions of fold {strange[0]}; put them back into a folder fold={strange[0]}")
    return frame.assign(experiment=run.experiment, split_seed=run.split_seed, seed=run.seed)


def histories_of(runs: Iterable[RunRecord]) -> pd.DataFrame:
    """Their history.csv, one below the other, with `predictions.RUN` before its columns.

    Raises:
        UserError: for files that cannot be read.
    """
    histories = []
    for run in runs:
        path = run.folder / "history.csv"
        if path.exists():
            try:
                history = pd.read_csv(path)
            except (OSError, ValueError) as error:
                raise UserError(
                    f"{path}: not a readable CSV file ({brief(error)}); remove it, or train again"
                ) from None
            history.insert(0, "experiment", run.experiment)
            history.insert(1, "fold", pd.Series([run.fold] * len(history), dtype=object))
            history.insert(2, "split_seed", run.split_seed)
            history.insert(3, "seed", run.seed)
            histories.append(history)
    columns = [*RUN, "epoch"]
    return pd.concat(histories, ignore_index=True) if histories else pd.DataFrame(columns=columns)
