"""What the verb `list` shows: the studies below a folder, and the runs of no study."""

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from oral_cancer.command import show_table
from oral_cancer.disk import in_bytes, size_of
from oral_cancer.errors import UserError
from oral_cancer.study.journal import FILE as SEARCH
from oral_cancer.study.plan import FILE as PLAN
from oral_cancer.study.progress import RunState, names_of, state_of, validated
from oral_cancer.training.manifest import FILE as MANIFEST
from oral_cancer.training.manifest import read_manifest
from oral_cancer.training.run import RunName


@dataclass(frozen=True)
class Listed:
    """What a line says of a study.

    Attributes:
        folder: where it lies.
        states: of its runs.
        best: the best experiment by the mean over its finished runs of the mixtures' validation RMSE, or where nothing
            mixes of the validation macro F1, and that in words; None without one.
        end: of the run that ended last, as its manifest has it; empty where none has.
        size: of all its files on disk, in bytes.
    """

    folder: Path
    states: Sequence[RunState]
    best: tuple[str, str] | None
    end: str
    size: int

    @property
    def experiments(self) -> list[str]:
        return list(dict.fromkeys(state.name.experiment for state in self.states))


def studies_below(folder: Path) -> list[Path]:
    """The folders below one that hold runs `<experiment>/fold=<k>`, or are planned to; itself, if it is one.

    Pictures that explain a study lie in folders of the same names, and are none. Links are not followed.
    """
    found = []
    for path, folders, files in os.walk(folder):
        here = Path(path)
        if {PLAN, SEARCH} & set(files) or any(map(_is_run, here.glob("*/fold=*"))):
            found.append(here)
            folders.clear()
        folders.sort()
    return found


def _is_run(folder: Path) -> bool:
    return RunName.of_path(folder) is not None and (folder / MANIFEST).is_file()


def listed(study: Path) -> Listed:
    """What there is to say of a study."""
    states = [state_of(study, name) for name in names_of(study)]
    done = [study / state.name.path for state in states if state.status == "complete"]
    ends = [str((read_manifest(run) or {}).get("end") or "") for run in done]
    return Listed(study, states, _best(done), max(ends, default=""), size_of(study))


def show_list(folder: Path) -> None:
    """Print a line for each study below a folder.

    Raises:
        UserError: where there is no such folder, or none below it.
    """
    studies = [listed(study) for study in studies_below(folder)]
    if not studies:
        raise UserError(f"{folder}: holds no study and no run; give another folder, or train first")
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for column in ("study", "runs", "experiments", "best val RMSE or F1", "ended", "size"):
        table.add_column(column, justify="right" if column in ("runs", "size") else "left", overflow="fold")
    for study in studies:
        done = sum(state.status == "complete" for state in study.states)
        table.add_row(
            escape(str(study.folder)),
            f"{done} of {len(study.states)}",
            escape(_some(study.experiments)),
            escape(f"{study.best[1]} {study.best[0]}") if study.best else "",
            study.end[:16].replace("T", " "),
            in_bytes(study.size),
        )
    show_table(table)


def _best(runs: Sequence[Path]) -> tuple[str, str] | None:
    found: dict[str, dict[str, list[float]]] = {"rmse": defaultdict(list), "f1_macro": defaultdict(list)}
    for run in runs:
        figures = validated(run)
        for figure in [name for name in found if name in figures][:1]:  # F1 where nothing mixes
            found[figure][run.parent.name].append(figures[figure])
    for figure, words, best_of in (("rmse", "", min), ("f1_macro", "F1 ", max)):
        means = {experiment: mean(values) for experiment, values in found[figure].items()}
        if means:
            experiment = best_of(means, key=lambda name: means[name])
            return experiment, f"{words}{means[experiment]:.3f}"
    return None


def _some(names: Sequence[str], shown: int = 6) -> str:
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")
