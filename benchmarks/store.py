#!/usr/bin/env python3
"""The image store: its first build beside OpenCV's own decoding and resizing, opening it again, and its memory.

The images are TIFFs of 1600 x 1200 px; as the disk is not what is measured, many are links to a few that differ.

    python -m benchmarks.store [--images 1700] [--size 300] [--rounds 3]

Building is measured with raw TIFFs and with LZW, in one strip as OpenCV has it and in strips of 64 KB as Pillow has.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.figures import Figure, options, publish
from benchmarks.memory import private_peak
from oral_cancer.data.collection import Collection, ImageFile
from oral_cancer.data.store import open_sound_store, open_store
from oral_cancer.simulation.published import LABELS, LAYOUT
from oral_cancer.simulation.simulator import draw_field

DRAWN = 24
RAW, LZW, LZW_IN_STRIPS = "raw", "LZW", "LZW in strips"
WRITERS: dict[str, Callable[[Path, NDArray[np.uint8]], Any]] = {
    RAW: lambda path, image: cv2.imwrite(str(path), image, [cv2.IMWRITE_TIFF_COMPRESSION, 1]),
    LZW: lambda path, image: cv2.imwrite(str(path), image, [cv2.IMWRITE_TIFF_COMPRESSION, 5]),
    LZW_IN_STRIPS: lambda path, image: Image.fromarray(image).save(path, compression="tiff_lzw"),
}


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
        opened, checked, growths = [], [], []
        ratios: dict[str, list[float]] = {kind: [] for kind in WRITERS}
        collections = {kind: write_images(Path(folder, kind, "images"), chosen.images, kind) for kind in WRITERS}
        collection = collections[LZW]
        paths = [str(collection.root / file.path) for file in collection.files]
        for number in range(chosen.rounds):
            for kind, of_kind in collections.items():
                store = Path(folder, f"round{number}-{kind}")
                ratios[kind].append(beside_opencv(of_kind, chosen.size, store))
            store = Path(folder, f"round{number}-{LZW}")
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
            *(
                Figure(
                    f"store: first build of {count}, {kind}, beside cores x OpenCV's rate",
                    of_kind,
                    "x",
                    0.85,
                    at_least=True,
                )
                for kind, of_kind in ratios.items()
            ),
            Figure(f"store: opening {count} again", opened, "s", 0.05),
            Figure("the same with every pixel checked, as each training does", checked, "s"),
            Figure("store: peak memory of a build with 10 x the images", growths, "x", 1.1),
        ],
        chosen.json,
    )


def beside_opencv(collection: Collection, size: int, store: Path) -> float:
    """The rate at which a store is built, beside that of OpenCV on as many cores."""
    paths = [str(collection.root / file.path) for file in collection.files]
    opencv_seconds(paths[:DRAWN], size)  # fills the disk's cache
    halves = [paths[half : 8 * DRAWN : 2] for half in (0, 1)]  # before and after, as machines change their pace
    by_opencv = opencv_seconds(halves[0], size)
    started = time.perf_counter()
    open_store(collection, size, store)
    built = (time.perf_counter() - started) / len(paths)
    by_opencv = (by_opencv + opencv_seconds(halves[1], size)) / sum(map(len, halves))
    return by_opencv / (os.cpu_count() or 1) / built


def write_images(root: Path, number: int, kind: str) -> Collection:
    """As many images as asked for in the published layout, a few of them drawn and the others links to these.

    What is there already stays.
    """
    drawn = root.with_name("drawn")
    files = []
    for i in range(number):
        label = LABELS.names[i % len(LABELS.names)]
        source = drawn / f"{i % DRAWN}.tif"
        if not source.exists():
            drawn.mkdir(parents=True, exist_ok=True)
            WRITERS[kind](source, draw_field(label, np.random.default_rng(i), (1600, 1200)))
        path = Path(LAYOUT.folder(label, "val"), f"{i}.tif")
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        if not (root / path).exists():
            os.link(source, root / path)
        files.append(ImageFile(path.as_posix(), label))
    return Collection(root, tuple(files), LABELS)


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
    collection = write_images(images, count, LZW)
    with private_peak() as taken:
        open_store(collection, size, store)
    print(taken[-1])


if __name__ == "__main__":
    main()
