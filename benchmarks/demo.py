#!/usr/bin/env python3
"""How long `python train.py study=demo` takes, from the command to the page.

python -m benchmarks.demo [key=value ...]
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.figures import Figure, options, publish

TRAIN = Path(__file__).parents[1] / "train.py"


def main() -> None:
    chosen = options(__doc__, ("overrides", {"nargs": "*", "help": "further settings, as train.py takes them"}))
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        command = [sys.executable, str(TRAIN), "study=demo", *chosen.overrides]
        environment = os.environ | {"WANDB_MODE": "offline"}
        subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - started
        assert Path(folder, "outputs/studies/demo/report.html").exists()
    publish([Figure("`study=demo`: 25 cells, tables and page", [seconds], "s", 300)], chosen.json)


if __name__ == "__main__":
    main()
