import json
import os
import platform
import socket
from pathlib import Path

import pytest

from oral_cancer.cli import main
from oral_cancer.errors import UserError
from oral_cancer.study import status
from oral_cancer.study.status import states_of, watch_status
from oral_cancer.training.manifest import read_manifest, write_manifest
from tests.study.made_up import write_plan, write_run

HERE = {"host": socket.gethostname(), "process": os.getpid()}
NOBODY = {"host": socket.gethostname(), "process": 2**22 - 1}


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    """A study with a run of each kind."""
    study = tmp_path / "paper"
    config = {"trainer": {"max_epochs": 10}}
    write_run(study, "m1", 0, config=config, seconds=100.0)
    write_run(study, "m1", 1, status="failed", error="OutOfMemoryError: 3 GB", config=config)
    running = write_run(study, "m2", 0, status="running", config=config, **HERE)
    (running / "history.csv").write_text("epoch,val_rmse\n0,0.5\n1,0.4\n")
    write_run(study, "m2", 1, status="running", config=config, **NOBODY)
    write_plan(study, ("m1", 0), ("m1", 1), ("m2", 0), ("m2", 1), ("m3", 0))
    return study


def test_each_run_is_told_with_its_epoch_and_its_error(paper: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["status", str(paper)])
    said = capsys.readouterr().out
    kinds = {line.split()[0]: line.split()[1] for line in said.splitlines() if "/fold=" in line and ":" not in line}
    assert kinds == {
        "m1/fold=0": "complete",
        "m1/fold=1": "failed",
        "m2/fold=0": "running",
        "m2/fold=1": "interrupted",
        "m3/fold=0": "waiting",
    }
    assert "2/10" in said
    assert "m1/fold=1 failed: OutOfMemoryError: 3 GB" in said
    assert "paper: 1 of 5 runs done, 1 running, 1 failed, about" in said


def test_the_same_as_json_names_no_folder_and_no_machine(paper: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["status", str(paper), "--json"])
    said = capsys.readouterr().out
    told = json.loads(said)
    by_run = {run["run"]: run for run in told["runs"]}
    assert {name: run["status"] for name, run in by_run.items()} == {
        "m1/fold=0": "complete",
        "m1/fold=1": "failed",
        "m2/fold=0": "running",
        "m2/fold=1": "interrupted",
        "m3/fold=0": "waiting",
    }
    assert by_run["m1/fold=1"]["error"] == "OutOfMemoryError: 3 GB"
    assert by_run["m2/fold=0"]["epoch"] == 2
    assert by_run["m2/fold=0"]["figures"] == {"val_rmse": 0.4}
    assert (told["study"], told["program"]["python"]) == ("paper", platform.python_version())
    assert not [word for word in (str(paper.parent), socket.gethostname(), "/nowhere") if word in said]


def test_a_single_run_and_trials_are_told_too(paper: Path, tmp_path: Path) -> None:
    (alone,) = states_of(paper / "m2" / "fold=0")
    assert (alone.status, alone.epoch) == ("running", 2)
    write_run(tmp_path / "rates", "trial=3", 0)
    (trial,) = states_of(tmp_path / "rates")
    assert (trial.name.experiment, trial.status) == ("trial=3", "complete")


def test_watching_ends_when_nothing_runs(paper: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    looks = []

    def ends(seconds: float) -> None:
        looks.append(seconds)
        folder = paper / "m2" / "fold=0"
        write_manifest(folder, (read_manifest(folder) or {}) | {"status": "complete"})

    monkeypatch.setattr(status.time, "sleep", ends)
    watch_status(paper)
    assert looks == [status.EVERY]
    assert "paper: 2 of 5 runs done, 1 failed" in capsys.readouterr().out


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no run"):
        states_of(tmp_path)
    with pytest.raises(UserError, match="no such folder"):
        states_of(tmp_path / "nowhere")


def test_without_a_study_those_there_are_are_named(
    paper: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="1"):
        main(["status"])
    assert capsys.readouterr().err == "error: give the folder of a study; there is none below outputs yet\n"
    paper.rename(tmp_path / "outputs")
    with pytest.raises(SystemExit, match="1"):
        main(["status"])
    assert capsys.readouterr().err == "error: give the folder of a study, such as `oral-cancer status outputs`\n"
