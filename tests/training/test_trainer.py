"""Lightning's options and callbacks: what works leaves whole files, what does not is refused before any work."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from pytorch_lightning import Trainer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from oral_cancer.errors import UserError
from oral_cancer.models import SoftLabelClassifier
from oral_cancer.settings.callbacks import UNFIT
from oral_cancer.settings.trainer_options import OPTIONS
from oral_cancer.training.manifest import CHECKPOINT, changed_files, read_manifest
from tests.training.test_train import fail_in_epoch

Train = Callable[..., Path]
OF_LIGHTNING = "pytorch_lightning.callbacks"


def lines(train: Train, *overrides: str) -> tuple[str, ...]:
    with pytest.raises(UserError) as refusal:
        train(*overrides)
    return refusal.value.lines


@pytest.fixture
def pure(tmp_path: Path) -> Path:
    """A folder of two classes, ten images of noise each, and of nothing mixed."""
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        (tmp_path / "pure" / name).mkdir(parents=True)
        for number in range(10):
            image = rng.integers(0, 255, (40, 40, 3), np.uint8)
            cv2.imwrite(str(tmp_path / "pure" / name / f"{number}.png"), image)
    return tmp_path / "pure"


def callback(name: str, kind: str, **options: Any) -> str:
    said = "".join(f", {option}: {value}" for option, value in options.items())
    return f"+callbacks.{name}={{_target_: {OF_LIGHTNING}.{kind}{said}}}"


def test_options_without_which_a_run_is_not_whole_are_refused_together_and_before_any_work(
    train: Train, tmp_path: Path
) -> None:
    refused = {
        "accumulate_grad_batches": 0,
        "barebones": True,
        "callbacks": "[]",
        "check_val_every_n_epoch": 0,
        "default_root_dir": "elsewhere",
        "enable_checkpointing": False,
        "fast_dev_run": True,
        "gradient_clip_val": -1,
        "limit_predict_batches": 1,
        "limit_test_batches": 1,
        "limit_train_batches": 0.5,
        "limit_val_batches": -1,
        "logger": False,
        "max_steps": 7,
        "max_time": 5,
        "model_registry": "x",
        "overfit_batches": 0.5,
        "plugins": "[]",
        "profiler": "xla",
        "reload_dataloaders_every_n_epochs": 1,
        "strategy": "fsdp",
        "sync_batchnorm": True,
        "use_distributed_sampler": True,
        "val_check_interval": 2,
    }
    assert refused.keys() == OPTIONS.keys()
    found = lines(train, *(f"++trainer.{option}={value}" for option, value in refused.items()))
    assert [line.partition("=")[0] for line in found] == [f"trainer.{option}" for option in refused]
    assert all(": " in line for line in found)
    assert list(tmp_path.iterdir()) == []
    (line,) = lines(train, "+trainer.limit_train_batches=0")
    assert "a network without a step is not trained" in line


def history(run: Path) -> pd.DataFrame:
    return pd.read_csv(run / "history.csv")


COMBINED = {
    "seldom validated": (
        ("+trainer.check_val_every_n_epoch=2", "trainer.num_sanity_val_steps=2", "+trainer.accumulate_grad_batches=2"),
        [(2, False), (4, True), (6, False)],
    ),
    "never validated": (
        ("+trainer.limit_val_batches=0", "+trainer.limit_train_batches=2", "+trainer.gradient_clip_val=0.5"),
        [(2, False), (4, False), (6, False)],
    ),
    "averaged": (("model.ema=0.8", "model.recalibrate=augmented"), [(3, True), (6, True), (9, True)]),
}


@pytest.mark.parametrize("name", COMBINED)
@pytest.mark.slow
def test_what_works_goes_on_to_the_same_bytes_and_says_what_was_measured(
    train: Train, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    options, expected = COMBINED[name]
    settings = ("trainer.max_epochs=3", "data.batch_size=16", "model.recalibrate=true", *options)
    whole = train(*settings, folder="whole")
    with monkeypatch.context() as patched:
        fail_in_epoch(1, patched)
        with pytest.raises(RuntimeError, match="power cut"):
            train(*settings, folder="cut")
    cut = train(*settings, folder="cut")
    assert (cut / "predictions.csv").read_bytes() == (whole / "predictions.csv").read_bytes()
    assert len(pd.read_csv(cut / "predictions.csv")) == 56
    for run in (whole, cut):
        rows = history(run)
        assert [(steps, not rest) for steps, rest in zip(rows.steps, rows.val_rmse.isna(), strict=True)] == expected
        assert not rows[["train_loss", "learning_rate"]].isna().any(axis=None)


def test_looking_at_validation_images_first_changes_nothing(train: Train) -> None:
    runs = [
        train("trainer.max_epochs=1", "model.recalibrate=true", f"trainer.num_sanity_val_steps={n}", folder=f"{n}")
        for n in (0, 2)
    ]
    first, second = ((run / "predictions.csv").read_bytes() for run in runs)
    assert first == second


def test_a_finished_run_keeps_the_network_and_drops_the_optimiser(train: Train) -> None:
    sizes = {}
    for keep in (True, False):
        run = train(f"keep_optimizer={keep}", folder=str(keep))
        content = torch.load(run / CHECKPOINT, weights_only=True)
        assert ("optimizer_states" in content) == keep
        manifest = read_manifest(run)
        assert manifest
        assert changed_files(run, manifest) == []
        assert CHECKPOINT.as_posix() in manifest["files"]
        sizes[keep] = (run / CHECKPOINT).stat().st_size
    assert sizes[False] < 0.5 * sizes[True]


def test_what_was_cut_off_after_its_training_predicts_without_a_step(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = callback("stop", "EarlyStopping", monitor="val_loss", min_delta=9, patience=1)
    settings = ("trainer.max_epochs=5", stop)
    whole = train(*settings, folder="whole")
    predict = Trainer.predict
    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "predict", lambda *_, **__: (_ for _ in ()).throw(RuntimeError("power cut")))
        with pytest.raises(RuntimeError, match="power cut"):
            train(*settings, folder="cut")
    assert Trainer.predict is predict
    with monkeypatch.context() as patched:
        patched.setattr(SoftLabelClassifier, "training_step", None)
        cut = train(*settings, folder="cut")
    assert (cut / "predictions.csv").read_bytes() == (whole / "predictions.csv").read_bytes()
    assert len(history(cut)) == len(history(whole)) == 2
    assert json.loads((cut / "manifest.json").read_text())["status"] == "complete"


def test_a_users_checkpoints_lie_in_the_run(train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    best = callback("best", "ModelCheckpoint", monitor="val_rmse", filename="'best-{epoch}-{val_rmse:.2f}'")
    run = train(best, "logger=csv", "trainer.max_epochs=1")
    found = {path.name for path in (run / "checkpoints").iterdir()}
    assert found == {"last.ckpt", f"best-epoch=0-val_rmse={history(run).val_rmse[0]:.2f}.ckpt"}
    assert {path.name for path in tmp_path.iterdir()} == {"run", ".run.lock", "store"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (callback("c", "EarlyStopping", monitor="val/los"), "monitor=val/los: .*did you mean val_loss"),
        (callback("c", "ModelCheckpoint", monitor="val_rsme"), "monitor=val_rsme: .*did you mean val_rmse"),
        (callback("c", "ModelCheckpoint", save_last="true"), "last.ckpt is the run's own"),
        (callback("c", "LearningRateMonitor"), "needs a logger; give logger=csv"),
        (callback("c", "EMAWeightAveraging"), "model.recalibrate=false"),
        (callback("c", "RichProgressBar"), "give callbacks.progress=null"),
        (callback("c", "EarlyStopping"), "missing 1 required positional argument: 'monitor'"),
        ("+callbacks.c={_target_: torch.nn.ReLU}", "is no callback"),
        *((callback("c", kind), f"{kind} ") for kind in UNFIT),
    ],
)
def test_callbacks_that_would_fail_are_refused_before_any_work(
    train: Train, tmp_path: Path, given: str, said: str
) -> None:
    if "StochasticWeightAveraging" in given:
        given = given.replace("}", ", swa_lrs: 0.1}")
    with pytest.raises(UserError, match=f"^callbacks.c: .*{said}"):
        train(given, "model.recalibrate=true")
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "store").exists()


def test_a_figure_of_mixtures_is_refused_where_nothing_mixes_before_an_image_is_decoded(
    train: Train, pure: Path, tmp_path: Path
) -> None:
    of_mixtures = callback("stop", "EarlyStopping", monitor="val_rmse")
    (line,) = lines(train, f"source.root={pure}", of_mixtures)
    assert line.startswith("callbacks.stop: monitor=val_rmse: nothing of this name is measured; ")
    assert not (tmp_path / "store").exists()


def test_labels_that_no_image_has_are_refused_before_an_image_is_decoded(
    train: Train, pure: Path, tmp_path: Path
) -> None:
    for line in lines(train, f"source.root={pure}", "resampling=ros"):
        assert "resampling: the training set has no image of " in line
        assert ", but of a, b; " in line
    assert not (tmp_path / "store").exists()


def test_sets_without_an_image_have_no_loader(
    train: Train, pure: Path, recwarn: pytest.WarningsRecorder, capsys: pytest.CaptureFixture[str]
) -> None:
    run = train(f"source.root={pure}", "+trainer.limit_train_batches=3", "trainer.max_epochs=1", "data.batch_size=2")
    assert not [str(one.message) for one in recwarn if "Total length" in str(one.message)]
    assert "3 steps an epoch" in " ".join(capsys.readouterr().out.split())
    predicted = pd.read_csv(run / "predictions.csv")
    assert set(predicted["set"]) == {"homo"}
    assert history(run).steps.tolist() == [3]
    assert history(run).val_rmse.isna().all()
    assert history(run).val_accuracy.notna().all()


def test_a_figure_of_validation_cannot_be_monitored_without_validation(train: Train) -> None:
    stop = callback("stop", "EarlyStopping", monitor="val_loss")
    (line,) = lines(train, stop, "+trainer.limit_val_batches=0")
    assert line.endswith("choose train_loss, train_accuracy, learning_rate")


def test_a_schedule_that_waits_for_a_figure_is_refused() -> None:
    with pytest.raises(UserError, match=r"^model\.scheduler: ReduceLROnPlateau"):
        SoftLabelClassifier(
            "test_byobnet",
            "none",
            3,
            32,
            1,
            0.0,
            False,
            torch.optim.Adam,
            lambda optimizer, *_: ReduceLROnPlateau(optimizer),
        )


def test_a_fused_optimiser_does_not_clip_in_mixed_precision(train: Train) -> None:
    options = ("trainer.precision=bf16-mixed", "+trainer.gradient_clip_val=0.1", "trainer.max_epochs=1")
    (line,) = lines(train, *options)
    assert line.startswith("trainer.gradient_clip_val=0.1: ")
    assert train(*options, "model.optimizer.fused=false")
