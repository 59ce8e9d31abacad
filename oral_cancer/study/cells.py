"""The finished and lacking cells of a study: what its folder holds, and what its plan says it should.

A cell is one training of one model on one fold, in `<study>/<model>/fold=<k>/`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import pandas as pd

from oral_cancer.command import brief
from oral_cancer.errors import UserError, refuse
from oral_cancer.evaluation.predictions import ALL_FOLDS, Fold, read_predictions
from oral_cancer.spreadsheets import REASON, is_formula
from oral_cancer.study.facts import strange_facts
from oral_cancer.study.plan import read_plan
from oral_cancer.training.manifest import RESULTS, changed_files, is_damaged, read_manifest
from oral_cancer.training.run import RunName

Status = Literal["absent", "running", "failed", "complete", "damaged"]
STATUSES: dict[Any, Status] = {status: status for status in get_args(Status)}

SIMULATED = "simulated"


@dataclass(frozen=True)
class Cell:
    """One model on one fold.

    Attributes:
        folder: where its files lie, or would.
        model: name of the folder between the study's and the cell's.
        fold: a number from 0, or "all".
        status: "running" also for a training that was cut off before it could say so.
        manifest: what manifest.json holds; None where there is none.
    """

    folder: Path
    model: str
    fold: Fold
    status: Status
    manifest: dict[str, Any] | None

    @property
    def name(self) -> str:
        """E.g. "m5/fold=0"."""
        return f"{self.model}/{self.folder.name}"

    @property
    def facts(self) -> Mapping[str, Any]:
        """The manifest, empty where there is none."""
        return self.manifest or {}

    @property
    def fault(self) -> str:
        """Why a cell lacks, e.g. "failed: OutOfMemoryError: ...", on one line."""
        if self.status == "failed":
            return f"failed: {(str(self.facts.get('error') or 'no error recorded').splitlines() or [''])[0]}"
        return {
            "absent": "not started",
            "running": "running or interrupted",
            "complete": "",
            "damaged": "manifest.json is damaged; start the study again to train this cell anew",
        }[self.status]


@dataclass(frozen=True)
class Study:
    """What the finished cells of a study hold.

    Attributes:
        folder: the study's folder.
        cells: all of them, finished or not, in natural order.
        predictions: of the finished cells, as `predictions.COLUMNS`; `experiment` is the cell's folder.
        histories: their history.csv, one below the other, with `experiment` and `fold` before its columns.
    """

    folder: Path
    cells: tuple[Cell, ...]
    predictions: pd.DataFrame
    histories: pd.DataFrame

    @property
    def name(self) -> str:
        return self.folder.resolve().name

    @property
    def complete(self) -> tuple[Cell, ...]:
        """The finished cells."""
        return tuple(cell for cell in self.cells if cell.status == "complete")

    @property
    def lacking(self) -> tuple[Cell, ...]:
        """The cells that are planned or begun and not finished."""
        return tuple(cell for cell in self.cells if cell.status != "complete")

    @property
    def faults(self) -> list[str]:
        """What lacks and why, a line for each reason, e.g. "m1/fold=3, m1/fold=4: not started"."""
        by_fault: dict[str, list[str]] = {}
        for cell in self.lacking:
            by_fault.setdefault(cell.fault, []).append(cell.name)
        return [f"{', '.join(names)}: {fault}" for fault, names in by_fault.items()]

    @property
    def simulated(self) -> bool:
        """Whether the images were made by the simulator."""
        return _is_simulated(self.complete[0])


def find_cells(study: Path) -> list[Cell]:
    """The cells on disk and those planned in study.yaml, models and folds in natural order.

    Raises:
        UserError: for a study.yaml that cannot be read or names folders elsewhere, links that lead out of the study's
            folder, models whose names a spreadsheet would take for formulas, manifests of another shape than ours.
    """
    _refuse_links(study)
    on_disk = {name[:2] for path in study.glob("*/*") if path.is_dir() and (name := RunName.of_path(path))}
    plan = read_plan(study)
    names = on_disk | {name[:2] for name in (plan.names if plan else ())}
    refuse(
        [
            f"{study / experiment}: {REASON}; rename the folder"
            for experiment in sorted({experiment for experiment, _ in names})
            if is_formula(experiment)
        ]
    )
    found = [_cell(study, experiment, fold) for experiment, fold in sorted(names, key=lambda name: _natural(*name))]
    refuse([line for cell in found for line in strange_facts(cell.folder, cell.facts)])
    return found


def read_study(study: Path) -> Study:
    """Read the finished cells of a study.

    Args:
        study: its folder, with cells in `<model>/fold=<k>/` and perhaps a plan in `study.yaml`.

    Raises:
        UserError: where there is no such folder, no cell or no finished one; where finished cells were trained on
            different data, in different precisions though the settings are the same, or started from different kinds of
            weights; for files that cannot be read.
    """
    if not study.is_dir():
        raise UserError(f"{study}: there is no such folder; give that of a study, such as outputs/studies/paper")
    cells = tuple(find_cells(study))
    if not cells:
        raise UserError(f"{study}: holds no cell <model>/fold=<k>; give the folder of a study, or run it first")
    complete = [cell for cell in cells if cell.status == "complete"]
    if not complete:
        first = cells[0]
        raise UserError(
            f"{study}: none of its {len(cells)} cells is finished ({first.name} {first.fault}); run the study first"
        )
    _refuse_mixed(study, complete)
    _refuse_damaged(complete)
    predictions = pd.concat([_predictions(cell) for cell in complete], ignore_index=True)
    return Study(study, cells, predictions, _histories(complete))


def start_kind(cell: Cell) -> str:
    """What a cell's training started from: "imagenet", "random" or "file"."""
    return str(cell.facts.get("weights", "unknown")).split()[0]


def _natural(model: str, fold: Fold) -> tuple[list[int | str], bool, Fold]:
    parts = re.split(r"(\d+)", model)
    return [int(part) if part.isdecimal() else part for part in parts], fold == ALL_FOLDS, fold


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


def _cell(study: Path, experiment: str, fold: Any) -> Cell:
    folder = study / RunName(experiment, fold).path
    manifest = read_manifest(folder)
    status = "damaged" if is_damaged(folder) else STATUSES.get(str((manifest or {}).get("status")), "absent")
    return Cell(folder, experiment, fold, status, manifest)


def _refuse_mixed(study: Path, cells: list[Cell]) -> None:
    kinds = {"images": {cell.name: _images(cell) for cell in cells}, "weights": {c.name: start_kind(c) for c in cells}}
    for fact, what in (("precision", "precisions"), ("augmented_on", "devices of augmentation")):
        kinds[what] = {cell.name: str(cell.facts[fact]) for cell in cells if fact in _left_to_machine(cell)}
    refuse(
        [
            f"{study}: mixes different {what}: {_by_kind(names)}; move the cells of one kind to a study of their own"
            for what, names in kinds.items()
            if len(set(names.values())) > 1
        ]
    )


def _left_to_machine(cell: Cell) -> set[str]:
    """The facts of a cell's manifest that its settings left to the machine that trained it."""
    config = cell.facts.get("config") or {}
    left = {
        "precision": (config.get("trainer") or {}).get("precision") == "auto",
        "augmented_on": "gpu" in (config.get("augmentation") or {}),
    }
    return {fact for fact, is_left in left.items() if is_left and fact in cell.facts}


def _refuse_damaged(cells: list[Cell]) -> None:
    faults = [fault for cell in cells for fault in changed_files(cell.folder, cell.facts, RESULTS)]
    refuse([f"{fault}; restore it, or start the study again to train the cell anew" for fault in faults])


def _is_simulated(cell: Cell) -> bool:
    return cell.facts.get("source") == SIMULATED


def _images(cell: Cell) -> str:
    fingerprint = str(cell.facts.get("fingerprint", "unknown"))[:8]
    return f"{SIMULATED if _is_simulated(cell) else 'real'} (fingerprint {fingerprint})"


def _by_kind(kinds: Mapping[str, str]) -> str:
    cells: dict[str, list[str]] = {}
    for name, kind in kinds.items():
        cells.setdefault(kind, []).append(name)
    return "; ".join(f"{kind} in {_some(names)}" for kind, names in cells.items())


def _some(names: list[str], shown: int = 5) -> str:
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def _predictions(cell: Cell) -> pd.DataFrame:
    path = cell.folder / "predictions.csv"
    frame = read_predictions(path)
    strange = [fold for fold in frame["fold"].unique() if fold != cell.fold]
    if strange:
        raise UserError(f"{path}: predictions of fold {strange[0]}; put them back into a folder fold={strange[0]}")
    return frame.assign(experiment=cell.model)


def _histories(cells: list[Cell]) -> pd.DataFrame:
    histories = []
    for cell in cells:
        path = cell.folder / "history.csv"
        if path.exists():
            try:
                history = pd.read_csv(path)
            except (OSError, ValueError) as error:
                raise UserError(
                    f"{path}: not a readable CSV file ({brief(error)}); remove it, or train again"
                ) from None
            history.insert(0, "experiment", cell.model)
            history.insert(1, "fold", pd.Series([cell.fold] * len(history), dtype=object))
            histories.append(history)
    columns = ["experiment", "fold", "epoch"]
    return pd.concat(histories, ignore_index=True) if histories else pd.DataFrame(columns=columns)
