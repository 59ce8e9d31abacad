"""What the verb `status` shows: how far each run of a study is."""

import json
import platform
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

from rich import get_console
from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from oral_cancer.called import command
from oral_cancer.command import show_table
from oral_cancer.errors import UserError
from oral_cancer.study.listing import studies_below
from oral_cancer.study.monitor import FIGURES, JUDGED_BY
from oral_cancer.study.progress import RunState, counts, duration, names_of, state_of
from oral_cancer.training.manifest import read_manifest
from oral_cancer.training.run import RunName

EVERY = 2.0  # seconds between two looks
OF_RUN = ("device", "precision", "weights", "versions", "git_commit")
"""What `--json` has of a run's manifest: nothing that names a folder, a machine or an image."""
STYLES = {"complete": "green", "running": "bold", "interrupted": "yellow", "failed": "red", "waiting": "dim"}


def states_of(folder: Path) -> list[RunState]:
    """How far the runs of a folder are.

    Args:
        folder: of a study, planned or not, of a search, of `outputs/runs`, or of a single run.

    Raises:
        UserError: where there is no such folder, or no run in it.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder; `oral-cancer list` names those there are")
    alone = RunName.of_path(folder.resolve())
    states = (
        [state_of(folder.resolve().parents[1], alone)] if alone else [state_of(folder, n) for n in names_of(folder)]
    )
    if not states:
        raise UserError(f"{folder}: holds no run <experiment>/fold=<k>; give the folder of a study")
    return states


def refuse_none(outputs: Path) -> NoReturn:
    """Where no study is named: say what to give, and those there are.

    Raises:
        UserError: always.
    """
    there = studies_below(outputs) if outputs.is_dir() else []
    lines = [f"give the folder of a study, such as `{command('status', study)}`" for study in there]
    raise UserError(*lines or [f"give the folder of a study; there is none below {outputs} yet"])


def show_status(folder: Path) -> None:
    """Print a line a run, and one of all together."""
    show_table(_view(folder, states_of(folder)))


def print_status(folder: Path) -> None:
    """Print the same as JSON: what program runs here, and of each run how far it is and by what it was made.

    See `status_record`. Only an error can name a path, as it was told.
    """
    print(json.dumps(status_record(folder), indent=2))


def status_record(folder: Path) -> dict[str, Any]:
    """How far the runs of a folder are, as plain values.

    Args:
        folder: as `states_of` takes it.

    Returns:
        `program` (its version, Python's and the system's), `study` (its name), and `runs`: of each `run`, `status`,
        `epoch` (done), `epochs` (to be; None where unknown), `figures` of the last epoch, `seconds`, `error`, and what
        its manifest has of `OF_RUN`.
    """
    states = states_of(folder)
    alone = RunName.of_path(folder.resolve())
    study = folder.resolve().parents[1] if alone else folder
    program = {
        "oral-cancer": version("oral-cancer"),
        "python": platform.python_version(),
        "system": platform.platform(),
    }
    return {"program": program, "study": study.resolve().name, "runs": [_record(study, state) for state in states]}


def _record(study: Path, state: RunState) -> dict[str, Any]:
    manifest = read_manifest(study / state.name.path) or {}
    return {
        "run": state.name.path,
        "status": state.status,
        "epoch": state.epoch,
        "epochs": state.epochs,
        "figures": dict(state.figures),
        "seconds": round(state.seconds, 1),
        "error": state.error,
    } | {name: manifest[name] for name in OF_RUN if name in manifest}


def watch_status(folder: Path, every: float = EVERY) -> None:
    """Show the same again and again in its place, until nothing runs any more or Ctrl-C."""
    states = states_of(folder)
    with Live(_view(folder, states), console=get_console(), auto_refresh=False) as live:
        while any(state.status == "running" for state in states):
            time.sleep(every)
            states = states_of(folder)
            live.update(_view(folder, states), refresh=True)


def _view(folder: Path, states: Sequence[RunState]) -> Group:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    judged_by = next((name for name in JUDGED_BY if any(name in state.figures for state in states)), JUDGED_BY[0])
    for column in ("run", "status", "epoch", FIGURES[judged_by], "time"):
        table.add_column(column, justify="left" if column in ("run", "status") else "right", overflow="fold")
    for state in states:
        style = STYLES[state.status]
        figure = state.figures.get(judged_by)
        table.add_row(
            escape(str(state.name)),
            f"[{style}]{state.status}[/]",
            f"{state.epoch}/{state.epochs or '?'}" if state.epoch or state.status == "running" else "",
            "" if figure is None else f"{figure:.3f}",
            duration(state.seconds) if state.seconds else "",
        )
    failed = [f"{state.name} failed: {state.error}" for state in states if state.status == "failed"]
    return Group(table, *map(escape, failed), f"[bold]{escape(folder.resolve().name)}[/]: {counts(states)}")
