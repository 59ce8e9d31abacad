"""The finished and lacking runs of a study: what its folder holds, and what its plan says it should.

Each lies in `<study>/<experiment>/fold=<k>/`, or `fold=<k>,seed=<s>` where a study has several seeds.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import pandas as pd

from oral_cancer.command import brief
from oral_cancer.counting import counted
from oral_cancer.errors import UserError, refuse
from oral_cancer.evaluation.predictions import ALL_FOLDS, RUN, Fold, classes_of, read_predictions
from oral_cancer.settings.augmentation import CENTRE
from oral_cancer.spreadsheets import REASON, is_formula
from oral_cancer.study.facts import strange_facts
from oral_cancer.study.plan import read_plan
from oral_cancer.training.manifest import RESULTS, changed_files, is_damaged, read_manifest
from oral_cancer.training.run import RunName

Status = Literal["absent", "running", "failed", "complete", "damaged"]
STATUSES: dict[Any, Status] = {status: status for status in get_args(Status)}

SIMULATED = "simulated"


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


@dataclass(frozen=True)
class Study:
    """What the runs of a study hold, or those of one of its experiments.

    Attributes:
        folder: the study's folder.
        runs: all of them, finished or not, in natural order.
    """

    folder: Path
    runs: tuple[RunRecord, ...]

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """Of the finished runs, as `predictions.COLUMNS`; `experiment` is the run's folder.

        Raises:
            UserError: for files that are damaged or cannot be read.
        """
        refuse_damaged(self.complete, ("predictions.csv",))
        frames = {run.name: predictions_of(run) for run in self.complete}
        kinds = {name: ", ".join(classes_of(frame)) for name, frame in frames.items()}
        if len(set(kinds.values())) > 1:
            remedy = "move the runs of one kind to a study of their own"
            raise UserError(f"{self.folder}: mixes different classes: {_by_kind(kinds)}; {remedy}")
        return pd.concat(list(frames.values()), ignore_index=True)

    @property
    def classes(self) -> tuple[str, ...]:
        """What the runs tell apart."""
        return classes_of(self.predictions)

    @cached_property
    def histories(self) -> pd.DataFrame:
        """Their history.csv, one below the other, with `predictions.RUN` before its columns.

        Raises:
            UserError: for files that cannot be read.
        """
        return _histories(self.complete)

    @property
    def name(self) -> str:
        return self.folder.resolve().name

    @property
    def complete(self) -> tuple[RunRecord, ...]:
        """The finished runs."""
        return tuple(run for run in self.runs if run.status == "complete")

    @property
    def lacking(self) -> tuple[RunRecord, ...]:
        """The runs that are planned or begun and not finished."""
        return tuple(run for run in self.runs if run.status != "complete")

    @property
    def faults(self) -> list[str]:
        """What lacks and why, a line for each reason, e.g. "m1/fold=3, m1/fold=4: not started"."""
        by_fault: dict[str, list[str]] = {}
        for run in self.lacking:
            by_fault.setdefault(run.fault, []).append(run.name)
        return [f"{', '.join(names)}: {fault}" for fault, names in by_fault.items()]

    @property
    def simulated(self) -> bool:
        """Whether the images were made by the simulator."""
        return _is_simulated(self.complete[0])


def find_runs(study: Path, experiment: str | None = None) -> list[RunRecord]:
    """The runs on disk and those planned in study.yaml, experiments and folds in natural order.

    Args:
        study: its folder.
        experiment: whose runs alone are looked at; None for all.

    Raises:
        UserError: for a study.yaml that cannot be read or names folders elsewhere, links that lead out of the study's
            folder, experiments whose names a spreadsheet would take for formulas, manifests of another shape than ours,
            an experiment that is not there.
    """
    _refuse_links(study)
    on_disk = {name for path in study.glob("*/*") if path.is_dir() and (name := RunName.of_path(path))}
    plan = read_plan(study)
    names = sorted(on_disk | set(plan.names if plan else ()), key=_natural)
    experiments = list(dict.fromkeys(name.experiment for name in names))
    refuse([f"{study / name}: {REASON}; rename the folder" for name in experiments if is_formula(name)])
    if names and experiment is not None and experiment not in experiments:
        raise UserError(f"experiment={experiment}: {study} has no such experiment; choose {', '.join(experiments)}")
    found = [_record(study, name) for name in names if experiment in (None, name.experiment)]
    refuse([line for run in found for line in strange_facts(run.folder, run.facts)])
    return found


def read_study(study: Path, experiment: str | None = None) -> Study:
    """Find the runs of a study.

    Args:
        study: its folder, with runs in `<experiment>/fold=<k>/` and perhaps a plan in `study.yaml`.
        experiment: whose runs alone are looked at, whatever the others hold; None for all.

    Raises:
        UserError: where there is no such folder, no run or no finished one; where finished runs were trained on
            different data, in different precisions though the settings are the same, or started from different kinds of
            weights; see also `find_runs`.
    """
    if not study.is_dir():
        raise UserError(f"{study}: there is no such folder; give that of a study, such as outputs/studies/paper")
    runs = tuple(find_runs(study, experiment))
    if not runs:
        raise UserError(f"{study}: holds no run <experiment>/fold=<k>; give the folder of a study, or run it first")
    found = Study(study, runs)
    if not found.complete:
        of = f" of {experiment}" if experiment else ""
        first = runs[0]
        raise UserError(
            f"{study}: none of {counted(len(runs), 'run')}{of} is finished ({first.name} {first.fault}); "
            "run the study first"
        )
    _refuse_mixed(study, found.complete)
    return found


def refuse_damaged(runs: Iterable[RunRecord], files: tuple[str, ...] = RESULTS) -> None:
    """Raise a `UserError` that names every file of finished runs which is missing or not as it was written."""
    faults = [fault for run in runs for fault in changed_files(run.folder, run.facts, files)]
    refuse([f"{fault}; restore it, or start the study again to train the run anew" for fault in faults])


def start_kind(run: RunRecord) -> str:
    """What a run's training started from: "imagenet", "random" or "file"."""
    return str(run.facts.get("weights", "unknown")).split()[0]


def _natural(name: RunName) -> tuple[Any, ...]:
    parts = [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name.experiment)]
    seeds = (-1 if seed is None else seed for seed in (name.split_seed, name.seed))
    return parts, *seeds, name.fold == ALL_FOLDS, name.fold


def _refuse_links(study: Path) -> None:
    """Refuse links out of a study, by which files elsewhere would be read as its own, or written."""
    root = study.resolve()
    refuse(
        [
            f"{path} is a link out of the study; put what it leads to in its place, or remove it"
            for path in sorted(study.rglob("*"))
            if path.is_symlink() and not path.resolve().is_relative_to(root)
        ]
    )


def _record(study: Path, name: RunName) -> RunRecord:
    folder = study / name.path
    manifest = read_manifest(folder)
    status = "damaged" if is_damaged(folder) else STATUSES.get(str((manifest or {}).get("status")), "absent")
    return RunRecord(folder, name, status, manifest)


def _refuse_mixed(study: Path, runs: Sequence[RunRecord]) -> None:
    kinds = {"images": {run.name: _images(run) for run in runs}, "weights": {c.name: start_kind(c) for c in runs}}
    for fact, what in (("precision", "precisions"), ("augmented_on", "devices of augmentation")):
        kinds[what] = {run.name: str(run.facts[fact]) for run in runs if fact in _left_to_machine(run)}
    refuse(
        [
            f"{study}: mixes different {what}: {_by_kind(names)}; move the runs of one kind to a study of their own"
            for what, names in kinds.items()
            if len(set(names.values())) > 1
        ]
    )


def _left_to_machine(run: RunRecord) -> set[str]:
    """The facts of a run's manifest that its settings left to the machine that trained it."""
    config = run.facts.get("config") or {}
    augmentation = config.get("augmentation") or {}
    left = {
        "precision": (config.get("trainer") or {}).get("precision") == "auto",
        "augmented_on": "gpu" in augmentation and augmentation.get("rotation", CENTRE) == CENTRE,
    }
    return {fact for fact, is_left in left.items() if is_left and fact in run.facts}


def _is_simulated(run: RunRecord) -> bool:
    return run.facts.get("source") == SIMULATED


def _images(run: RunRecord) -> str:
    fingerprint = str(run.facts.get("fingerprint", "unknown"))[:8]
    return f"{SIMULATED if _is_simulated(run) else 'real'} (fingerprint {fingerprint})"


def _by_kind(kinds: Mapping[str, str]) -> str:
    runs: dict[str, list[str]] = {}
    for name, kind in kinds.items():
        runs.setdefault(kind, []).append(name)
    return "; ".join(f"{kind} in {_some(names)}" for kind, names in runs.items())


def _some(names: list[str], shown: int = 5) -> str:
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


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


def _histories(runs: Iterable[RunRecord]) -> pd.DataFrame:
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
