"""Whole studies in processes of their own, as a user runs them: killed, resumed, failing, refused."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.conftest import REPOSITORY, SMALL_NETWORK
from tests.study.processes import Started, files, run, start

TREATMENT = """
import numpy as np
from oral_cancer.resampling import TrainingSet

class Reversed:
    def fit_resample(self, images, soft_labels, random_state):
        return TrainingSet.selected(np.arange(len(images))[::-1], images, soft_labels)
"""
EXPERIMENT = """# @package _global_
name: own
resampling: {_target_: own_treatment.Reversed}
"""


def test_a_study_leaves_plan_runs_tables_and_page(undisturbed: Path) -> None:
    study = undisturbed / "outputs" / "studies" / "paper"
    plan = yaml.safe_load((study / "study.yaml").read_text())
    assert [(run["experiment"], run["fold"]) for run in plan["runs"]] == [("m1", 0), ("m1", 1), ("m4", 0), ("m4", 1)]
    assert plan["weights"] == {"m1": "random", "m4": "random"}
    assert (study / "report.html").stat().st_size > 1000
    folds = pd.read_csv(study / "tables" / "folds.csv")
    assert len(folds) == 2 * 2 * 2
    for planned in plan["runs"]:
        experiment, fold = planned["experiment"], planned["fold"]
        metrics = json.loads((study / experiment / f"fold={fold}" / "metrics.json").read_text())
        (row,) = folds.query("experiment == @experiment and fold == @fold and split == 'test'").itertuples()
        assert row.accuracy == pytest.approx(metrics["test"]["homo"]["accuracy"], abs=1e-9)
        assert row.rmse == pytest.approx(metrics["test"]["hetero"]["rmse"], abs=1e-6)


@pytest.mark.slow
def test_figures_in_wandb_are_those_of_the_tables(undisturbed: Path) -> None:
    wandb = str(Path(sys.executable).parent / "wandb")
    runs = {}
    for folder in sorted((undisturbed / "outputs" / "wandb").glob("offline-run-*")):
        command = [wandb, "leet", "inspect", "--summary", "--json", str(folder)]
        inspected = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        runs[inspected["name"]] = inspected["summary"]
    tables = undisturbed / "outputs" / "studies" / "paper" / "tables"

    for row in pd.read_csv(tables / "folds.csv").itertuples():
        logged = runs[f"{row.experiment}/fold{row.fold} random-start"]
        for metric in ("accuracy", "f1_macro", "auc_macro", "rmse"):
            assert logged[f"{row.split}/{metric}"] == pytest.approx(getattr(row, metric), abs=1e-6)
    study = runs["study paper"]
    for row in pd.read_csv(tables / "ensemble.csv").itertuples():
        for metric in ("accuracy", "f1_macro", "rmse"):
            assert study[f"{row.experiment}/{row.ensemble}/{metric}"] == pytest.approx(getattr(row, metric), abs=1e-9)
    for row in pd.read_csv(tables / "summary.csv").itertuples():
        assert study[f"{row.experiment}/{row.split}/{row.metric}/mean"] == pytest.approx(row.mean, abs=1e-9)


@pytest.mark.slow
def test_starting_again_skips_what_is_finished(again: Path, images_root: Path) -> None:
    study = again / "outputs" / "studies" / "paper"
    before = files(study, "*/*/manifest.json", "tables/*.csv")
    done = run(images_root, again)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:2] == ["paper: 4 of 4 runs done", "loading ..."]
    assert "epoch" not in done.stdout
    assert files(study, "*/*/manifest.json", "tables/*.csv") == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("override", "name"),
    [
        ("model.drop_path_rate=0.1", "model.drop_path_rate"),
        ("study.folds=[0,1,2]", "fold 2"),
        ("split_seed=1", "split_seed"),
    ],
)
def test_other_settings_are_refused_with_the_differences(
    again: Path, images_root: Path, override: str, name: str
) -> None:
    study = again / "outputs" / "studies" / "paper"
    before = files(study, "study.yaml", "*/*/*.csv", "*/*/manifest.json")
    done = run(images_root, again, override)
    assert done.returncode == 1
    assert name in done.stderr
    assert "choose another study.name" in done.stderr
    assert all(line.startswith("error: ") for line in done.stderr.splitlines())
    assert files(study, "study.yaml", "*/*/*.csv", "*/*/manifest.json") == before


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("trainer.precision=bf17", "trainer.precision=bf17"),
        ("model.backbone=no_such_network", "model.backbone=no_such_network"),
        ("+trainer.abacus=true", "trainer.abacus: is no option"),
    ],
)
def test_a_refused_study_leaves_nothing(images_root: Path, tmp_path: Path, override: str, said: str) -> None:
    done = run(images_root, tmp_path, override)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {said}")
    assert list(tmp_path.iterdir()) == []


def start_and_wait_for(images_root: Path, cwd: Path, there: Callable[[Path], bool], *overrides: str) -> Started:
    """A study at the moment when a condition of its folder first holds."""
    started = start(images_root, cwd, *overrides)
    deadline = time.monotonic() + 180
    while not there(cwd / "outputs" / "studies" / "paper"):
        assert started.goes_on, "the study ended before it could be disturbed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return started


@pytest.mark.slow
def test_killed_and_started_again_gives_the_bytes_of_an_undisturbed_study(
    undisturbed: Path, images_root: Path, tmp_path: Path
) -> None:
    def in_the_middle(study: Path) -> bool:
        history = study / "m1" / "fold=1" / "history.csv"
        return history.exists() and len(history.read_text().splitlines()) == 3

    started = start_and_wait_for(images_root, tmp_path, in_the_middle)
    os.killpg(started.pid, signal.SIGKILL)
    started.ended()
    study = tmp_path / "outputs" / "studies" / "paper"
    assert json.loads((study / "m1" / "fold=1" / "manifest.json").read_text())["status"] == "running"

    done = run(images_root, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "goes on" in (study / "m1" / "fold=1.log").read_text()
    patterns = ("*/fold=*/predictions.csv", "tables/*.csv")
    assert files(study, *patterns) == files(undisturbed / "outputs" / "studies" / "paper", *patterns)


@pytest.mark.slow
def test_a_second_start_while_it_runs_says_where_and_stops(images_root: Path, tmp_path: Path) -> None:
    long = "trainer.max_epochs=5000"
    started = start_and_wait_for(images_root, tmp_path, lambda study: (study / "m1" / "fold=0").exists(), long)
    try:
        second = run(images_root, tmp_path, long)
        assert started.goes_on, "the first start was over too soon to tell"
    finally:
        os.killpg(started.pid, signal.SIGKILL)
        started.ended()
    assert second.returncode == 1
    assert f"process {started.pid}" in second.stderr
    assert "study.name" in second.stderr


@pytest.mark.slow
def test_a_failing_cell_fails_alone_and_can_be_mended(images_root: Path, tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "own.yaml").write_text(EXPERIMENT)
    overrides = (
        f"--config-dir={tmp_path}",
        "trust=true",
        "study.models=[own,m1]",
        "study.folds=[0]",
        "trainer.max_epochs=1",
    )
    study = tmp_path / "outputs" / "studies" / "paper"

    (tmp_path / "own_treatment.py").write_text(TREATMENT.replace("[::-1]", "[::nothing]"))
    done = run(images_root, tmp_path, *overrides, pythonpath=tmp_path)
    assert done.returncode == 1
    failed = json.loads((study / "own" / "fold=0" / "manifest.json").read_text())
    assert failed["status"] == "failed"
    assert "name 'nothing' is not defined" in failed["error"]
    assert "own/fold=0" in done.stdout
    assert set(pd.read_csv(study / "tables" / "folds.csv").experiment) == {"m1"}
    first = (study / "m1" / "fold=0" / "manifest.json").read_bytes()

    (tmp_path / "own_treatment.py").write_text(TREATMENT)
    done = run(images_root, tmp_path, *overrides, pythonpath=tmp_path)
    assert done.returncode == 0, done.stderr
    assert set(pd.read_csv(study / "tables" / "folds.csv").experiment) == {"own", "m1"}
    assert (study / "m1" / "fold=0" / "manifest.json").read_bytes() == first


@pytest.mark.slow
def test_a_plain_sweep_is_named_by_what_it_varies_and_aggregated(images_root: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        str(REPOSITORY / "train.py"),
        "-m",
        *(option for option in SMALL_NETWORK if not option.startswith("model.backbone")),
        "experiment=m1",
        "model.backbone=test_byobnet,test_convnext",
        "fold=range(2)",
        "source=folder",
        f"source.root={images_root}",
        "study.name=networks",
        "trainer.max_epochs=1",
    ]
    done = Started(command, tmp_path).ended()
    assert done.returncode == 0, done.stderr
    study = tmp_path / "outputs" / "studies" / "networks"
    summary = pd.read_csv(study / "tables" / "summary.csv")
    assert set(summary.experiment) == {"m1-test_byobnet", "m1-test_convnext"}
    assert set(summary.n_folds) == {2}
    assert (study / "report.html").exists()
