#!/usr/bin/env python3
"""How long the report of a study as large as the published one takes, intervals included, from its runs' files.

Five models, five folds, 350 test images (published: 340). Their predictions are made up, as time hangs on counts alone.

    python -m benchmarks.report [--rounds 2]
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.figures import Figure, options, publish
from tests.study.made_up import write_study

REPOSITORY = Path(__file__).parents[1]
IMAGES = 50  # of each class and mixture


def main() -> None:
    chosen = options(__doc__, ("--rounds", {"type": int, "default": 2}))
    with tempfile.TemporaryDirectory() as folder:
        study = write_study(Path(folder, "paper"), [f"m{number}" for number in range(1, 6)], range(5), images=IMAGES)
        seconds = []
        for _ in range(chosen.rounds):
            started = time.perf_counter()
            command = [sys.executable, str(REPOSITORY / "scripts" / "report.py"), str(study)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            seconds.append(time.perf_counter() - started)
        assert (study / "report.html").exists()
    publish([Figure("the report of 25 runs", seconds, "s", 20)], chosen.json)


if __name__ == "__main__":
    main()
