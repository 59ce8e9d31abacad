"""A training step lets a GPU run on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback
from torch.utils._python_dispatch import TorchDispatchMode

WAITING = ("_local_scalar_dense", "nonzero", "masked_select", "_unique2", "equal")


class Reads(TorchDispatchMode):
    """Counts the calls that take a number or a shape out of a tensor: a GPU would have to finish its work first."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.waiting: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls += 1
        name = func.overloadpacket.__name__
        by_mask = name == "index" and any(at is not None and at.dtype == torch.bool for at in args[1])
        if name in WAITING or by_mask:
            self.waiting.append(name)
        return func(*args, **(kwargs or {}))


class WatchSteps(Callback):
    """Counts over all steps of a training, from the batch to the optimiser."""

    def __init__(self) -> None:
        self.reads = Reads()
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
