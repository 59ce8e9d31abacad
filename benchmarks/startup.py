#!/usr/bin/env python3
"""How long a user waits for the help, and for the refusal of a wrong option.

python -m benchmarks.startup [--rounds 3]
"""

import subprocess
import sys
import time

from benchmarks.figures import Figure, options, publish
from benchmarks.timed import TRAIN

CASES = {
    "`python train.py --help`": ("--help",),
    "the refusal of an unknown option": ("model.image_sise=32",),
    "the refusal of a choice that is not there": ("resampling=smote",),
    "the refusal of a value out of range": ("trainer.max_epochs=0",),
}


def main() -> None:
    chosen = options(__doc__, ("--rounds", {"type": int, "default": 3}))
    figures = []
    for what, arguments in CASES.items():
        seconds = []
        for _ in range(chosen.rounds):
            started = time.perf_counter()
            done = subprocess.run([sys.executable, str(TRAIN), *arguments], capture_output=True)
            seconds.append(time.perf_counter() - started)
            assert (done.returncode == 0) == ("--help" in arguments), done.stderr
        figures.append(Figure(what, seconds, "s", target=3))
    publish(figures, chosen.json)


if __name__ == "__main__":
    main()
