"""A study through a Slurm cluster that is brought up for it: make test-cluster."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.slurm import cluster
from tests.conftest import REPOSITORY
from tests.study.processes import arguments, files, run

pytestmark = pytest.mark.cluster

FIGURES = ("*/*/predictions.csv", "*/*/metrics.json", "tables/*.csv")
SLURM = (
    "hydra/launcher=slurm",
    "hydra.launcher.partition=all",
    "hydra.launcher.gpus_per_node=null",
    "hydra.launcher.cpus_per_task=1",
    "hydra.launcher.array_parallelism=2",
)
EPOCHS = "trainer.max_epochs=12"


@pytest.fixture(scope="module")
def slurm() -> Iterator[dict[str, str]]:
    if os.geteuid() != 0:
        pytest.fail("a Slurm cluster in a scratch folder needs root")
    if shutil.which("slurmctld") is None or shutil.which("munged") is None:
        pytest.fail("needs Debian's packages slurm-wlm and munge; `make test-cluster` installs them")
    with tempfile.TemporaryDirectory(prefix="slurm") as folder, cluster(Path(folder)) as environment:
        yield environment


def test_a_task_cancelled_and_requeued_leaves_the_bytes_of_an_undisturbed_study(
    slurm: dict[str, str], images_root: Path, tmp_path: Path
) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    done = run(images_root, alone, EPOCHS)
    assert done.returncode == 0, done.stderr

    study = tmp_path / "outputs" / "studies" / "paper"
    command = arguments(images_root, *SLURM, EPOCHS)
    process = subprocess.Popen(
        command, cwd=tmp_path, env=slurm, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    array = requeue_first(slurm, study / "m1" / "fold=0")
    output, _ = process.communicate(timeout=500)
    assert process.returncode == 0, output
    assert f"array job {array} of 4 runs" in output
    assert files(study, *FIGURES) == files(alone / "outputs" / "studies" / "paper", *FIGURES)
    assert (study / "report.html").exists()
    history = (study / "m1" / "fold=0" / "history.csv").read_text().splitlines()
    assert len(history) == 1 + 12
    log = next((study / ".slurm").rglob(f"{array}_0_*log.out")).read_text()
    assert log.count("Starting with") == 2  # the task did begin twice


def test_a_cancelled_task_fails_alone(slurm: dict[str, str], images_root: Path, tmp_path: Path) -> None:
    study = tmp_path / "outputs" / "studies" / "paper"
    command = arguments(images_root, *SLURM, "trainer.max_epochs=40", "study.models=[m1]")
    process = subprocess.Popen(
        command, cwd=tmp_path, env=slurm, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    trains(study / "m1" / "fold=0")
    trains(study / "m1" / "fold=1")
    subprocess.run(["scancel", f"{array_of(slurm)}_1"], env=slurm, check=True)
    output, _ = process.communicate(timeout=500)
    assert process.returncode == 1, output
    statuses = [json.loads((study / "m1" / f"fold={k}" / "manifest.json").read_text())["status"] for k in (0, 1)]
    assert statuses == ["complete", "failed"]
    assert (study / "tables" / "INCOMPLETE.txt").exists()


def test_one_training_shares_two_nodes_and_ends_with_the_first_rank_that_dies(
    slurm: dict[str, str], images_root: Path, tmp_path: Path
) -> None:
    study = tmp_path / "outputs" / "studies" / "paper"
    shared = (
        *SLURM,
        "trainer=ddp",
        "trainer.accelerator=cpu",
        "trainer.devices=1",
        "trainer.num_nodes=2",
        "study.models=[m1]",
    )
    fault = "+callbacks.fault={_target_: tests.training.test_ddp.FailOnSecondRank, kill: true, once: true}"
    environment = slurm | {"PYTHONPATH": str(REPOSITORY)}
    command = arguments(images_root, *shared, fault, "study.folds=[0]")
    started = time.monotonic()
    died = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert time.monotonic() - started < 120  # of which the ranks' end takes less than 60
    assert died.returncode == 1, died.stdout + died.stderr
    assert json.loads((study / "m1" / "fold=0" / "manifest.json").read_text())["status"] == "failed"

    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    manifest = json.loads((study / "m1" / "fold=0" / "manifest.json").read_text())
    assert (manifest["status"], manifest["devices"]) == ("complete", 2)
    assert len((study / "m1" / "fold=0" / "predictions.csv").read_text().splitlines()) == 1 + 12 + 16 + 12 + 16


def requeue_first(slurm: dict[str, str], run: Path) -> str:
    """Requeue the task that trains a run, the first of the array, in the middle; returns the array's number."""
    trains(run)
    array = array_of(slurm)
    subprocess.run(["scontrol", "requeue", f"{array}_0"], env=slurm, check=True)
    return array


def array_of(slurm: dict[str, str]) -> str:
    queued = subprocess.run(["squeue", "--noheader", "--format=%F"], env=slurm, capture_output=True, text=True)
    return queued.stdout.split()[0]


def trains(run: Path) -> None:
    """Wait until a run has written its second epoch."""
    history = run / "history.csv"
    for _ in range(1200):
        if history.exists() and history.read_text().count("\n") > 2:
            return
        time.sleep(0.1)
    raise AssertionError(f"{run} does not train")
