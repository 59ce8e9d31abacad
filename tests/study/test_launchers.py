"""Runs side by side on this machine, in processes of their own."""

import json
import os
import re
import signal
import time
from pathlib import Path

import psutil
import pytest

from hydra_plugins.oral_cancer_launchers import places
from tests.study.processes import Started, arguments, files, run, start

FIGURES = ("*/*/predictions.csv", "*/*/metrics.json", "tables/*.csv")
LOCAL = ("hydra/launcher=local", "launcher.jobs=2")


@pytest.mark.slow
def test_runs_side_by_side_leave_the_bytes_of_runs_one_after_the_other(
    undisturbed: Path, images_root: Path, tmp_path: Path
) -> None:
    done = run(images_root, tmp_path, *LOCAL)
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stdout.splitlines() if re.match("paper: .*/fold=. complete, val RMSE 0", line)]
    names = [f"{model}/fold={fold}" for model in ("m1", "m4") for fold in (0, 1)]
    assert sorted(line.split()[1] for line in said) == names
    assert "4 of 4 runs done" in said[-1]
    assert "epoch" not in done.stdout
    assert done.stdout.splitlines()[0] == "loading ..."
    study, other = (folder / "outputs" / "studies" / "paper" for folder in (tmp_path, undisturbed))
    assert files(study, *FIGURES) == files(other, *FIGURES)
    assert all("epoch 4/4" in (study / f"{name}.log").read_text() for name in names)
    manifests = [json.loads(path.read_text()) for path in study.glob("*/*/manifest.json")]
    assert len({manifest["process"] for manifest in manifests}) == 4


@pytest.mark.slow
def test_a_training_through_a_launcher_is_a_sweep_of_one(images_root: Path, tmp_path: Path) -> None:
    command = arguments(images_root, *LOCAL, "resampling=ros", "study.name=one")
    command = [option for option in command if not option.startswith(("study=", "study.models=", "study.folds="))]
    done = Started(command, tmp_path).ended(300)
    assert done.returncode == 0, done.stderr
    assert [path.parent.name for path in tmp_path.glob("outputs/studies/one/m4/fold=*/manifest.json")] == ["fold=0"]


@pytest.mark.slow
def test_a_killed_run_fails_alone(images_root: Path, tmp_path: Path) -> None:
    study = tmp_path / "outputs" / "studies" / "paper"
    victim = study / "m1" / "fold=1"
    started = start(images_root, tmp_path, *LOCAL, "trainer.max_epochs=30", "study.models=[m1]")
    os.kill(process_of(victim), signal.SIGKILL)
    done = started.ended()
    assert done.returncode == 1
    (said,) = [line for line in done.stdout.splitlines() if line.startswith("paper: m1/fold=1 failed: ")]
    assert "its process ended without a word" in said
    assert f"{victim.relative_to(tmp_path)}.log" in said
    assert json.loads((study / "m1" / "fold=0" / "manifest.json").read_text())["status"] == "complete"
    assert json.loads((victim / "manifest.json").read_text())["status"] == "failed"
    again = run(images_root, tmp_path, *LOCAL, "trainer.max_epochs=30", "study.models=[m1]")
    assert again.returncode == 0, again.stderr
    assert json.loads((victim / "manifest.json").read_text())["status"] == "complete"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_no_run_outlives_its_study(images_root: Path, tmp_path: Path, number: signal.Signals) -> None:
    started = start(images_root, tmp_path, *LOCAL, "trainer.max_epochs=3000", "study.models=[m1]")
    study = tmp_path / "outputs" / "studies" / "paper" / "m1"
    try:
        runs = [psutil.Process(process_of(study / f"fold={fold}")) for fold in (0, 1)]
    finally:
        os.kill(started.pid, number)
    done = started.ended(120)
    if number == signal.SIGKILL:
        psutil.wait_procs(runs, timeout=60)
    else:
        assert done.returncode == 128 + number
        assert done.stderr.splitlines()[-1] == f"interrupted by {number.name}; the same command goes on"
        assert "Traceback" not in done.stderr
    assert not any(run.is_running() for run in runs)
    for fold in (0, 1):  # each has left its files in order
        assert json.loads((study / f"fold={fold}" / "manifest.json").read_text())["status"] == "failed"


@pytest.mark.parametrize("setting", ["launcher.jobs=0", "launcher.cells_per_gpu=half"])
def test_numbers_of_places_are_checked(images_root: Path, tmp_path: Path, setting: str) -> None:
    done = run(images_root, tmp_path, "hydra/launcher=local", setting)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {setting}: must be ")
    assert line.endswith("a whole number of at least 1")


def test_places_share_gpus() -> None:
    def devices(places: list[dict[str, str]]) -> list[str]:
        return [place["CUDA_VISIBLE_DEVICES"] for place in places]

    assert devices(places(["4", "7"], None, 1)) == ["4", "7"]
    assert devices(places(["4", "7"], None, 3)) == ["4", "7"] * 3
    assert devices(places(["4", "7"], 3, 1)) == ["4", "7", "4"]
    assert places([], 2, 1) == [{}, {}]
    assert places([], None, 3) == [{}]


def process_of(run: Path) -> int:
    """The process that trains a run, once it has written its first epoch."""
    for _ in range(1200):
        if (run / "history.csv").exists() and (run / "history.csv").read_text().count("\n") > 1:
            return int(json.loads((run / "manifest.json").read_text())["process"])
        time.sleep(0.1)
    raise AssertionError(f"{run} does not train")
