#!/usr/bin/env python3
"""How long a user waits for the help, and for the refusal of a wrong option.

python -m benchmarks.startup [--rounds 3]
"""

import subprocess
import sys
import tempfile
import time

from benchmarks.figures import Figure, options, publish
from benchmarks.timed import TRAIN

CASES = {
    "`python train.py --help`": ("--help",),
    "the refusal of an unknown option": ("model.image_sise=32",),
    "the refusal of a choice that is not there": ("resampling=smote",),
    "the refusal of a value out of range": ("trainer.max_epochs=0",),
    "the refusal of a network that is not there": ("model.backbone=resnet_18",),
    "the refusal of a figure that nothing measures": (
        "+callbacks.stop={_target_: pytorch_lightning.callbacks.EarlyStopping, monitor: val/rmse}",
    ),
    "the refusal of one in a study": ("study=demo", "trainer.precision=bf17"),
    "the refusal of a treatment's option": ("resampling=enn_ros", "resampling.multiples.3_1=-1"),
    "the refusal of a folder that is not there": ("source=folder", "source.root=nowhere"),
}


def main() -> None:
    chosen = options(__doc__, ("--rounds", {"type": int, "default": 3}))
    figures = []
    for what, arguments in CASES.items():
        seconds = []
        for _ in range(chosen.rounds):
            started = time.perf_counter()
            with tempfile.TemporaryDirectory() as folder:
                done = subprocess.run([sys.executable, str(TRAIN), *arguments], cwd=folder, capture_output=True)
            seconds.append(time.perf_counter() - started)
            assert (done.returncode == 0) == ("--help" in arguments), done.stderr
        figures.append(Figure(what, seconds, "s", target=3))
    publish(figures, chosen.json)


if __name__ == "__main__":
    main()
