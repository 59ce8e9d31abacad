"""How long commands take, as a user waits for them."""

import os
import subprocess
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
TRAIN = REPOSITORY / "train.py"


def seconds_of_training(folder: Path, *overrides: str) -> float:
    """Seconds of `python train.py` with these settings, run in a folder, with W&B offline."""
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, str(TRAIN), *overrides],
        cwd=folder,
        env=os.environ | {"WANDB_MODE": "offline", "PYTHONPATH": str(REPOSITORY)},  # callbacks of benchmarks
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - started
