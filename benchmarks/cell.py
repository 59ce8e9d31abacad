#!/usr/bin/env python3
"""What a cell of a study costs beside its training: settings, data, network, checkpoints, predictions, files.

Runs a study of one model and several folds in one process, as `python train.py study=...` does, and takes the seconds
from the end of one cell to the end of the next, less those of the epochs in its history.csv (validation included).

    python benchmarks/cell.py [--folds 5] [key=value ...]
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

REPOSITORY = Path(__file__).parents[1]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--folds", type=int, default=5, help="cells; the first warms up and is not counted")
    arguments.add_argument("overrides", nargs="*", help="further settings, as train.py takes them")
    options = arguments.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            str(REPOSITORY / "train.py"),
            "study=demo",
            "study.models=[m2]",
            "trainer.max_epochs=2",
        ]
        folds = f"study.folds=[{','.join(map(str, range(options.folds)))}]"
        subprocess.run([*command, folds, *options.overrides], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        cells = [Path(folder, "outputs/studies/demo/m2", f"fold={fold}") for fold in range(options.folds)]
        ends = [(cell / "manifest.json").stat().st_mtime for cell in cells]
        trained = [pd.read_csv(cell / "history.csv")["seconds"].sum() for cell in cells]

    beside = [end - before - training for before, end, training in zip(ends, ends[1:], trained[1:], strict=False)]
    print("seconds beside the training, by cell:", ", ".join(f"{seconds:.2f}" for seconds in beside))
    print(f"a cell costs {statistics.median(beside):.2f} s beside its training (median of {len(beside)} cells)")


if __name__ == "__main__":
    main()
