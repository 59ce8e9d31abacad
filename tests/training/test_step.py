"""A training step lets a GPU run on."""

import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from pytorch_lightning import Callback
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torchmetrics import MeanMetric

from oral_cancer.models import SoftLabelClassifier
from tests.conftest import REPOSITORY

WAITING = ("_local_scalar_dense", "nonzero", "masked_select", "_unique2", "equal")


class Reads(TorchDispatchMode):
    """Counts the calls that take a number or a shape out of a tensor: a GPU would have to finish its work first.

    So it would before it is brought one from the processor's memory, unless that is pinned.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.waiting: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls += 1
        name = func.overloadpacket.__name__
        by_mask = name == "index" and any(at is not None and at.dtype == torch.bool for at in args[1])
        if name in WAITING or by_mask or _changes_device(name, args, kwargs or {}):
            self.waiting.append(name)
        return func(*args, **(kwargs or {}))


def _changes_device(name: str, args: Any, kwargs: Any) -> bool:
    if name == "copy_":
        return bool(args[0].device != args[1].device)
    return name == "_to_copy" and args[0].device.type != torch.device(kwargs.get("device", args[0].device)).type


class WatchSteps(Callback):
    """Counts over all steps of a training, from the batch to the optimiser."""

    def __init__(self) -> None:
        self.reads = Reads()

    def on_fit_start(self, *_: Any) -> None:
        WatchSteps.last = self

    def on_train_batch_start(self, *_: Any) -> None:
        self.reads.__enter__()

    def on_train_batch_end(self, *_: Any) -> None:
        self.reads.__exit__(None, None, None)


def test_no_step_waits_for_a_number(train: Callable[..., Path]) -> None:
    train("+callbacks.watch={_target_: tests.training.test_step.WatchSteps}", "trainer.max_epochs=1")
    reads = WatchSteps.last.reads
    assert reads.calls > 100
    assert reads.waiting == []


def test_a_number_taken_out_is_seen() -> None:
    with Reads() as reads:
        tensor = torch.arange(3.0)
        tensor.sum().item()
        tensor[tensor > 1]
    assert reads.waiting == ["_local_scalar_dense", "index"]


def on_fake_gpu(body: Callable[..., None], *arguments: object) -> None:
    """Run a function of this module where CUDA tensors have a device and a shape, and nothing else.

    In a process of its own, which ends without tidying up: to free such tensors once the mode is over ends any process.
    """
    code = f"from tests.training import test_step as t; t._run_and_leave(t.{body.__name__}, *{arguments!r})"
    ended = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "done\n"


def _run_and_leave(body: Callable[..., None], *arguments: object) -> None:
    torch.nn.Module.to = lambda self, **_: self  # type: ignore[method-assign]  # which cannot swap what has no content
    failed = 0
    with FakeTensorMode(), torch.device("cuda"):
        try:
            body(*arguments)
            print("done", flush=True)
        except BaseException:
            failed = 1
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(failed)


def _settings(*overrides: str) -> Any:
    with initialize_config_dir(str(REPOSITORY / "conf"), version_base="1.3"):
        return compose("train", ["model=efficientnet_lite0", "model.weights=none", *overrides])


@pytest.mark.parametrize(
    ("augmentation", "drawn"),
    [
        ("augmentation=device", 3),
        ("augmentation=keras", 3),
        ("augmentation=robust", 13),
        ("experiment=puzzle augmentation.square=96 augmentation@augmentation.then=device", 16 + 3),
    ],
)
@pytest.mark.slow
def test_a_step_brings_nothing_to_the_gpu(augmentation: str, drawn: int) -> None:
    on_fake_gpu(_take_a_step, augmentation, drawn)


def _take_a_step(augmentation: str, drawn: int) -> None:
    cfg = _settings(*augmentation.split(), "model.normalize=imagenet")
    model: SoftLabelClassifier = instantiate(cfg.model, classes=3)
    images = torch.empty(16, 256, 256, 3, dtype=torch.uint8)
    draws, soft_labels = torch.empty(16, drawn), torch.empty(16, 3)
    with (
        patch("oral_cancer.data.robust.trains_on_cuda", lambda accelerator: True),
        patch.object(model, "log", lambda *_, **__: None),
        patch.object(SoftLabelClassifier, "trainer", SimpleNamespace(datamodule=None)),
        Reads() as reads,
    ):
        augmented = instantiate(cfg.augmentation)(images, draws)
        loss = model.training_step((augmented, soft_labels), 0)
    assert loss.device.type == "cuda"
    assert reads.calls > 100
    assert reads.waiting == []


def test_a_number_brought_to_the_gpu_is_seen() -> None:
    on_fake_gpu(_bring_a_number)


def _bring_a_number() -> None:
    metric = MeanMetric(nan_strategy="disable")
    with Reads() as reads:
        metric.update(torch.empty(()), 16)  # for which it makes a tensor
    assert reads.waiting == ["_to_copy"]


def test_the_network_sees_channels_last_from_the_device_too() -> None:
    model: SoftLabelClassifier = instantiate(_settings().model, classes=3)
    augmented = torch.empty(16, 3, 256, 256, dtype=torch.uint8).permute(0, 2, 3, 1)
    assert model.network_input(augmented).is_contiguous(memory_format=torch.channels_last)
