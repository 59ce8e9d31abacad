import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import rich.progress
import torch
from pytorch_lightning import LightningModule, Trainer

from oral_cancer.data.datamodule import CellDataModule
from oral_cancer.data.datasets import TrainingImages
from oral_cancer.errors import UserError
from oral_cancer.models import SoftLabelClassifier
from oral_cancer.resampling import Images, TrainingSet
from oral_cancer.training.callbacks import History
from tests.conftest import REPOSITORY, SMALL_NETWORK
from tests.published import CLASSES
from tests.study.processes import Started

Train = Callable[..., Path]


def test_a_run_leaves_its_files(train: Train, images_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = train("experiment=m5", "data.batch_size=8")

    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["status"] == "complete"
    assert manifest["weights"] == "random"
    assert manifest["source"] == str(images_root)
    assert manifest["config"]["name"] == "m5-test_byobnet"
    assert {"config_hash", "fingerprint", "seed", "versions", "git_commit", "device", "start", "end", "seconds"} <= set(
        manifest
    )
    assert manifest["training_images"]["parental"] == 16

    predictions = pd.read_csv(run / "predictions.csv")
    assert list(predictions.columns) == (
        [
            "experiment",
            "fold",
            "split_seed",
            "seed",
            "split",
            "set",
            "file",
            "label",
            "true_parental",
            "true_resistant",
            "true_control",
            "parental",
            "resistant",
            "control",
        ]
    )
    counts = predictions.groupby(["split", "set"]).size().to_dict()
    assert counts == {("val", "homo"): 12, ("val", "hetero"): 16, ("test", "homo"): 12, ("test", "hetero"): 16}
    assert predictions.file.is_unique

    metrics = json.loads((run / "metrics.json").read_text())
    homo = predictions[(predictions.split == "test") & (predictions.set == "homo")]
    right = homo[["parental", "resistant", "control"]].to_numpy().argmax(1) == homo[
        ["true_parental", "true_resistant", "true_control"]
    ].to_numpy().argmax(1)
    assert metrics["test"]["homo"]["accuracy"] == pytest.approx(right.mean())
    assert metrics["val"]["homo"]["in_sample"] is False

    with (run / "history.csv").open() as file:
        history = list(csv.DictReader(file))
    assert [(row["epoch"], row["steps"]) for row in history] == [("0", "6"), ("1", "12")]
    assert float(history[0]["learning_rate"]) == pytest.approx(7e-5)

    splits = pd.read_csv(run / "splits.csv")
    assert len(splits) == 7 * 24
    assert splits.role.value_counts().to_dict() == {"train": 48 + 64, "val": 12 + 16, "test": 28}
    assert torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["epoch"] == 1
    assert {path.name for path in (run / ".hydra").iterdir()} == {"config.yaml", "overrides.yaml"}
    assert str(run) in capsys.readouterr().out.replace("\n", "")


@pytest.mark.slow
def test_the_same_command_gives_the_same_bytes_whatever_the_workers(train: Train) -> None:
    settings = ("resampling=ros", "model.recalibrate=true", "data.batch_size=8", "trainer.max_epochs=3")
    first = train(*settings, folder="a")
    again = train(*settings, folder="b")
    by_workers = [train(*settings, f"data.workers={number}", folder=f"{number}") for number in (1, 4)]
    expected = (first / "predictions.csv").read_bytes()
    assert (again / "predictions.csv").read_bytes() == expected
    assert [(other / "predictions.csv").read_bytes() for other in by_workers] == [expected] * 2
    for number, other in enumerate(("seed=1", "model.drop_path_rate=0")):  # the latter: depth is really stochastic
        assert (train(*settings, other, folder=f"other{number}") / "predictions.csv").read_bytes() != expected


@pytest.mark.slow
def test_batches_changed_on_the_device_are_the_same_wherever_their_pixels_lie(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ("augmentation=device", "resampling=borderline_smote")
    expected = (train(*settings, folder="a") / "predictions.csv").read_bytes()
    assert (train(*settings, "data.workers=2", folder="b") / "predictions.csv").read_bytes() == expected
    assert (train(*settings, "seed=1", folder="c") / "predictions.csv").read_bytes() != expected
    held = []

    def on_device(self: CellDataModule, plain: TrainingImages) -> torch.Tensor:
        held.append(len(plain))
        return torch.stack([torch.from_numpy(np.array(plain.image(position))) for position in range(len(plain))])

    monkeypatch.setattr(CellDataModule, "_pixels_on_device", on_device)
    assert (train(*settings, folder="d") / "predictions.csv").read_bytes() == expected
    assert held


def test_the_bar_shows_steps_loss_and_rate(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[dict[str, Any]] = []
    monkeypatch.setattr(rich.progress.Progress, "update", lambda self, task, **fields: shown.append(fields))
    train("callbacks.progress._target_=oral_cancer.training.progress.TerminalProgress")
    steps = [fields for fields in shown if "figures" in fields]
    assert [fields["completed"] for fields in steps] == [1, 2, 3, 4, 5, 6]
    losses = {re.match(r"loss (0\.\d{4})  rate 7e-05", fields["figures"])[1] for fields in steps}
    assert len(losses) > 1


@pytest.mark.parametrize("options", [(), ("model.ema=0.8",), ("model.ema=0.8", "+trainer.check_val_every_n_epoch=2")])
def test_recalibration_renews_batch_norm_statistics_and_changes_no_weight(
    train: Train, options: tuple[str, ...]
) -> None:
    """Of a moving average those of the average, whether the last epoch is validated or not."""

    def state(folder: str, recalibrate: bool) -> dict[str, torch.Tensor]:
        run = train(f"model.recalibrate={recalibrate}", "trainer.max_epochs=1", *options, folder=folder)
        saved = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        return {name: value for name, value in saved.items() if not name.endswith("num_batches_tracked")}

    gathered, renewed = state("gathered", False), state("renewed", True)
    changed = {name for name in gathered if not torch.equal(gathered[name], renewed[name])}
    assert changed == {name for name in gathered if "running_" in name}


@pytest.mark.parametrize("augmentation", ["none", "quarters", "device"])
def test_statistics_are_of_images_as_they_train_or_of_plain_ones(train: Train, augmentation: str) -> None:
    def means(recalibrate: str) -> dict[str, torch.Tensor]:
        options = (f"augmentation={augmentation}", f"model.recalibrate={recalibrate}", "trainer.max_epochs=1")
        saved = torch.load(train(*options, folder=recalibrate) / "checkpoints" / "last.ckpt", weights_only=True)
        return {name: value for name, value in saved["state_dict"].items() if name.endswith("running_mean")}

    gathered, plain, augmented = means("false"), means("true"), means("augmented")
    assert not any(torch.equal(gathered[name], augmented[name]) for name in gathered)
    same = [torch.equal(plain[name], augmented[name]) for name in plain]
    assert all(same) if augmentation == "none" else not any(same)


def test_the_statistics_of_a_moving_average_are_those_of_its_own_weights(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, torch.Tensor]] = []
    renew = SoftLabelClassifier.renew_statistics

    def watched(self: SoftLabelClassifier) -> bool:
        done = renew(self)
        if done:
            seen.append({name: value.clone() for name, value in self.state_dict().items()})
        return done

    monkeypatch.setattr(SoftLabelClassifier, "renew_statistics", watched)
    run = train("model.ema=0.8", "model.recalibrate=true", "trainer.max_epochs=2")
    saved = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    (with_which,) = seen
    assert all(torch.equal(saved[name], with_which[name]) for name in saved)


EARLY = "{_target_: pytorch_lightning.callbacks.EarlyStopping, monitor: val_loss, min_delta: 9, patience: 1}"


@pytest.mark.parametrize("average", ["null", "0.8"])
def test_a_training_that_ends_early_is_recalibrated_too(train: Train, average: str) -> None:
    end = f"+callbacks.stop={EARLY}"

    def of(recalibrate: bool) -> tuple[list[dict[str, Any]], dict[str, torch.Tensor], str]:
        options = (f"model.recalibrate={recalibrate}", f"model.ema={average}", "trainer.max_epochs=5")
        run = train(end, *options, folder=str(recalibrate))
        state = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        return pd.read_csv(run / "history.csv").to_dict("records"), state, (run / "predictions.csv").read_text()

    (plain_history, plain, plain_predictions), (history, renewed, predictions) = of(False), of(True)
    assert len(history) == len(plain_history) < 5
    assert predictions != plain_predictions
    changed = {name for name in plain if not torch.equal(plain[name], renewed[name])}
    assert changed
    assert all("running_" in name or "num_batches" in name for name in changed)


def test_a_network_that_was_not_trained_is_never_complete(train: Train, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="ended before its first step"):
        train("+trainer.max_time='00:00:00:00'")
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["status"] == "failed"
    assert not (tmp_path / "run" / "predictions.csv").exists()


def test_recalibration_runs_the_network_in_the_precision_of_training(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores, seen = SoftLabelClassifier.scores, []

    def watched(self: SoftLabelClassifier, pixels: torch.Tensor) -> torch.Tensor:
        seen.append((self.network.training, torch.is_autocast_enabled("cpu")))
        return scores(self, pixels)

    monkeypatch.setattr(SoftLabelClassifier, "scores", watched)
    passes = {}
    for recalibrate in (False, True):
        train("trainer.precision=bf16-mixed", f"model.recalibrate={recalibrate}", "trainer.max_epochs=1", folder="bf16")
        passes[recalibrate] = list(seen)
        seen.clear()
    assert all(lowered for kind in passes.values() for _, lowered in kind)
    steps = [sum(training for training, _ in kind) for kind in passes.values()]
    assert steps[1] == 2 * steps[0]  # one epoch of training, and one of recalibration


@pytest.mark.parametrize("batch", [1, 5, 16])
def test_losses_are_means_over_images_whatever_the_batch(train: Train, batch: int) -> None:
    run = train("trainer.max_epochs=1", f"data.eval_batch_size={batch}")
    predictions = pd.read_csv(run / "predictions.csv").query("split == 'val' and set == 'homo'")
    assert len(predictions) == 12
    errors = predictions[list(CLASSES)].to_numpy() - predictions[[f"true_{cls}" for cls in CLASSES]].to_numpy()
    assert pd.read_csv(run / "history.csv")["val_loss"][0] == pytest.approx((errors**2).mean(), rel=1e-5)


@pytest.mark.slow
def test_a_compiled_network_trains_to_the_same_predictions_and_checkpoint(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    graphs: list[torch.fx.GraphModule] = []

    def backend(graph: torch.fx.GraphModule, inputs: Any) -> Callable[..., Any]:  # no minute of C++ compiling
        graphs.append(graph)
        return graph.forward

    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=backend))
    compiled, plain = (train("experiment=m5", f"model.compile={on}", folder=f"compile={on}") for on in (True, False))
    assert graphs
    found, expected = (pd.read_csv(run / "predictions.csv")[list(CLASSES)] for run in (compiled, plain))
    np.testing.assert_allclose(found, expected, atol=1e-3)
    states = [torch.load(run / "checkpoints/last.ckpt", weights_only=True)["state_dict"] for run in (compiled, plain)]
    assert states[0].keys() == states[1].keys()


@pytest.mark.slow
def test_compiling_without_a_compiler_is_refused_in_one_line(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch._inductor.config.cpp.cxx", (None, "no-compiler"))
    torch.compiler.reset()
    with pytest.raises(UserError, match=r"^model\.compile: .*'no-compiler'.*compile=false$"):
        train("model.compile=true")


def test_homo_alone_leaves_the_mixtures_unused(train: Train) -> None:
    run = train("experiment=m1", "trainer.max_epochs=1")
    splits = pd.read_csv(run / "splits.csv")
    assert set(splits[splits.role == "unused"].set) == {"hetero"}
    assert json.loads((run / "manifest.json").read_text())["training_images"] == {
        "parental": 16,
        "resistant": 16,
        "control": 16,
    }


def test_fold_all_marks_its_validation_figures(train: Train, capsys: pytest.CaptureFixture[str]) -> None:
    run = train("experiment=m1", "fold=all", "trainer.max_epochs=1")
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["val"]["homo"]["in_sample"] is True
    assert "in-sample" in capsys.readouterr().out


def test_a_run_that_is_there_is_moved_and_not_lost(train: Train, capsys: pytest.CaptureFixture[str]) -> None:
    first = train("trainer.max_epochs=1")
    expected = (first / "predictions.csv").read_bytes()
    capsys.readouterr()
    train("trainer.max_epochs=1", "seed=5", "data.batch_size=8", "keep_optimizer=true")
    said = "held another training: it is finished, seed was 0, is 5, data.batch_size was 16, is 8; moved to"
    assert said in capsys.readouterr().out
    assert (first.with_name("run.1") / "predictions.csv").read_bytes() == expected
    assert (first / "predictions.csv").read_bytes() != expected


@pytest.mark.parametrize(
    ("override", "allowed"),
    [
        ("fold=5", "0 to data.folds - 1, or all"),
        ("fold=-1", "0 to data.folds - 1, or all"),
        ("fold=first", "0 to data.folds - 1, or all"),
        ("trainer.max_epochs=0", "at least 1"),
        ("data.batch_size=0", "at least 1"),
        ("data.batch_size=2.5", "at least 1"),
        ("data.workers=-1", "at least 0"),
        ("data.train_sets=[]", "[homo, hetero]"),
        ("data.train_sets=[homo,helio]", "[homo, hetero]"),
        ("split_seed=-1", "from 0 to"),
        ("seed=99999999999", "from 0 to 4294967295"),
        ("trainer.devices=8", "must be 1 with this trainer; trainer=ddp"),
        ("trainer.devices=0", "at least 1, or the number of one GPU"),
        ("trainer.num_nodes=2", "must be 1 with this trainer; trainer=ddp"),
        ("data.folds=-5", "at least 2"),
        ("data.folds=1", "at least 2"),
        ("trainer.max_epochs=-1", "at least 1"),
        ("+resampling.multiples.9_9=1", "no image of 9_9, but of "),
        ("resampling.multiples.3_1=-1", "at least 0"),
        ("resampling.multiples.3_1=.nan", "finite"),
        ("name=../elsewhere", "no slash"),
        ("name=''", "not empty"),
        ("store=null", "a folder"),
        ("model.image_size=0", "at least 32"),
        ("model.drop_path_rate=1.5", "from 0 to below 1"),
        ("model.scheduler.rates=[7e-5,.nan,1e-5,1e-6]", "positive finite"),
        ("model.scheduler.rates=[-1,1e-5,1e-5,1e-5]", "positive finite"),
        ("model.weights=/no/such.pth", "existing file"),
        ("trainer.precision=bf17", "bf16-mixed"),
        ("trainer.accelerator=cpuu", "cpu"),
        ("augmentation.gpu.degrees=[1,0]", "a lower and a higher angle"),
        ("augmentation.gpu.degrees=[-90]", "a lower and a higher angle"),
        ("augmentation.gpu.degrees=[-.inf,a]", "a lower and a higher angle"),
        ("augmentation.gpu.fill=256", "from 0 to 255"),
        ("augmentation.gpu.horizontal_flip=1.5", "from 0 to 1"),
        ("augmentation.gpu.vertical_flip=.nan", "from 0 to 1"),
    ],
)
def test_impossible_settings_are_refused_by_name(train: Train, tmp_path: Path, override: str, allowed: str) -> None:
    with pytest.raises(UserError) as refusal:
        train("resampling=ros", override)
    (line,) = refusal.value.lines
    assert line.startswith(override.lstrip("+").partition("=")[0].removesuffix(".multiples.9_9"))
    assert allowed in line
    assert list(tmp_path.iterdir()) == []  # before any work


def test_too_few_images_and_broken_ones_are_refused_at_once(train: Train, images_root: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError) as refusal:
        train("data.folds=21")
    assert len(refusal.value.lines) == 3  # of the classes; mixtures are not folded
    assert not (tmp_path / "run").exists()


def command(*overrides: str, cwd: Path) -> list[str]:
    return [sys.executable, str(REPOSITORY / "train.py"), *SMALL_NETWORK, f"store={cwd / 'store'}", *overrides]


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("resampling=smote", ("resampling=smote", "enn_ros")),
        ("trainer.max_epoch=3", ("trainer.max_epoch:", "did you mean trainer.max_epochs?")),
        ("expriment=m2", ("expriment:", "did you mean experiment?")),
        ("experiment=null", ("experiment=null", "leave it out")),
        ("fold=9", ("fold=9", "data.folds")),
        ("source=folder", ("data", "source.root")),
    ],
)
def test_a_users_fault_is_one_line(tmp_path: Path, override: str, words: tuple[str, ...]) -> None:
    done = Started(command(override, cwd=tmp_path), tmp_path).ended()
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert all(word in line for word in words)
    assert not (tmp_path / "outputs").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("number", "said"), [(signal.SIGINT, "SIGINT"), (signal.SIGTERM, "SIGTERM")])
def test_a_signal_leaves_a_failed_manifest_and_a_checkpoint_to_go_on_from(
    images_root: Path, tmp_path: Path, number: signal.Signals, said: str
) -> None:
    overrides = ("source=folder", f"source.root={images_root}", "trainer.max_epochs=200", "logger=wandb", "name=cut")
    started = Started(command(*overrides, cwd=tmp_path), tmp_path)
    run = tmp_path / "outputs" / "runs" / "cut" / "fold=0"
    history = run / "history.csv"
    deadline = time.monotonic() + 120
    while not (history.exists() and len(history.read_text().splitlines()) > 3):
        assert time.monotonic() < deadline, "no epoch finished"
        assert started.goes_on
        time.sleep(0.1)
    os.kill(started.pid, number)
    done = started.ended(60)
    assert done.returncode == 128 + number
    assert f"interrupted by {said}; the same command goes on from the last whole epoch" in done.stderr
    assert "Traceback" not in done.stderr

    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["status"] == "failed"
    assert manifest["error"] == f"interrupted by {said}"
    saved = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    assert saved["epoch"] >= 2
    (offline,) = (tmp_path / "outputs" / "wandb").glob("offline-run-*/*.wandb")
    assert offline.stat().st_size > 0


def fail_in_epoch(epoch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let trainings fail at the end of an epoch, before anything of it is recorded."""
    after_epoch = History.on_train_epoch_end

    def fail(self: History, trainer: Trainer, model: LightningModule) -> None:
        if trainer.current_epoch == epoch:
            raise RuntimeError("power cut")
        after_epoch(self, trainer, model)

    monkeypatch.setattr(History, "on_train_epoch_end", fail)


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_an_interrupted_training_goes_on_to_the_same_bytes(
    train: Train, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    settings = (
        "trainer.max_epochs=4",
        "data.batch_size=8",
        "model.recalibrate=true",
        f"data.workers={workers}",
        "logger=csv",
    )
    undisturbed = train(*settings, folder="whole")
    with monkeypatch.context() as patched:
        fail_in_epoch(2, patched)
        with pytest.raises(RuntimeError, match="power cut"):
            train(*settings, folder="cut")
    curve = (undisturbed.with_name("cut") / "csv" / "metrics.csv").read_bytes()
    resumed = train(*settings, folder="cut")

    assert (resumed / "predictions.csv").read_bytes() == (undisturbed / "predictions.csv").read_bytes()
    with (resumed / "history.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1", "2", "3"]
    assert not resumed.with_name("cut.1").exists()
    assert (resumed / "csv" / "metrics.csv").read_bytes() == curve
    assert "learning_rate" in pd.read_csv(resumed / "csv.1" / "metrics.csv")


def test_what_began_with_another_augmentation_is_not_gone_on_with(
    train: Train, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = ("trainer.max_epochs=3", "augmentation=auto", "model.recipe.augmentation=centre")
    with monkeypatch.context() as patched:
        fail_in_epoch(1, patched)
        patched.setattr("oral_cancer.data.augmentation.trains_on_cuda", lambda _: True)  # as where a GPU trains
        with pytest.raises(RuntimeError, match="power cut"):
            train(*settings)
    run = train(*settings)
    assert f"another training: augmented on was device, is cpu; moved to {run}.1" in capsys.readouterr().out
    with (run / "history.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 3
    before, now = (json.loads((folder / "manifest.json").read_text()) for folder in (run.with_name("run.1"), run))
    assert (before["augmented_on"], now["augmented_on"]) == ("device", "cpu")


def test_what_failed_in_its_first_epoch_starts_anew_in_place(
    train: Train, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patched:
        fail_in_epoch(0, patched)
        with pytest.raises(RuntimeError, match="power cut"):
            train()
    run = train()
    assert "moved" not in capsys.readouterr().out
    assert json.loads((run / "manifest.json").read_text())["status"] == "complete"
    assert not run.with_name("run.1").exists()


@pytest.mark.parametrize("name", ["manifest.json", ".hydra/config.yaml"])
def test_what_was_killed_at_its_first_write_starts_anew_in_place(
    train: Train, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str
) -> None:
    replace = Path.replace

    def killed(self: Path, target: Path) -> Path:
        if target == tmp_path / "run" / name:
            # As a process leaves it that no longer is.
            replace(self, self.with_name(f"{self.name.rpartition('.')[0]}.{dead.pid}"))
            raise KeyboardInterrupt
        return replace(self, target)

    with subprocess.Popen(["true"]) as dead:
        pass
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", killed)
        with pytest.raises(BaseException):  # noqa: B017, PT011
            train()
    assert any(str(dead.pid) in path.name for path in (tmp_path / "run").rglob("*"))
    run = train()
    assert "moved" not in capsys.readouterr().out
    assert not any(str(dead.pid) in path.name for path in run.rglob("*"))
    assert not run.with_name("run.1").exists()


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("model.weights=/nowhere.pth", "model.weights=/nowhere.pth"),
        ("model.backbone=no_such_network", "model.backbone=no_such_network"),
        ("trainer.precision=7", "trainer.precision=7"),
        ("trainer.accelerator=abacus", "trainer.accelerator=abacus"),
        ("+trainer.abacus=true", "trainer.abacus: is no option"),
        ("model.optimizer.fused=maybe", "model.optimizer.fused=maybe"),
        ("+model.optimizer.momentum=1", "model.optimizer.momentum: is no option"),
        ("++model.optimizer={_target_: torch.optim.Adam, momentum: 1}", "model: "),
        ("resampling={_target_: tests.training.test_train.Emptying}", "resampling: Emptying: no image is left"),
    ],
)
def test_a_refusal_leaves_a_finished_run_where_it_is(train: Train, override: str, said: str) -> None:
    run = train("trainer.max_epochs=1")
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    with pytest.raises(UserError) as refusal:
        train("trainer.max_epochs=1", override)
    (line,) = refusal.value.lines
    assert line.startswith(said)
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


class Emptying:
    """A treatment that leaves nothing."""

    def fit_resample(self, images: Images, soft_labels: np.ndarray, random_state: int) -> TrainingSet:
        return TrainingSet.selected(np.empty(0, np.int64), images, soft_labels)
