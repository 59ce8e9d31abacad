"""What a person sees of a study's runs: a table on a terminal, in a pipe a line for each run that ends.

It looks at the runs' folders, and so does not care where they run. What the runs themselves say goes into their logs.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from threading import Event, Thread
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from oral_cancer.study.plan import read_plan
from oral_cancer.study.progress import RunState, counts, duration, expected_seconds, names_of, state_of
from oral_cancer.training.manifest import FILE
from oral_cancer.training.run import RunName

EVERY = 1.0  # seconds between two looks
FIGURES = {"train_loss": "loss", "val_accuracy": "val accuracy", "val_rmse": "val RMSE"}  # of history.csv
JUDGED_BY = ("val_rmse", "val_accuracy")  # the second where nothing mixes
STYLES = {"running": "bold", "failed": "bold red", "complete": "green", "interrupted": "yellow", "waiting": "dim"}
SHOWN_FIRST = ("running", "failed", "interrupted", "complete", "waiting")


@contextmanager
def shown(study: Path) -> Iterator[None]:
    """Show the runs of a study meanwhile, on what is standard output now."""
    with _own(sys.stdout) as console, _display(console) as live:
        monitor = Monitor(study, console, live)
        stop = Event()
        thread = Thread(target=_until, args=(stop, monitor.look), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            monitor.look()


@contextmanager
def output_to(log: Path) -> Iterator[None]:
    """Append to a file whatever is written meanwhile to standard output and error, by other processes too."""
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    streams = (1, 2)
    kept = [os.dup(stream) for stream in streams]
    with log.open("a", buffering=1, encoding="utf-8") as file:
        try:
            for stream in streams:
                os.dup2(file.fileno(), stream)
            with redirect_stdout(file), redirect_stderr(file):
                yield
        finally:
            for stream, former in zip(streams, kept, strict=True):
                os.dup2(former, stream)
                os.close(former)


class Monitor:
    """The runs of a study as they were when last looked at.

    Args:
        study: its folder.
        console: where to write.
        live: what shows the table; None where a line for each run that ends is to tell.
    """

    def __init__(self, study: Path, console: Console, live: Live | None) -> None:
        self.study = study
        self.console = console
        self.live = live
        self.planned = names_of(study) if read_plan(study) else None  # a search's trials come one after the other
        self.before = {name: self._written(name) for name in self._names()}
        self.told: set[RunName] = set()
        self.at_once = 1

    def look(self) -> None:
        """Show what is new."""
        names = self._names()
        states = [state_of(self.study, name) for name in names]
        self.at_once = max(self.at_once, sum(state.status == "running" for state in states))
        if self.live:
            self.live.update(
                table(f"{self.study.name}: {counts(states, self.at_once)}", states, self.console.height - 6)
            )
            return
        for state in states if self.planned else ():
            if state.status not in ("complete", "failed"):
                self.told.discard(state.name)
            elif state.name not in self.told and self._written(state.name) != self.before[state.name]:
                self.told.add(state.name)
                self.console.print(self._line(state, states), markup=False, highlight=False, soft_wrap=True)

    def _names(self) -> Sequence[RunName]:
        return names_of(self.study) if self.planned is None else self.planned

    def _written(self, name: RunName) -> int | None:
        try:
            return (self.study / name.path / FILE).stat().st_mtime_ns
        except OSError:
            return None

    def _line(self, state: RunState, states: Sequence[RunState]) -> str:
        if state.status == "failed":
            said = f"failed: {state.error}"
        else:
            judged = [f", {FIGURES[name]} {state.figures[name]:.3f}" for name in JUDGED_BY if name in state.figures]
            said = f"complete{''.join(judged[:1])}, {duration(state.seconds)}"
        return f"{self.study.name}: {state.name} {said}; {counts(states, self.at_once)}"


def table(title: str, states: Sequence[RunState], rows: int) -> Table:
    """A row a run, as many as there is room for, those first that a person would look for."""
    grid = Table(title=title, title_justify="left", title_style="bold", expand=False)
    for column in ("run", "", "epoch", *FIGURES.values(), "took", "left"):
        grid.add_column(column, justify="left" if column in ("run", "") else "right")
    chosen = sorted(states, key=lambda state: SHOWN_FIRST.index(state.status))[: max(1, rows)]
    for state in (state for state in states if state in chosen):
        whole = expected_seconds(states) if state.status == "running" else None
        grid.add_row(
            escape(str(state.name)),
            state.status,
            f"{state.epoch}/{state.epochs or '?'}" if state.epoch or state.status == "running" else "",
            *(f"{state.figures[name]:.3f}" if name in state.figures else "" for name in FIGURES),
            duration(state.seconds) if state.seconds else "",
            duration(max(0.0, whole - state.seconds)) if whole else "",
            style=STYLES[state.status],
        )
    return grid


def _until(stop: Event, look: Callable[[], None]) -> None:
    look()
    while not stop.wait(EVERY):
        look()


@contextmanager
def _own(stream: TextIO) -> Iterator[Console]:
    """A console on a copy of a stream, which stays where it is when the stream is led elsewhere."""
    try:
        descriptor = os.dup(stream.fileno())
    except OSError:  # a notebook's
        yield Console(file=stream)
        return
    with os.fdopen(descriptor, "w", encoding=stream.encoding) as own:
        yield Console(file=own)


@contextmanager
def _display(console: Console) -> Iterator[Live | None]:
    if not console.is_terminal:
        yield None
        return
    with Live(console=console, transient=True, redirect_stdout=False, redirect_stderr=False) as live:
        yield live
