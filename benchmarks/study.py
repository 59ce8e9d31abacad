#!/usr/bin/env python3
"""How much sooner a study is done with cells side by side.

Trains the same study of 8 small cells on simulated images with hydra/launcher=local, once for each number of jobs or of
cells a GPU, after a run that builds the image store; prints seconds, cells an hour and the ratio to the first.

    python benchmarks/study.py                            # launcher.jobs=1 and 2
    python benchmarks/study.py --option cells_per_gpu --numbers 1 2 4 8 -- study=paper trainer.max_epochs=2
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TRAIN = Path(__file__).parents[1] / "train.py"
SMALL = ("study=demo", "study.models=[m1,m2]", "study.folds=[0,1,2,3]", "trainer.max_epochs=2")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--option", default="jobs", choices=("jobs", "cells_per_gpu"), help="of launcher")
    parser.add_argument("--numbers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("overrides", nargs="*", help="of the study, instead of the small one")
    options = parser.parse_args()
    overrides = options.overrides or list(SMALL)
    with tempfile.TemporaryDirectory() as folder:
        studies = Path(folder, "outputs", "studies")
        study(folder, "store", [*overrides, "study.models=[m1]", "study.folds=[0]", "trainer.max_epochs=1"])
        first = 0.0
        for number in options.numbers:
            name = f"{options.option}{number}"
            seconds = study(folder, name, [*overrides, f"launcher.{options.option}={number}"])
            cells = len(list((studies / name).glob("*/fold=*/metrics.json")))
            first = first or seconds
            print(
                f"launcher.{options.option}={number}: {cells} cells in {seconds:.0f} s, {3600 * cells / seconds:.0f} "
                f"cells an hour, {first / seconds:.2f} x the first",
                flush=True,
            )


def study(folder: str, name: str, overrides: list[str]) -> float:
    """Seconds from the start of a study to its page."""
    command = [sys.executable, str(TRAIN), *overrides, f"study.name={name}", "hydra/launcher=local", "logger=none"]
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
