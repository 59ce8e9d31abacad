#!/usr/bin/env python3
"""What a run of a study costs on a CPU beside its training: data, network, checkpoints, figures, files, W&B offline.

Runs a study of one model and several folds in one process, as `python train.py study=...` does. From the seconds
between the ends of two runs are taken those of the training steps, those of the batch-norm statistics that are taken
anew from training images and those of the features of these (figures of their own), and for every image that is
validated or predicted, what a plain PyTorch loop takes for one.

    python -m benchmarks.run [--folds 4] [key=value ...]
"""

import json
import tempfile
import time
from pathlib import Path

import pandas as pd
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from pytorch_lightning import Callback, LightningModule, Trainer

from benchmarks.figures import Figure, options, publish
from benchmarks.timed import seconds_of_training
from oral_cancer.config_groups import CONF

CLOCK = "clock.json"
STUDY = (
    "study=demo",
    "study.models=[m2]",
    "trainer=cpu",
    "trainer.max_epochs=1",
    "+callbacks.clock={_target_: benchmarks.run.Clock}",
)


class Clock(Callback):
    """Leaves in a run's folder how many seconds its one epoch's steps, its recalibration and its features took."""

    features: float | None = None

    def on_train_epoch_start(self, *_: object) -> None:
        self.started = time.perf_counter()

    def on_train_batch_end(self, *_: object) -> None:
        self.stepped = time.perf_counter()

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.seconds = {"steps": self.stepped - self.started}
        self.recalibrating = time.perf_counter()  # which the network does after this

    def on_validation_batch_start(self, *_: object) -> None:
        self.seconds.setdefault("recalibration", time.perf_counter() - self.recalibrating)

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.features is None:  # of the training images, then of those that are evaluated
            self.features = time.perf_counter()
            return
        seconds = self.seconds | {"features": time.perf_counter() - self.features}
        Path(trainer.default_root_dir, CLOCK).write_text(json.dumps(seconds))


def main() -> None:
    chosen = options(
        __doc__,
        ("--folds", {"type": int, "default": 4, "help": "runs; the first warms up and is not counted"}),
        ("overrides", {"nargs": "*", "help": "further settings, as train.py takes them"}),
    )
    with tempfile.TemporaryDirectory() as folder:
        folds = f"study.folds=[{','.join(map(str, range(chosen.folds)))}]"
        seconds_of_training(Path(folder), *STUDY, folds, *chosen.overrides)
        runs = [Path(folder, "outputs/studies/demo/m2", f"fold={fold}") for fold in range(chosen.folds)]
        ends = [(run / "manifest.json").stat().st_mtime for run in runs]
        clocks = [json.loads((run / CLOCK).read_text()) for run in runs[1:]]
        splits = pd.read_csv(runs[0] / "predictions.csv")["split"]
    seconds, views = plain_seconds_a_view()
    plain = (views * len(splits) + (splits == "val").sum()) * seconds  # validation also after the epoch, by one view
    beside = [
        end - before - sum(clock.values()) - plain for before, end, clock in zip(ends, ends[1:], clocks, strict=False)
    ]
    publish(
        [
            Figure("a run beside its steps and its evaluation at a plain loop's speed", beside, "s", 1),
            Figure("the new batch-norm statistics of the same run", [clock["recalibration"] for clock in clocks], "s"),
            Figure("the features of its training images", [clock["features"] for clock in clocks], "s"),
        ],
        chosen.json,
    )


def plain_seconds_a_view(batches: int = 16) -> tuple[float, int]:
    """Seconds that a loop as anyone would write it takes to predict one view of an image; how many a prediction has."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("train", ["study=demo", "trainer=cpu", "model.weights=none"])
    network: torch.nn.Module = instantiate(cfg.model, classes=3).eval()
    size = cfg.model.image_size * cfg.model.supersampling
    images = torch.randint(0, 256, (cfg.data.batch_size, size, size, 3), dtype=torch.uint8)
    with torch.inference_mode():
        network(images)
        started = time.perf_counter()
        for _ in range(batches):
            network(images)
    return (time.perf_counter() - started) / (batches * len(images)), cfg.model.views


if __name__ == "__main__":
    main()
