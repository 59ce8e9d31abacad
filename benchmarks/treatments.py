#!/usr/bin/env python3
"""Time and memory of each treatment at the published counts and 300 px, beside the image store.

Each runs in a process of its own on a memory-mapped array of 576 HOMO and 512 HETERO images. The memory is what the
process holds at its peak above what it held before, private pages only: those of the store are shared by all.

    python benchmarks/treatments.py [--size 300]
"""

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from oral_cancer.data.simulator import draw_field
from oral_cancer.data.store import ImageView
from oral_cancer.labels import GROUPS, soft_label

CONF = Path(__file__).parents[1] / "conf"
TREATMENTS = ("none", "ros", "enn_ros", "borderline_smote")
IMAGES = {"homo": 192, "hetero": 128}
DRAWN = 8  # fields of a group that are drawn; the others are these with noise


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--size", type=int, default=300, help="pixels a side")
    arguments.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.one:
        measure(*options.one)
        return
    with tempfile.TemporaryDirectory() as folder:
        write_images(Path(folder), options.size)
        for treatment in TREATMENTS:
            subprocess.run([sys.executable, __file__, "--one", treatment, folder], check=True)


def write_images(folder: Path, size: int) -> None:
    """A training set of the published counts, as images.npy and labels.npy."""
    labels = np.concatenate([np.tile(soft_label(group.name), (IMAGES[group.image_set], 1)) for group in GROUPS])
    images = np.lib.format.open_memmap(folder / "images.npy", "w+", np.uint8, (len(labels), size, size, 3))
    row = 0
    for group in GROUPS:
        fields = [draw_field(group.name, np.random.default_rng(seed), (size, size)) for seed in range(DRAWN)]
        for i in range(IMAGES[group.image_set]):
            noise = np.random.default_rng(row).integers(-20, 21, (size, size, 3))
            images[row] = (fields[i % DRAWN] + noise).clip(0, 255)
            row += 1
    images.flush()
    np.save(folder / "labels.npy", labels)


def measure(treatment: str, folder: str) -> None:
    """Apply one treatment and print its figures."""
    images, labels = np.load(f"{folder}/images.npy", mmap_mode="r"), np.load(f"{folder}/labels.npy")
    with initialize_config_dir(str(CONF), version_base="1.3"):
        sampler = instantiate(compose("train", [f"resampling={treatment}"]).resampling)
    before = private_bytes()
    peak, done = [before], threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            peak.append(private_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    started = time.perf_counter()
    treated = sampler.fit_resample(ImageView(images, np.arange(len(images))), labels, 0)
    seconds = time.perf_counter() - started
    done.set()
    watcher.join()
    print(f"{treatment:17} {len(treated):5} images {seconds:6.2f} s {(max(peak) - before) / 1e9:6.2f} GB", flush=True)


def private_bytes() -> int:
    """Memory of this process that no other shares (Linux)."""
    fields = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    return int(fields["RssAnon"].split()[0]) * 1024


if __name__ == "__main__":
    main()
