"""How far a study is, as its folder says and as it is shown."""

import io
import os
import sys
from pathlib import Path

import pytest
from rich.console import Console

from oral_cancer.study.monitor import Monitor, output_to, shown, table
from oral_cancer.study.plan import Plan, freeze
from oral_cancer.study.progress import RunState, counts, seconds_left, state_of
from oral_cancer.training.manifest import write_manifest
from oral_cancer.training.run import RunName

HISTORY = "epoch,train_loss,val_accuracy,val_rmse\n0,0.5,0.4,0.3\n1,0.25,0.5,0.2\n"
NAMES = [RunName("m1", fold) for fold in range(4)]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Four planned runs, none of which has begun."""
    freeze(tmp_path, Plan([{"experiment": "m1", "fold": fold, "config_hash": "0"} for fold in range(4)], {}, {}, {}))
    return tmp_path


def leave(study: Path, fold: int, history: str = HISTORY, **facts: object) -> None:
    """What a run leaves in its folder."""
    folder = study / NAMES[fold].path
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "history.csv").write_text(history)
    write_manifest(folder, {"config": {"trainer": {"max_epochs": 4}}} | facts)


def test_states_are_those_of_the_folders(study: Path) -> None:
    here = {"host": os.uname().nodename, "start": "2026-01-01T00:00:00+00:00"}
    leave(study, 0, status="complete", seconds=12.0)
    leave(study, 1, status="running", process=os.getpid(), **here)
    leave(study, 2, status="running", process=2**22 + 1, **here)  # no process has so large a number
    first, second, third, fourth = (state_of(study, name) for name in NAMES)
    assert first == RunState(NAMES[0], "complete", 2, 4, {"train_loss": 0.25, "val_accuracy": 0.5, "val_rmse": 0.2}, 12)
    assert (second.status, third.status, fourth.status) == ("running", "interrupted", "waiting")
    assert second.seconds > 1000
    leave(study, 3, history="", status="failed", error="no room")
    assert state_of(study, NAMES[3]) == RunState(NAMES[3], "failed", 0, 4, error="no room")


def test_figures_of_a_complete_run_are_those_of_its_tables(study: Path) -> None:
    leave(study, 0, status="complete", seconds=12.0)
    metrics = study / NAMES[0].path / "metrics.json"
    metrics.write_text('{"val": {"homo": {"accuracy": 0.75, "n": 4}, "hetero": {"rmse": 0.125}}, "test": {}}')
    assert state_of(study, NAMES[0]).figures == {"train_loss": 0.25, "val_accuracy": 0.75, "val_rmse": 0.125}
    leave(study, 0, status="running", process=os.getpid(), host=os.uname().nodename)
    assert state_of(study, NAMES[0]).figures["val_rmse"] == 0.2  # those before are of another training
    leave(study, 0, status="complete", seconds=12.0)
    metrics.write_text('{"val": 3}')
    assert state_of(study, NAMES[0]).figures["val_rmse"] == 0.2


def running(fold: int, seconds: float, epoch: int = 0) -> RunState:
    return RunState(NAMES[fold], "running", epoch, 4, seconds=seconds)


def test_time_left_counts_how_many_run_at_once() -> None:
    done = RunState(NAMES[0], "complete", seconds=100)
    waiting = [RunState(NAMES[fold], "waiting") for fold in (2, 3)]
    assert seconds_left([done, running(1, 40), *waiting]) == 260
    assert seconds_left([done, running(1, 40), running(2, 60), waiting[1]]) == 100
    assert seconds_left([done, *waiting], at_once=2) == 100  # between two runs
    assert seconds_left([done, RunState(NAMES[1], "waiting")], at_once=4) == 100
    assert seconds_left([running(0, 20, epoch=1), *waiting]) == 220  # by its epochs, before any is done
    assert seconds_left([running(0, 20), *waiting]) is None


def test_a_line_counts_what_there_is() -> None:
    states = [RunState(NAMES[0], "complete", seconds=100), running(1, 40), RunState(NAMES[2], "failed")]
    assert counts(states) == "1 of 3 runs done, 1 running, 1 failed, about 1 min 00 s left"
    assert counts(states[:1]) == "1 of 1 run done"


def test_in_a_pipe_each_run_that_ends_has_a_line(study: Path) -> None:
    leave(study, 0, status="complete", seconds=9.0)
    said = io.StringIO()
    monitor = Monitor(study, Console(file=said), None)
    monitor.look()
    assert said.getvalue() == ""  # it had ended before
    leave(study, 1, status="complete", seconds=11.0)
    leave(study, 2, status="failed", error="no [bold] room")
    for _ in range(2):
        monitor.look()
    assert said.getvalue().splitlines() == [
        f"{study.name}: m1/fold=1 complete, val RMSE 0.200, 11 s; 2 of 4 runs done, 1 failed, about 10 s left",
        f"{study.name}: m1/fold=2 failed: no [bold] room; 2 of 4 runs done, 1 failed, about 10 s left",
    ]
    leave(study, 2, status="running", host="elsewhere")  # Slurm has requeued it
    monitor.look()
    leave(study, 2, status="complete", seconds=10.0)
    monitor.look()
    assert said.getvalue().splitlines()[-1].startswith(f"{study.name}: m1/fold=2 complete")


def test_a_table_shows_what_there_is_room_for() -> None:
    states = [RunState(NAMES[0], "waiting"), running(1, 3, epoch=1), RunState(NAMES[2], "complete", 4, 4, seconds=12)]
    said = io.StringIO()
    Console(file=said, width=100).print(table("paper", states, rows=2))
    rows = [line.replace("│", " ").split() for line in said.getvalue().splitlines() if "fold" in line]
    assert rows == [["m1/fold=1", "running", "1/4", "3", "s", "9", "s"], ["m1/fold=2", "complete", "4/4", "12", "s"]]


def test_what_a_run_says_goes_into_its_log_and_what_is_shown_does_not(
    study: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = study / "m1" / "fold=0.log"
    with shown(study):
        for word in ("first", "second"):
            with output_to(log):
                print(word)
                print("warning", file=sys.stderr)
                os.system("echo of another process")
        leave(study, 0, status="complete", seconds=9.0)
    print("after")
    lines = capfd.readouterr().out.splitlines()
    assert [line.partition(",")[0] for line in lines] == [f"{study.name}: m1/fold=0 complete", "after"]
    assert log.read_text().split("\n") == [
        *("first", "warning", "of another process"),
        *("second", "warning", "of another process"),
        "",
    ]


def test_a_history_with_figures_that_are_not_there_has_the_others(tmp_path: Path) -> None:
    run = tmp_path / "cv" / "plain" / "fold=0"
    run.mkdir(parents=True)
    (run / "history.csv").write_text("epoch,val_accuracy,val_rmse\n0,0.5,\n1,0.75,\n")
    write_manifest(run, {"status": "complete", "seconds": 1.0})
    state = state_of(tmp_path / "cv", RunName("plain", 0))
    assert (state.epoch, dict(state.figures)) == (2, {"val_accuracy": 0.75})
