"""How far the runs of a study are, read from their folders; nothing is loaded that a training needs."""

import csv
import json
import socket
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import psutil

from oral_cancer.counting import counted
from oral_cancer.study.plan import read_plan
from oral_cancer.training.manifest import read_manifest
from oral_cancer.training.run import RunName

Status = Literal["waiting", "running", "interrupted", "failed", "complete"]
HISTORY = "history.csv"


@dataclass(frozen=True)
class RunState:
    """How far a run is.

    Attributes:
        name: which one.
        status: "waiting" has not begun, "interrupted" was cut off before it could say so.
        epoch: how many are done.
        epochs: how many there are to be; None where the settings do not say.
        figures: of the last epoch, as history.csv names them, such as `val_rmse`; of a complete run its tables', which
            are of all views of an image, where those of an epoch are of one.
        seconds: that it took, or has taken since its last start.
        error: of a failed run, on one line.
    """

    name: RunName
    status: Status
    epoch: int = 0
    epochs: int | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    error: str = ""


def names_of(study: Path) -> list[RunName]:
    """The runs that a study plans, or without a plan those that its folder holds."""
    if plan := read_plan(study):
        return plan.names
    found = (RunName.of_path(path) for path in study.glob("*/*") if path.is_dir())
    return sorted((name for name in found if name), key=lambda name: (len(name.experiment), name.path))


def state_of(study: Path, name: RunName) -> RunState:
    """How far one run is."""
    folder = study / name.path
    manifest = read_manifest(folder)
    if manifest is None:
        return RunState(name, "waiting")
    said = manifest.get("status")
    status: Status = "complete" if said == "complete" else "failed" if said == "failed" else "running"
    if status == "running" and not _is_alive(manifest):
        status = "interrupted"
    last = _last_epoch(folder / HISTORY)
    trainer = (manifest.get("config") or {}).get("trainer") or {}
    return RunState(
        name,
        status,
        epoch=int(last.pop("epoch", -1)) + 1,
        epochs=trainer.get("max_epochs"),
        figures=last | (_of_tables(folder) if status == "complete" else {}),
        seconds=_since(manifest.get("start")) if status == "running" else float(manifest.get("seconds") or 0),
        error=str(manifest.get("error") or "no error recorded") if status == "failed" else "",
    )


def validated(run: Path) -> dict[str, float]:
    """The figures of a finished run's validation images, such as `rmse`; empty where they cannot be read.

    Args:
        run: its folder.
    """
    try:
        sets = json.loads((run / "metrics.json").read_text(encoding="utf-8"))["val"].values()
        return {name: float(value) for one in sets for name, value in one.items() if isinstance(value, float)}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}  # `report --verify` says what is wrong with it


def expected_seconds(states: Sequence[RunState]) -> float | None:
    """What a run takes: the mean of those done, or before the first is done of those running, by their epochs."""
    running = [state for state in states if state.status == "running"]
    whole = [state.seconds for state in states if state.status == "complete"] or list(_foreseen(running))
    return sum(whole) / len(whole) if whole else None


def seconds_left(states: Sequence[RunState], at_once: int = 1) -> float | None:
    """Time until all runs are done; None as long as nothing tells.

    Args:
        states: of all runs.
        at_once: how many run at once, if these are more than run now.
    """
    each = expected_seconds(states)
    if each is None:
        return None
    running = [state for state in states if state.status == "running"]
    waiting = sum(state.status in ("waiting", "interrupted") for state in states)
    work = waiting * each + sum(max(0.0, each - state.seconds) for state in running)
    return work / max(1, min(at_once, waiting + len(running)), len(running))


def counts(states: Sequence[RunState], at_once: int = 1) -> str:
    """E.g. "3 of 10 runs done, 2 running, 1 failed, about 5 min left"; see `seconds_left`."""
    number = Counter(state.status for state in states)
    parts = [f"{number['complete']} of {counted(len(states), 'run')} done"]
    parts += [f"{number[status]} {status}" for status in ("running", "failed") if number[status]]
    left = seconds_left(states, at_once)
    return ", ".join(parts + ([f"about {duration(left)} left"] if left else []))


def duration(seconds: float) -> str:
    """E.g. "2 h 05 min", "4 min 30 s"."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def _foreseen(running: Sequence[RunState]) -> Iterator[float]:
    for state in running:
        if state.epoch and state.epochs and state.epochs > 0:
            yield state.seconds * state.epochs / state.epoch


def _last_epoch(path: Path) -> dict[str, float]:
    """What the last row of a history holds; empty before the first epoch is done."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return {key: float(value) for key, value in rows[-1].items() if value} if rows else {}
    except (OSError, ValueError, TypeError, csv.Error):
        return {}


def _of_tables(folder: Path) -> dict[str, float]:
    return {f"val_{name}": value for name, value in validated(folder).items() if name in ("accuracy", "rmse")}


def _is_alive(manifest: Mapping[str, Any]) -> bool:
    """Whether a run's process is there; of one on another machine nobody here can tell, and it is believed."""
    process = manifest.get("process")
    if manifest.get("host") != socket.gethostname() or not isinstance(process, int):
        return True
    return bool(psutil.pid_exists(process))


def _since(start: Any) -> float:
    try:
        return max(0.0, (datetime.now(UTC) - datetime.fromisoformat(start)).total_seconds())
    except (TypeError, ValueError):
        return 0.0
