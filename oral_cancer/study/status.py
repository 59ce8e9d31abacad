"""What the verb `status` shows: how far each run of a study is."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

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
from oral_cancer.training.run import RunName

EVERY = 2.0  # seconds between two looks
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
