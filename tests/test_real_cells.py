"""A short training on real microscopy images: a few steps must tell the classes apart."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

LITE0 = ("model=efficientnet_lite0", "trainer.accelerator=cpu", "logger=none")


@pytest.fixture
def all_cores() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(os.cpu_count() or 1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("all_cores")
def test_seventy_steps_tell_real_cells_apart(real_cells: Path, train: Callable[..., Path], tmp_path: Path) -> None:
    fields = tmp_path / "fields"
    subprocess.run([sys.executable, str(real_cells / "make_fields.py"), str(fields)], check=True)
    run = train("experiment=m2", f"source.root={fields}", settings=LITE0)
    assert json.loads((run / "manifest.json").read_text())["weights"].startswith("imagenet")
    test: dict[str, Any] = json.loads((run / "metrics.json").read_text())["test"]
    assert test["homo"]["accuracy"] >= 0.9
    assert test["hetero"]["rmse"] <= 0.45
