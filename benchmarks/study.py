#!/usr/bin/env python3
"""How much sooner a study is done with runs side by side on the cores of this machine.

Trains the same study of 8 small runs on simulated images with hydra/launcher=local, once for each number of jobs,
after a training that builds the image store.

    python -m benchmarks.study [key=value ...] [--jobs 1 2] [--rounds 3]
"""

import tempfile
from pathlib import Path

from benchmarks.figures import Figure, options, publish
from benchmarks.timed import seconds_of_training

SMALL = ("study=demo", "study.models=[m1,m2]", "study.folds=[0,1,2,3]", "trainer.max_epochs=2", "logger=none")


def main() -> None:
    chosen = options(
        __doc__,
        ("--jobs", {"type": int, "nargs": "+", "default": [1, 2], "help": "runs at once; all are beside the first"}),
        ("--rounds", {"type": int, "default": 3}),
        ("overrides", {"nargs": "*", "help": "further settings, as train.py takes them"}),
    )
    settings = (*SMALL, "hydra/launcher=local", *chosen.overrides)
    with tempfile.TemporaryDirectory() as folder:
        first = ("study.models=[m1]", "study.folds=[0]", "trainer.max_epochs=1")
        seconds_of_training(Path(folder), *settings, *first, "study.name=store")
        rounds = []
        for number in range(chosen.rounds):
            names = {jobs: f"study.name=jobs{jobs}round{number}" for jobs in chosen.jobs}
            rounds.append(
                [
                    seconds_of_training(Path(folder), *settings, f"launcher.jobs={jobs}", name)
                    for jobs, name in names.items()
                ]
            )
    publish(
        [
            Figure(
                f"speed of a study with launcher.jobs={jobs}, beside {chosen.jobs[0]}",
                [seconds[0] / seconds[place] for seconds in rounds],
                "x",
            )
            for place, jobs in enumerate(chosen.jobs)
        ],
        chosen.json,
    )


if __name__ == "__main__":
    main()
