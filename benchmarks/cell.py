#!/usr/bin/env python3
"""What a cell of a study costs beside its training: settings, data, network, checkpoints, figures, files, W&B offline.

Runs a study of one model and several folds in one process, as `python train.py study=...` does. Of the seconds from the
end of one cell to the end of the next, those of the epochs in its history.csv are taken off, and for every image that
it predicts in the end, what a plain PyTorch loop takes for one.

    python -m benchmarks.cell [--folds 4] [key=value ...]
"""

import tempfile
import time
from pathlib import Path

import pandas as pd
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from benchmarks.figures import Figure, options, publish
from benchmarks.timed import seconds_of_training
from oral_cancer.command import CONF

STUDY = ("study=demo", "study.models=[m2]", "trainer.max_epochs=1", "launcher.jobs=1")


def main() -> None:
    chosen = options(
        __doc__,
        ("--folds", {"type": int, "default": 4, "help": "cells; the first warms up and is not counted"}),
        ("overrides", {"nargs": "*", "help": "further settings, as train.py takes them"}),
    )
    with tempfile.TemporaryDirectory() as folder:
        folds = f"study.folds=[{','.join(map(str, range(chosen.folds)))}]"
        seconds_of_training(Path(folder), *STUDY, folds, *chosen.overrides)
        cells = [Path(folder, "outputs/studies/demo/m2", f"fold={fold}") for fold in range(chosen.folds)]
        ends = [(cell / "manifest.json").stat().st_mtime for cell in cells]
        trained = [pd.read_csv(cell / "history.csv")["seconds"].sum() for cell in cells]
        images = len(pd.read_csv(cells[0] / "predictions.csv"))
    predicted = images * plain_seconds_an_image()
    beside = [
        end - before - training - predicted for before, end, training in zip(ends, ends[1:], trained[1:], strict=False)
    ]
    publish(
        [Figure("a cell beside its steps and its predictions at a plain loop's speed", beside, "s", 1)], chosen.json
    )


def plain_seconds_an_image(batches: int = 16) -> float:
    """Seconds that a loop as anyone would write it takes to predict one image."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("train", ["study=demo", "model.weights=none"])
    network: torch.nn.Module = instantiate(cfg.model).eval()
    size = cfg.model.image_size * cfg.model.supersampling
    images = torch.randint(0, 256, (cfg.data.batch_size, size, size, 3), dtype=torch.uint8)
    with torch.inference_mode():
        network(images)
        started = time.perf_counter()
        for _ in range(batches):
            network(images)
    return (time.perf_counter() - started) / (batches * len(images))


if __name__ == "__main__":
    main()
