"""Want of memory: the run fails alone, and says what to lower."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from pytorch_lightning import Callback, Trainer

from oral_cancer.errors import UserError
from oral_cancer.training.memory import enough_memory
from tests.conftest import REPOSITORY
from tests.study.processes import run

HUGE = 2**46  # bytes, which no machine gives


class Greedy(Callback):
    """Asks for more memory than there is, on fold 0."""

    def on_train_epoch_start(self, trainer: Trainer, *_) -> None:
        if trainer.default_root_dir.endswith("fold=0"):
            torch.empty(HUGE, dtype=torch.uint8)


@pytest.mark.slow
def test_a_cell_out_of_memory_fails_alone_and_says_what_to_lower(images_root: Path, tmp_path: Path) -> None:
    greedy = "+callbacks.greedy={_target_: tests.faults.test_memory.Greedy}"
    done = run(images_root, tmp_path, "study.models=[m1]", greedy, pythonpath=REPOSITORY)
    assert done.returncode == 1
    study = tmp_path / "outputs" / "studies" / "paper"
    manifests = [json.loads((study / "m1" / f"fold={fold}" / "manifest.json").read_text()) for fold in (0, 1)]
    assert [manifest["status"] for manifest in manifests] == ["failed", "complete"]
    assert manifests[0]["error"].startswith("out of memory")
    assert "lower launcher.cells_per_gpu or launcher.jobs" in manifests[0]["error"]
    assert "m1/fold=0: failed: out of memory" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("ask", [lambda: np.empty(HUGE, np.uint8), lambda: torch.empty(HUGE, dtype=torch.uint8)])
def test_the_machines_memory_is_recognised_by_what_libraries_raise(ask) -> None:
    with pytest.raises(UserError, match=r"^out of memory .*: lower"), enough_memory():
        ask()


def test_so_is_a_gpus() -> None:
    with pytest.raises(UserError, match=r"^out of memory \(CUDA out of memory\): lower"), enough_memory():
        raise torch.OutOfMemoryError(
            "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of ..."
        )


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="shapes"), enough_memory():
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")
