#!/usr/bin/env python3
"""What a training step costs on a CPU beside a plain PyTorch loop with the same network, batch and augmentation.

Both train in turn in one process, several rounds, so that a busy machine slows both. The ratio of each round and their
median are printed.

    python -m benchmarks.step [--model efficientnet_lite0] [--steps 24] [--rounds 5]

With --precision another precision takes the plain loop's place: the ratio is of its steps to those in float32.
"""

import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import DictConfig
from pytorch_lightning import Callback, LightningModule, Trainer
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.figures import Figure, options, publish
from oral_cancer.data.augmentation import SeededAugmentation
from oral_cancer.data.datasets import TrainingImages
from oral_cancer.data.store import ImageView
from oral_cancer.data.stream import ShuffledStream
from oral_cancer.resampling import NoResampling
from oral_cancer.simulation.published import LABELS
from oral_cancer.training.run import Run, RunName
from oral_cancer.training.train import quieten
from oral_cancer.training.trainer import build_trainer

CONF = Path(__file__).parents[1] / "conf"
FLOAT32 = "32-true"


class EpochSeconds(Callback):
    """Seconds from the start of an epoch to the end of its last training step."""

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.started = time.perf_counter()

    def on_train_batch_end(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self.started


class PlainImages(torch.utils.data.Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Images augmented by albumentations with its own generators."""

    def __init__(self, cfg: DictConfig, images: np.ndarray, labels: np.ndarray) -> None:
        self.images, self.labels = images, torch.from_numpy(labels)
        self.augmentation = instantiate(cfg.augmentation)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.from_numpy(self.augmentation(image=self.images[i])["image"]), self.labels[i]


def plain_seconds(cfg: DictConfig, images: np.ndarray, labels: np.ndarray) -> float:
    """Seconds of one epoch of a loop as anyone would write it."""
    network, supersampling = (
        instantiate(cfg.model, classes=len(LABELS.classes)).network.train(),
        cfg.model.supersampling,
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4, eps=1e-7)
    loader = DataLoader(PlainImages(cfg, images, labels), cfg.data.batch_size, shuffle=True)
    started = time.perf_counter()
    for batch, soft_labels in loader:
        pixels = batch.permute(0, 3, 1, 2).float()
        if supersampling > 1:
            beside = supersampling // 2
            pixels = F.avg_pool2d(pixels, supersampling + 2 * beside, supersampling, beside, count_include_pad=False)
        loss = F.mse_loss(network(pixels).softmax(dim=1), soft_labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return time.perf_counter() - started


def our_seconds(cfg: DictConfig, images: np.ndarray, labels: np.ndarray) -> float:
    """Seconds of one epoch as `train.py` runs it, validation aside."""
    rows = np.arange(len(images))
    training_set = NoResampling().fit_resample(ImageView(images, rows), labels, cfg.seed)
    augmentation = SeededAugmentation(instantiate(cfg.augmentation), cfg.seed)
    batch = cfg.data.batch_size
    stream = ShuffledStream(len(images), batch, len(images) // batch, cfg.seed)
    train = DataLoader(
        TrainingImages(ImageView(images, rows), training_set, augmentation), batch_size=batch, sampler=stream
    )
    evaluated = DataLoader(TensorDataset(torch.from_numpy(images[:batch]), torch.from_numpy(labels[:batch])), batch)
    clock = EpochSeconds()
    with tempfile.TemporaryDirectory() as folder:
        trainer = build_trainer(Run.of(cfg, Path(folder), RunName("step", 0)))
        trainer.callbacks.append(clock)  # type: ignore[attr-defined]
        trainer.fit(instantiate(cfg.model, classes=len(LABELS.classes)), train, [evaluated, evaluated])
    return clock.seconds


def composed(model: str, precision: str) -> DictConfig:
    """Settings of one epoch of a network on the CPU."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(
            "train",
            [
                "trainer=cpu",
                f"trainer.precision={precision}",
                "augmentation=paper",
                f"model={model}",
                "model.weights=none",
                "model.recalibrate=false",
                "trainer.max_epochs=1",
                "~callbacks",
                "+trainer.enable_progress_bar=false",
            ],
        )


def main() -> None:
    chosen = options(
        __doc__,
        ("--model", {"default": "efficientnet_lite0", "help": "a choice of conf/model"}),
        ("--steps", {"type": int, "default": 24, "help": "steps a round"}),
        ("--rounds", {"type": int, "default": 5}),
        ("--precision", {"help": "of the trainer, such as bf16-mixed, beside float32"}),
    )
    cfg = composed(chosen.model, FLOAT32)
    size = cfg.model.image_size * cfg.model.supersampling
    count = chosen.steps * cfg.data.batch_size
    images = np.random.default_rng(0).integers(0, 256, (count, size, size, 3), np.uint8)
    labels = np.stack([LABELS.soft_label(LABELS.names[i % len(LABELS.names)]) for i in range(count)])

    quieten()
    step = f"a training step of `{chosen.model}` at {cfg.model.image_size} px"
    if chosen.precision:
        first, second = our_seconds, partial(our_seconds, composed(chosen.model, chosen.precision))
        names, figure = (FLOAT32, chosen.precision), partial(Figure, f"{step} in {chosen.precision} beside float32")
    else:
        first, second = plain_seconds, partial(our_seconds, cfg)
        names, figure = ("plain", "ours"), partial(Figure, f"{step} beside a plain PyTorch loop", target=1.05)
    first(cfg, images, labels)  # warms caches and allocators up
    ratios = []
    for number in range(chosen.rounds):
        seconds = first(cfg, images, labels), second(images, labels)
        ratios.append(seconds[1] / seconds[0])
        each = ", ".join(f"{name} {one / chosen.steps:.3f} s" for name, one in zip(names, seconds, strict=True))
        print(f"round {number + 1}: {each} a step, ratio {ratios[-1]:.3f}", flush=True)
    publish([figure(values=ratios, unit="x")], chosen.json)


if __name__ == "__main__":
    main()
