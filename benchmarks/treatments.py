#!/usr/bin/env python3
"""Time and memory of each treatment at the published counts and 300 px, beside the image store.

Each runs in a process of its own on a memory-mapped array of 576 HOMO and 512 HETERO images. The memory is what the
process holds at its peak above what it held before, private pages only: those of the store are shared by all.

    python -m benchmarks.treatments [--size 300] [--rounds 3] [--times 1]
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from benchmarks.figures import Figure, options, publish
from benchmarks.memory import private_peak
from oral_cancer.data.store import ImageView
from oral_cancer.data.training_set import treat
from oral_cancer.simulation.published import LABELS

CONF = Path(__file__).parents[1] / "conf"
TARGETS = {  # seconds, GB
    **dict.fromkeys(("none", "ros", "enn_ros"), (0.5, 0.2)),
    **dict.fromkeys(("borderline_smote", "soft_smote", "cutmix"), (8, 1.5)),
}
IMAGES = {"homo": 192, "hetero": 128}


def main() -> None:
    chosen = options(
        __doc__,
        ("--size", {"type": int, "default": 300, "help": "pixels a side"}),
        ("--rounds", {"type": int, "default": 3}),
        ("--times", {"type": int, "default": 1, "help": "times the published counts"}),
        ("--one", {"nargs": 2, "help": "for one measurement: treatment, folder"}),
    )
    if chosen.one:
        measure(*chosen.one)
        return
    with tempfile.TemporaryDirectory() as folder:
        write_images(Path(folder), chosen.size, chosen.times)
        counts = "published counts" if chosen.times == 1 else f"{chosen.times} x the published counts"
        figures = []
        for treatment, (seconds, gigabytes) in TARGETS.items():
            command = [sys.executable, "-m", "benchmarks.treatments", "--one", treatment, folder]
            runs = [
                subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True) for _ in range(chosen.rounds)
            ]
            took, held = zip(*(map(float, run.stdout.split()) for run in runs), strict=True)
            figures += [
                Figure(
                    f"training set of `resampling={treatment}` at {counts}, {chosen.size} px",
                    took,
                    "s",
                    seconds if chosen.times == 1 else None,
                ),
                Figure("its memory above the store", held, "GB", gigabytes if chosen.times == 1 else None),
            ]
    publish(figures, chosen.json)


def write_images(folder: Path, size: int, times: int) -> None:
    """A training set of some times the published counts, as images.npy and labels.npy.

    The images are noise, whose neighbours are of any group, so that Borderline-SMOTE and ENN have something to do.
    """
    names = np.repeat(LABELS.names, [times * IMAGES[LABELS.image_set(name)] for name in LABELS.names])
    labels = np.stack([LABELS.soft_label(name) for name in names])
    images = np.lib.format.open_memmap(folder / "images.npy", "w+", np.uint8, (len(labels), size, size, 3))
    for row in range(len(labels)):
        images[row] = np.random.default_rng(row).integers(0, 256, (size, size, 3))
    images.flush()
    np.save(folder / "labels.npy", labels)
    np.save(folder / "names.npy", names)


def measure(treatment: str, folder: str) -> None:
    """Apply one treatment and print its seconds and gigabytes."""
    images, labels = np.load(f"{folder}/images.npy", mmap_mode="r"), np.load(f"{folder}/labels.npy")
    names = np.load(f"{folder}/names.npy")
    with initialize_config_dir(str(CONF), version_base="1.3"):
        sampler = instantiate(compose("train", [f"resampling={treatment}"]).resampling)
    started = time.perf_counter()
    with private_peak() as taken:
        treat(sampler, ImageView(images, np.arange(len(images))), labels, 0, names)
    print(time.perf_counter() - started, taken[-1] / 1e9)


if __name__ == "__main__":
    main()
