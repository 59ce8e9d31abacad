"""Processes from the fork server: as fresh ones would be, and none outlives what asked for it."""

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from threadpoolctl import threadpool_info

from oral_cancer.study.fork_server import PRELOADED, Forked
from tests.conftest import REPOSITORY, training_below


def result_of(function, environment: dict[str, str] | None = None, threads: int = 1):
    process = Forked(function, environment or {}, threads)
    assert Forked.first_to_end([process]) == [process]
    return process.result()


def surroundings() -> dict[str, object]:
    import torch

    return {
        "place": os.environ.get("CUDA_VISIBLE_DEVICES"),
        "folder": Path.cwd(),
        "imported": [name for name in PRELOADED if name in sys.modules],
        "of torch": torch.get_num_threads(),
        "of others": {pool["num_threads"] for pool in threadpool_info()},
        "on a GPU": torch.cuda.is_initialized() or torch.cuda._is_in_bad_fork(),
        "of the server": len(list(Path("/proc", str(os.getppid()), "task").iterdir())),
    }


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
def test_a_child_has_its_own_surroundings_and_a_server_of_one_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = result_of(surroundings, {"CUDA_VISIBLE_DEVICES": "7"}, threads=2)
    assert found == {
        "place": "7",
        "folder": tmp_path,
        "imported": list(PRELOADED),
        "of torch": 2,
        "of others": {2},
        "on a GPU": False,
        "of the server": 1,
    }


@pytest.mark.slow
def test_a_child_that_ends_without_a_word_returns_nothing() -> None:
    assert result_of(lambda: os.kill(os.getpid(), signal.SIGKILL)) is None


@pytest.mark.slow
def test_many_bytes_come_back() -> None:
    assert result_of(lambda: b"x" * 1_000_000) == b"x" * 1_000_000


def train_one(images_root: Path, folder: Path) -> None:
    train = training_below(folder, images_root)
    train("resampling=ros", "trainer.max_epochs=1")


FRESH = f"""
import sys, torch
from pathlib import Path

asked = []
torch._C._cuda_getDeviceCount = torch._C._cuda_init = lambda *_: asked.append("asked") or 0
import {", ".join(PRELOADED)}
print(*asked)
from tests.study.test_fork_server import train_one
train_one(*map(Path, sys.argv[1:]))
"""


@pytest.mark.slow
def test_a_child_trains_to_the_bytes_of_a_fresh_process_and_no_import_asks_for_a_gpu(
    images_root: Path, tmp_path: Path
) -> None:
    """A driver of CUDA that was asked before a fork is spoilt after it; two threads, since they add up otherwise."""
    fresh, forked = (tmp_path / name for name in ("fresh", "forked"))
    done = subprocess.run(
        [sys.executable, "-c", FRESH, images_root, fresh],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[0] == ""
    result_of(partial(train_one, images_root, forked), {"OMP_NUM_THREADS": "2"}, threads=2)
    for name in ("predictions.csv", "metrics.json"):
        assert (forked / "run" / name).read_bytes() == (fresh / "run" / name).read_bytes()
    manifests = [json.loads((folder / "run" / "manifest.json").read_text()) for folder in (fresh, forked)]
    assert [manifest["threads"] for manifest in manifests] == [2, 2]
    assert manifests[0]["process"] != manifests[1]["process"] != os.getpid()
