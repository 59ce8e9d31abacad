#!/usr/bin/env python3
"""The image store: its first build beside OpenCV's own decoding and resizing, opening it again, and its memory.

The images are TIFFs of 1600 x 1200 px; as the disk is not what is measured, many are links to a few that differ.

    python -m benchmarks.store [--images 1700] [--size 300] [--rounds 3]
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from benchmarks.figures import Figure, options, publish
from benchmarks.memory import private_peak
from oral_cancer.data.collection import Collection, ImageFile
from oral_cancer.data.simulator import draw_field
from oral_cancer.data.store import open_sound_store, open_store
from oral_cancer.labels import GROUPS, SPLIT_FOLDERS

DRAWN = 24


def main() -> None:
    chosen = options(
        __doc__,
        ("--images", {"type": int, "default": 1700}),
        ("--size", {"type": int, "default": 300, "help": "pixels a side in the store"}),
        ("--rounds", {"type": int, "default": 3}),
        ("--one", {"nargs": 2, "type": Path, "help": "for one measurement of memory: folders of images and store"}),
    )
    if chosen.one:
        images, store = chosen.one
        peak_of_one(images, store, chosen.images, chosen.size)
        return
    with tempfile.TemporaryDirectory() as folder:
        ratios, opened, checked, growths = [], [], [], []
        collection = write_images(Path(folder, "images"), chosen.images)
        paths = [str(collection.root / file.path) for file in collection.files]
        opencv_seconds(paths[:DRAWN], chosen.size)  # fills the disk's cache
        for number in range(chosen.rounds):
            halves = [paths[half : 8 * DRAWN : 2] for half in (0, 1)]  # before and after, as machines change their pace
            by_opencv = opencv_seconds(halves[0], chosen.size)
            store = Path(folder, f"round{number}")
            started = time.perf_counter()
            open_store(collection, chosen.size, store)
            built = (time.perf_counter() - started) / len(paths)
            by_opencv = (by_opencv + opencv_seconds(halves[1], chosen.size)) / sum(map(len, halves))
            ratios.append(by_opencv / (os.cpu_count() or 1) / built)
            started = time.perf_counter()
            open_store(collection, chosen.size, store)
            opened.append(time.perf_counter() - started)
            started = time.perf_counter()
            open_sound_store(collection, chosen.size, store)
            checked.append(time.perf_counter() - started)
            few_images = len(paths) // 20
            # The peak of two cores' work is a matter of chance: ten small builds have as many chances as one large.
            few = max(peak(Path(folder), few_images, f"{number}-{part}", chosen.size) for part in range(10))
            many = peak(Path(folder), 10 * few_images, str(number), chosen.size)
            growths.append(many / few)
    count = f"{chosen.images:,} TIFFs"
    publish(
        [
            Figure(f"store: first build of {count}, beside cores x OpenCV's rate", ratios, "x", 0.85, at_least=True),
            Figure(f"store: opening {count} again", opened, "s", 0.05),
            Figure("the same with every pixel checked, as each training does", checked, "s"),
            Figure("store: peak memory of a build with 10 x the images", growths, "x", 1.1),
        ],
        chosen.json,
    )


def write_images(root: Path, number: int) -> Collection:
    """As many images as asked for in the published layout, a few of them drawn and the others links to these.

    What is there already stays.
    """
    drawn = root.with_name("drawn")
    files = []
    for i in range(number):
        group = GROUPS[i % len(GROUPS)]
        source = drawn / f"{i % DRAWN}.tif"
        if not source.exists():
            drawn.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(source), draw_field(group.name, np.random.default_rng(i), (1600, 1200)))
        path = Path(SPLIT_FOLDERS[group.image_set, "val"], group.folders[0], f"{i}.tif")
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        if not (root / path).exists():
            os.link(source, root / path)
        files.append(ImageFile(path.as_posix(), group.name, "val"))
    return Collection(root, tuple(files))


def opencv_seconds(paths: list[str], size: int) -> float:
    """Seconds that one core takes for all images with nothing but OpenCV."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    started = time.perf_counter()
    for path in paths:
        image = cv2.imread(path)
        assert image is not None
        cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), (size, size), interpolation=cv2.INTER_AREA)
    seconds = time.perf_counter() - started
    cv2.setNumThreads(threads)
    return seconds


def peak(folder: Path, count: int, name: str, size: int) -> int:
    """Bytes that a process of its own takes at most to build a store of so many images."""
    store = folder / f"store{count}-{name}"
    command = [sys.executable, "-m", "benchmarks.store", "--one", str(folder / f"images{count}"), str(store)]
    command += ["--images", str(count), "--size", str(size)]
    return int(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def peak_of_one(images: Path, store: Path, count: int, size: int) -> None:
    """Build a store and print the memory that it took."""
    collection = write_images(images, count)
    with private_peak() as taken:
        open_store(collection, size, store)
    print(taken[-1])


if __name__ == "__main__":
    main()
