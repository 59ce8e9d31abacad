#!/usr/bin/env python3
"""How time and memory of each part of a study grow with the number of images.

Measured at 1,700 and 17,000 images, each in a process of its own. For 1,700,000 the slope between the two is drawn on,
time at least in proportion to the images, and with their square where every two of some are compared. Images are small
(64 px) and so is the network: it is the growth that is looked at, not the height.

    python -m benchmarks.growth [--plot docs/images/growth.svg]
"""

import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from matplotlib import colormaps
from matplotlib.figure import Figure

from benchmarks.figures import options
from benchmarks.memory import private_peak
from benchmarks.step import our_seconds
from oral_cancer.config_groups import CONF
from oral_cancer.data.collection import Collection, ImageFile
from oral_cancer.data.leaks import near_duplicates, same_images
from oral_cancer.data.splits import split
from oral_cancer.data.store import ImageStore, ImageView, open_sound_store, open_store
from oral_cancer.data.training_set import treat
from oral_cancer.evaluation.ensembles import Ensembles
from oral_cancer.resampling import Resampling
from oral_cancer.simulation.published import LABELS, LAYOUT
from oral_cancer.study.aggregate import write_tables
from oral_cancer.study.runs import read_study
from oral_cancer.training.train import quieten
from tests.study.made_up import write_study

COUNTS = (1_700, 17_000)
FAR = 1_700_000
SIZE = 64  # pixels
SEEN = 1e6  # bytes; less is not told from nothing
PUBLISHED = {("homo", "val"): 240, ("homo", "test"): 60, ("hetero", "val"): 160, ("hetero", "test"): 40}  # of 1,700
NETWORK = (
    "model.backbone=test_byobnet",
    "model.weights=none",
    f"model.image_size={SIZE}",
    "model.supersampling=1",
    "model.recalibrate=false",
)
# The least powers of the number of images with which seconds and bytes grow in the end, whatever fixed parts hide.
LEAST = {"search for leaks": (2, 0), "treatment enn_ros": (2, 2), "treatment borderline_smote": (2, 2)}
OF_OTHERS = (1, 0)
TREATMENTS = ("ros", "enn_ros", "borderline_smote")

Costs = dict[str, tuple[float, float]]  # seconds and bytes of each part


def main() -> None:
    chosen = options(
        __doc__,
        ("--plot", {"type": Path, "help": "an SVG file for the curves"}),
        ("--one", {"type": int, "help": "for one measurement: images; prints JSON"}),
    )
    if chosen.one:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(measure(chosen.one, Path(folder))))
        return
    costs: list[Costs] = []
    for count in COUNTS:
        command = [sys.executable, "-m", "benchmarks.growth", "--one", str(count)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        costs.append(json.loads(done.stdout.splitlines()[-1]))
    few, many = costs
    print(table(few, many))
    if chosen.json:
        chosen.json.write_text(json.dumps(dict(zip(map(str, COUNTS), costs, strict=True)), indent=1) + "\n")
    if chosen.plot:
        plot(few, many, chosen.plot)


def measure(count: int, folder: Path) -> Costs:
    """The costs of each part with about this many images."""
    quieten()
    costs: Costs = {}

    @contextmanager
    def part(name: str) -> Iterator[None]:
        started = time.perf_counter()
        with private_peak() as taken:
            yield
        costs[name] = time.perf_counter() - started, float(taken[-1])
        print(name, costs[name], file=sys.stderr, flush=True)

    collection = write_images(folder / "images", count)
    stores: list[ImageStore] = []
    with part("store, first build"):
        stores.append(open_store(collection, SIZE, folder / "store"))
    (store,) = stores
    with part("store, opened again"):
        open_sound_store(collection, SIZE, folder / "store")
    with part("splits"):
        splits = split(collection, 0, 5, 0)
    with part("search for leaks"):
        roles = splits.roles(("homo", "hetero"))
        same_images(store, [roles])
        near_duplicates(store, roles)

    rows = splits.train_rows(("homo", "hetero"))
    images, labels = ImageView(store.images, rows), collection.soft_labels()[rows]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        treatments: dict[str, Resampling] = {
            name: instantiate(compose("train", [f"resampling={name}"]).resampling) for name in TREATMENTS
        }
        cfg = compose(
            "train",
            [
                "trainer=cpu",
                *NETWORK,
                "model=efficientnet_lite0",
                "trainer.max_epochs=1",
                "~callbacks",
                "+trainer.enable_progress_bar=false",
            ],
        )
    for name, treatment in treatments.items():
        with part(f"treatment {name}"):
            treat(treatment, images, labels, 0, collection.names()[rows])
    homo = np.asarray(ImageView(store.images, splits.homo_train))
    with part("an epoch"):
        our_seconds(cfg, homo, labels[: len(homo)])
    evaluated = np.concatenate([splits.homo_val, splits.hetero_val, splits.homo_test, splits.hetero_test])
    network = instantiate(cfg.model, classes=len(LABELS.classes)).eval()
    with part("evaluation"), torch.inference_mode():
        for first in range(0, len(evaluated), cfg.data.batch_size):
            network(torch.from_numpy(np.asarray(store.images[evaluated[first : first + cfg.data.batch_size]])))
    study = write_study(
        folder / "study", [f"m{number}" for number in range(1, 6)], range(5), images=50 * count // COUNTS[0]
    )
    with part("tables of the report"):
        read = read_study(study)
        write_tables(read, Ensembles.of(read.predictions), folder / "tables")
    return costs


def write_images(root: Path, count: int) -> Collection:
    """Small TIFFs of noise, whose neighbours are of any group, in the published layout and proportions."""
    files: list[ImageFile] = []
    for label in LABELS.names:
        for (image_set, role), published in PUBLISHED.items():
            if image_set != LABELS.image_set(label):
                continue
            home = Path(LAYOUT.folder(label, role))
            (root / home).mkdir(parents=True, exist_ok=True)
            for i in range(published * count // COUNTS[0]):
                noise = np.random.default_rng(len(files)).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
                path = home / f"{role}{i}.tif"
                cv2.imwrite(str(root / path), noise)
                files.append(ImageFile(path.as_posix(), label, "test" if role == "test" else None))
    return Collection(root, tuple(sorted(files, key=lambda file: file.path)), LABELS)


def slope(few: float, many: float) -> float:
    """The power of the number of images with which a cost grows."""
    return math.log(many / few) / math.log(COUNTS[1] / COUNTS[0])


def far(few: float, many: float, least: float) -> float:
    """The cost at `FAR` images, were it to go on as between the two measurements, with at least this power of them."""
    return many * math.pow(FAR / COUNTS[1], max(least, slope(few, many)))


def table(few: Costs, many: Costs) -> str:
    """Seconds and memory at each number of images, in Markdown."""
    head = f"| part | {COUNTS[0]:,} images | {COUNTS[1]:,} | grows as | {FAR:,}, on paper |\n|---|---|---|---|---|\n"
    rows = []
    for part in few:
        (seconds, held), (more_seconds, more_held) = few[part], many[part]
        least, least_held = LEAST.get(part, OF_OTHERS)
        powers, at_far = power_of(seconds, more_seconds), time_of(far(seconds, more_seconds, least))
        if more_held >= SEEN:
            powers += f", {power_of(max(held, SEEN), more_held)}"
            at_far += f", {memory_of(far(max(held, SEEN), more_held, least_held))}"
        rows.append(
            f"| {part} | {time_of(seconds)}, {memory_of(held)} | {time_of(more_seconds)}, {memory_of(more_held)} "
            f"| {powers} | {at_far} |\n"
        )
    return head + "".join(rows)


def power_of(few: float, many: float) -> str:
    """E.g. "n^0.9"."""
    return f"n^{round(slope(few, many), 1) + 0.0}"  # and not -0.0


def time_of(seconds: float) -> str:
    """E.g. "0.3 s", "12 min" or "4 days"."""
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.0f} {unit}"
    return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"


def memory_of(size: float) -> str:
    """E.g. "12 MB"."""
    for unit, bytes_of in (("TB", 1e12), ("GB", 1e9)):
        if size >= bytes_of:
            return f"{size / bytes_of:.1f} {unit}"
    return f"{size / 1e6:.0f} MB" if size >= SEEN else f"< {SEEN / 1e6:.0f} MB"


def plot(few: Costs, many: Costs, path: Path) -> None:
    """Seconds and memory over the number of images, all logarithmic; dashed beyond what was measured."""
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    axes: Any = figure.subplots(ncols=2)
    parts = sorted(few, key=lambda part: far(few[part][0], many[part][0], LEAST.get(part, OF_OTHERS)[0]), reverse=True)
    for part, color, marker in zip(parts, colormaps["tab10"](range(len(parts))), "osD^v<>pPX", strict=True):
        for axis, i, seen, unit in ((axes[0], 0, 0.0, 1), (axes[1], 1, SEEN, 1e6)):
            measured = max(few[part][i], seen) / unit, max(many[part][i], seen) / unit
            if many[part][i] >= seen:
                axis.plot(COUNTS, measured, marker=marker, color=color, label=part)
                axis.plot(
                    (COUNTS[1], FAR),
                    (measured[1], far(*measured, LEAST.get(part, OF_OTHERS)[i])),
                    "--",
                    color=color,
                    linewidth=1,
                )
    for axis, quantity in zip(axes, ("seconds", "memory, MB"), strict=True):
        axis.set(xscale="log", yscale="log", xlabel="images", ylabel=quantity)
        axis.minorticks_off()
        axis.set_xticks([*COUNTS, FAR], [f"{count:,}" for count in (*COUNTS, FAR)])
        axis.grid(color="0.9")
        axis.spines[["top", "right"]].set_visible(False)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right upper", frameon=False, fontsize=9)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
