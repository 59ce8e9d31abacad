#!/usr/bin/env python3
"""The published study on a GPU, EfficientNet-B3 at 300 px from random numbers on simulated cells, and one run of it.

Runs share the GPU, in turn as many at once as `--numbers` says; the store is built before. Without a GPU nothing is
measured.

    python -m benchmarks.gpu [key=value ...] [--numbers 1 2 4 8]
"""

import json
import sys
import tempfile
from pathlib import Path

import torch

from benchmarks.figures import Figure, options, publish
from benchmarks.timed import seconds_of_training

SETTINGS = ("source=simulated", "model.weights=none", "logger=none")


def main() -> None:
    chosen = options(
        __doc__,
        ("--numbers", {"type": int, "nargs": "+", "default": [1, 2, 4, 8], "help": "runs at once"}),
        ("overrides", {"nargs": "*", "help": "further settings, as train.py takes them"}),
    )
    if not torch.cuda.is_available():
        sys.exit("no GPU here: nothing to measure")
    settings = (*SETTINGS, *chosen.overrides)
    with tempfile.TemporaryDirectory() as folder:
        seconds_of_training(Path(folder), *settings, "trainer.max_epochs=1", "name=store")
        alone = [seconds_of_training(Path(folder), *settings, f"experiment={model}") for model in ("m1", "m3", "m5")]
        studies = {}
        for number in chosen.numbers:
            side_by_side = ("hydra/launcher=local", f"launcher.cells_per_gpu={number}", f"study.name=by{number}")
            studies[number] = seconds_of_training(Path(folder), "study=paper", *side_by_side, *settings)
            print(f"launcher.cells_per_gpu={number}: {studies[number]:.0f} s", flush=True)
        for manifest in Path(folder).rglob("manifest.json"):
            facts = json.loads(manifest.read_text())
            found = facts["device"], facts["precision"], facts["augmented_on"]
            assert found == (torch.cuda.get_device_name(), "bf16-mixed", "device"), found
    best = min(studies, key=lambda number: studies[number])
    publish(
        [
            Figure("one run alone, from the command to its files", alone, "s", 15),
            Figure(f"`study=paper`, `launcher.cells_per_gpu={best}`", [studies[best]], "s", 300),
        ],
        chosen.json,
    )


if __name__ == "__main__":
    main()
