"""What a GPU changes, and what it must not."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from pytorch_lightning import Callback

from oral_cancer.data.datamodule import CellDataModule

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

ON_GPU = ("trainer.accelerator=gpu", "resampling=borderline_smote")


def test_the_same_command_gives_the_same_bytes(train: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    held = []
    on_device = CellDataModule._pixels_on_device

    def watched(self: CellDataModule, plain) -> torch.Tensor | None:
        held.append(on_device(self, plain))
        return held[-1]

    monkeypatch.setattr(CellDataModule, "_pixels_on_device", watched)
    runs = [train(*ON_GPU, folder=folder) for folder in "ab"]
    assert [pixels.device.type for pixels in held] == ["cuda"] * len(held)
    assert held
    first, again = ((run / "predictions.csv").read_bytes() for run in runs)
    assert first == again
    manifest = json.loads((runs[0] / "manifest.json").read_text())
    assert manifest["device"] == torch.cuda.get_device_name()
    assert manifest["precision"] == (
        "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "32-true"
    )


def test_where_pixels_do_not_fit_batches_bring_them(
    train: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = (train(*ON_GPU, folder="a") / "predictions.csv").read_bytes()
    monkeypatch.setattr("oral_cancer.data.datamodule.SHARE_OF_GPU", 0)
    assert (train(*ON_GPU, folder="b") / "predictions.csv").read_bytes() == expected


def test_no_step_waits_for_the_gpu(train: Callable[..., Path]) -> None:
    """CUDA itself raises where the processor would wait for it."""
    train(*ON_GPU, "+callbacks.strict={_target_: tests.training.test_gpu.Strict}", "trainer.max_epochs=1")


class Strict(Callback):
    """Forbids waiting within steps."""

    def on_train_batch_start(self, *_: object) -> None:
        torch.cuda.set_sync_debug_mode("error")

    def on_train_batch_end(self, *_: object) -> None:
        torch.cuda.set_sync_debug_mode("default")
