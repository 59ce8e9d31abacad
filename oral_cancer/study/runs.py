"""The finished and lacking runs of a study: what its folder holds, and what its plan says it should.

Each lies in `<study>/<experiment>/fold=<k>/`, or `fold=<k>,seed=<s>` where a study has several seeds.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import pandas as pd

from oral_cancer.counting import counted
from oral_cancer.errors import UserError, refuse
from oral_cancer.evaluation.predictions import ALL_FOLDS, classes_of
from oral_cancer.privacy import is_private, redacted
from oral_cancer.settings.augmentation import CENTRE, turning
from oral_cancer.spreadsheets import REASON, is_formula
from oral_cancer.study.facts import strange_facts
from oral_cancer.study.plan import read_plan
from oral_cancer.study.run_record import (
    RunRecord,
    histories_of,
    predictions_of,
    read_run,
    refuse_damaged,
    start_kind,
)
from oral_cancer.training.run import RunName

SIMULATED = "simulated"


@dataclass(frozen=True)
class Study:
    """What the runs of a study hold, or those of one of its experiments.

    Attributes:
        folder: the study's folder.
        runs: all of them, finished or not, in natural order.
        private: whether pages, cards and W&B show no absolute path, no name of a computer and no picture of an image.
    """

    folder: Path
    runs: tuple[RunRecord, ...]
    private: bool = False

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
        return histories_of(self.complete)

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

    @property
    def shown(self) -> Self:
        """As pages and cards say it: of a private study the manifests are redacted."""
        if not self.private:
            return self
        redact = ((run, redacted(run.manifest, str(run.facts.get("host") or ""))) for run in self.runs)
        return replace(self, runs=tuple(replace(run, manifest=manifest) for run, manifest in redact))


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
    found = [read_run(study, name) for name in names if experiment in (None, name.experiment)]
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
    plan = read_plan(study)
    private = bool(plan and plan.private) or any(is_private(run.facts.get("config")) for run in runs)
    found = Study(study, runs, private)
    if not found.complete:
        of = f" of {experiment}" if experiment else ""
        first = runs[0]
        raise UserError(
            f"{study}: none of {counted(len(runs), 'run')}{of} is finished ({first.name} {first.fault}); "
            "run the study first"
        )
    _refuse_mixed(study, found.complete)
    return found


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
    augmentation = turning(config.get("augmentation"))
    left = {
        "precision": (config.get("trainer") or {}).get("precision") == "auto",
        "augmented_on": "gpu" in augmentation and augmentation.get("recipe", CENTRE) == CENTRE,
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
