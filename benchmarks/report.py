#!/usr/bin/env python3
"""How long the report of a study as large as the published one takes, intervals included, from its runs' files.

Five models, five folds, 350 test images (published: 340). Their predictions, and the statistics of the images that the
baseline is made from, are made up, as time hangs on counts alone.

    python -m benchmarks.report [--rounds 2]
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.figures import Figure, options, publish
from oral_cancer.data.statistics import NAMES
from oral_cancer.evaluation.predictions import classes_of, read_predictions, true_columns
from oral_cancer.study.yardsticks import FILE as STATISTICS
from oral_cancer.training.splits_file import FILE as SPLITS
from tests.study.made_up import write_study

REPOSITORY = Path(__file__).parents[1]
IMAGES = 50  # of each class and mixture


def main() -> None:
    chosen = options(__doc__, ("--rounds", {"type": int, "default": 2}))
    with tempfile.TemporaryDirectory() as folder:
        study = write_study(Path(folder, "paper"), [f"m{number}" for number in range(1, 6)], range(5), images=IMAGES)
        add_statistics(study)
        seconds = []
        for _ in range(chosen.rounds):
            started = time.perf_counter()
            command = [sys.executable, str(REPOSITORY / "scripts" / "report.py"), str(study)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            seconds.append(time.perf_counter() - started)
        assert (study / "report.html").exists()
    publish([Figure("the report of 25 runs", seconds, "s", 20)], chosen.json)


def add_statistics(study: Path) -> None:
    """Statistics of the study's images, and splits in which all that no fold tests or validates trains."""
    frames = {path.parent: read_predictions(path) for path in study.glob("*/*/predictions.csv")}
    images = pd.concat(frames.values()).drop_duplicates("file")
    known = images[["file", *true_columns(classes_of(images))]]
    numbers = np.random.default_rng(0).normal(size=(len(known), len(NAMES)))
    known.assign(**dict(zip(NAMES, numbers.T, strict=True))).to_csv(study / STATISTICS, index=False)
    for folder, frame in frames.items():
        splits = known[["file"]].merge(frame[["file", "split"]].drop_duplicates(), how="left")
        splits["role"] = splits.pop("split").fillna("train")
        splits.assign(bytes=1, sha256="0").to_csv(folder / SPLITS, index=False)


if __name__ == "__main__":
    main()
