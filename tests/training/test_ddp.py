"""One training on several devices: CPU processes that talk through gloo."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from tests.conftest import REPOSITORY, SMALL_NETWORK, MadeOnce
from tests.study.processes import Started
from tests.study.processes import run as study

Train = Callable[..., Path]
DDP = ("trainer=ddp", "trainer.accelerator=cpu")
STOCHASTIC_GRADIENT_DESCENT = (  # Adam makes a large step of any small difference
    "model.optimizer._target_=torch.optim.SGD",
    "~model.optimizer.betas",
    "~model.optimizer.eps",
    "model.scheduler.rates=[1e-3,1e-3,1e-3,1e-3]",
)


def command(images_root: Path, *overrides: str) -> list[str]:
    settings = (*SMALL_NETWORK, "source=folder", f"source.root={images_root}", *overrides)
    return [sys.executable, str(REPOSITORY / "train.py"), *settings]


def run(images_root: Path, cwd: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    return Started(command(images_root, *overrides), cwd, REPOSITORY).ended(300)


def trained(images_root: Path, cwd: Path, name: str, *overrides: str) -> Path:
    done = run(images_root, cwd, f"name={name}", *overrides)
    assert done.returncode == 0, done.stderr
    return cwd / "outputs" / "runs" / name / "fold=0"


def probabilities(folder: Path) -> tuple[list[str], np.ndarray]:
    frame = pd.read_csv(folder / "predictions.csv")
    return list(frame.file), frame[["parental", "resistant", "control"]].to_numpy()


class StepLosses(Callback):
    """Writes the loss of every step over all ranks, one a line."""

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, outputs: Any, *_: Any) -> None:
        loss = float(trainer.strategy.reduce(outputs["loss"].detach().clone(), reduce_op="mean"))
        if trainer.is_global_zero:
            with Path(trainer.default_root_dir, "losses.txt").open("a") as file:
                file.write(f"{loss!r}\n")


@pytest.mark.slow
def test_two_ranks_take_the_steps_of_one(images_root: Path, tmp_path: Path) -> None:
    settings = (
        *STOCHASTIC_GRADIENT_DESCENT,
        "+callbacks.losses={_target_: tests.training.test_ddp.StepLosses}",
        "model.drop_path_rate=0",
        "model.recalibrate=true",
        "resampling=ros",
    )
    alone = trained(images_root, tmp_path, "alone", *settings)
    shared = trained(images_root, tmp_path, "shared", *settings, *DDP)

    def losses(folder: Path) -> np.ndarray:
        return np.loadtxt(folder / "losses.txt")

    assert len(losses(shared)) == len(losses(alone)) == 6
    assert losses(shared)[0] == pytest.approx(losses(alone)[0], abs=1e-5)
    np.testing.assert_allclose(losses(shared), losses(alone), atol=1e-4)
    figures = [pd.read_csv(folder / "history.csv").drop(columns="seconds") for folder in (shared, alone)]
    pd.testing.assert_frame_equal(*figures, rtol=0, atol=1e-4)
    states = [torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True) for folder in (shared, alone)]
    assert states[0]["state_dict"].keys() == states[1]["state_dict"].keys()
    for name, value in states[0]["state_dict"].items():
        torch.testing.assert_close(value, states[1]["state_dict"][name], rtol=1e-3, atol=1e-4)
    assert json.loads((shared / "manifest.json").read_text())["devices"] == 2


@pytest.fixture(scope="module")
def whole(images_root: Path, made_once: MadeOnce) -> Path:
    """A folder with a training on one device, named `alone`, and its weights, weights.pth."""

    def make(cwd: Path) -> None:
        folder = trained(images_root, cwd, "alone", "trainer.max_epochs=3", "data.folds=4")
        state = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        weights = {name.removeprefix("network."): value for name, value in state.items() if name.startswith("network.")}
        torch.save(weights, cwd / "weights.pth")

    return made_once("whole", make)


@pytest.mark.slow
@pytest.mark.parametrize("devices", [2, 3])
def test_ranks_predict_each_image_once_and_in_order(images_root: Path, whole: Path, devices: int) -> None:
    again = trained(
        images_root,
        whole,
        f"by{devices}",
        *DDP,
        f"trainer.devices={devices}",
        "+trainer.limit_train_batches=0",
        "model.weights=weights.pth",
        "data.batch_size=12",
        "data.folds=4",
    )
    files, found = probabilities(again)
    expected_files, expected = probabilities(whole / "outputs" / "runs" / "alone" / "fold=0")
    sizes = pd.read_csv(again / "predictions.csv").groupby(["split", "set"]).size()
    assert (sizes % devices != 0).any()
    assert files == expected_files
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.slow
def test_ranks_leave_one_set_of_files(images_root: Path, tmp_path: Path) -> None:
    done = run(images_root, tmp_path, *DDP, "logger=wandb", "name=shared")
    assert done.returncode == 0, done.stderr
    assert (done.stdout + done.stderr).count("image store: decoded") == 1
    assert done.stdout.count("shared/fold0") == 2  # the announcement and the table
    assert done.stdout.count("epoch 1/2") == 1
    assert len(list((tmp_path / "outputs" / "wandb").glob("offline-run-*"))) == 1
    assert [path.name for path in (tmp_path / "outputs" / "runs").iterdir()] == ["shared"]
    assert {path.name for path in (tmp_path / "outputs" / "runs" / "shared").iterdir()} == {"fold=0", ".fold=0.lock"}


@pytest.mark.slow
def test_each_cell_of_a_study_may_have_ranks(images_root: Path, tmp_path: Path) -> None:
    done = study(images_root, tmp_path, *DDP, "study.models=[m1]", "trainer.max_epochs=1")
    assert done.returncode == 0, done.stderr
    manifests = [json.loads(path.read_text()) for path in tmp_path.glob("outputs/studies/paper/m1/*/manifest.json")]
    assert [(manifest["status"], manifest["devices"]) for manifest in manifests] == [("complete", 2)] * 2
    assert (tmp_path / "outputs" / "studies" / "paper" / "tables" / "summary.csv").exists()


class FailOnSecondRank(Callback):
    """What may go wrong on one device: `kill` ends the process without a word, `once` spares a next start."""

    def __init__(self, kill: bool, only_resumed: bool = False, once: bool = False) -> None:
        self.kill = kill
        self.only_resumed = only_resumed
        self.once = once

    def on_train_epoch_end(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_rank == 1 and (trainer.ckpt_path or not self.only_resumed):
            if self.once and Path("died").exists():
                return
            Path("died").touch()
            if self.kill:
                os.kill(os.getpid(), signal.SIGKILL)
            raise RuntimeError("power cut")


@pytest.mark.slow
@pytest.mark.parametrize(("kill", "said"), [(False, "rank 1: RuntimeError: power cut"), (True, "rank 1: Signal 9")])
def test_a_rank_that_dies_ends_the_training(images_root: Path, tmp_path: Path, kill: bool, said: str) -> None:
    fault = f"+callbacks.fault={{_target_: tests.training.test_ddp.FailOnSecondRank, kill: {kill}}}"
    done = run(images_root, tmp_path, *DDP, "trainer.max_epochs=1000", "name=cut", fault)
    assert time.time() - (tmp_path / "died").stat().st_mtime < 30
    assert done.returncode == 1
    assert said in done.stderr
    assert kill or "in on_train_epoch_end" in done.stderr
    manifest = json.loads((tmp_path / "outputs" / "runs" / "cut" / "fold=0" / "manifest.json").read_text())
    assert manifest["status"] == "failed"
    assert manifest["error"].startswith(said)


@pytest.mark.slow
def test_a_signal_ends_all_ranks_and_the_training_goes_on(images_root: Path, tmp_path: Path) -> None:
    fault = "+callbacks.fault={_target_: tests.training.test_ddp.FailOnSecondRank, kill: false, only_resumed: true}"
    settings = (*DDP, "trainer.max_epochs=300", "name=cut", fault)
    process = subprocess.Popen(
        command(images_root, *settings), cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    folder = tmp_path / "outputs" / "runs" / "cut" / "fold=0"
    for _ in range(1200):
        if (folder / "history.csv").exists() and (folder / "history.csv").read_text().count("\n") > 3:
            break
        time.sleep(0.1)
    process.terminate()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert "interrupted by SIGTERM; the same command goes on from the last whole epoch" in said
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["status"], manifest["error"]) == ("failed", "interrupted by SIGTERM")
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        assert str(tmp_path).encode() not in _read(line)
    epochs = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["epoch"]
    done = run(images_root, tmp_path, *settings)
    assert "cut/fold0 random-start: goes on" in done.stdout
    history = pd.read_csv(folder / "history.csv").epoch
    assert list(history[: epochs + 1]) == list(range(epochs + 1))
    assert not folder.with_name("fold=0.1").exists()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


@pytest.mark.slow
def test_a_batch_that_the_devices_cannot_share_is_refused(images_root: Path, tmp_path: Path) -> None:
    for overrides, said in (
        (("trainer.devices=3",), "data.batch_size=16: must be a multiple of the 3 devices that share it"),
        (("trainer.num_nodes=2",), "trainer.num_nodes=2: several machines need hydra/launcher=slurm"),
    ):
        done = run(images_root, tmp_path, *DDP, *overrides)
        assert done.returncode == 1
        assert [line for line in done.stderr.splitlines() if line.startswith("error:")] == [f"error: {said}"]
        assert not (tmp_path / "outputs" / "runs").exists()
