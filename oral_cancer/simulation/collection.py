"""Collections of simulated fields in the published folder layout, as files."""

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track

from oral_cancer.labels import in_files
from oral_cancer.layout import SPLITS
from oral_cancer.simulation import SIMULATED
from oral_cancer.simulation.published import LABELS, LAYOUT
from oral_cancer.simulation.simulator import draw_field


def write_collection(root: Path, per_class: int, per_mixture: int, seed: int) -> None:
    """Write simulated fields in the published folder layout, as TIFF files (RGB, 640 x 480 px, LZW).

    A picture depends on the seed, its group, split and number alone. The collection is made beside `root` and
    renamed, so that `root` is never half written; a `root` that is there already, or that a concurrent
    process made first, is left as it is.

    Args:
        root: folder to make, e.g. data/simulated.
        per_class: images of each class, 80 % of them in Val and 20 % in Test, at least one in each.
        per_mixture: images of each mixture, shared out alike.
        seed: of all pictures.

    Raises:
        OSError: where the files cannot be written.
    """
    if root.exists():
        return
    partial = root.with_name(f".{root.name}-{uuid4().hex[:8]}")
    try:
        _write_all(list(plan_collection(partial, per_class, per_mixture, seed)))
        try:
            partial.rename(root)
        except OSError:
            if not root.is_dir():
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@dataclass(frozen=True)
class Plan:
    """One picture to make: where, of what, from which seed."""

    path: Path
    label: str
    seed: tuple[int, int, int, int]  # collection, label, split, number


def plan_collection(root: Path, per_class: int, per_mixture: int, seed: int) -> Iterator[Plan]:
    """Every picture of a collection; for the arguments see `write_collection`."""
    for k, label in enumerate(LABELS.names):
        total = per_class if label in LABELS.classes else per_mixture
        test = max(1, round(total * 0.2))
        counts = {"val": max(1, total - test), "test": test}
        for s, split in enumerate(SPLITS):
            folder = root / LAYOUT.folder(label, split)
            for number in range(counts[split]):
                name = f"{SIMULATED}{in_files(label)}_{number:03d}_{split}.tif"
                yield Plan(folder / name, label, (seed, k, s, number))


def _write_all(plans: list[Plan]) -> None:
    for folder in {plan.path.parent for plan in plans}:
        folder.mkdir(parents=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            done = pool.map(_write, plans)
            for _ in track(done, "Simulating micrographs", len(plans), console=Console(stderr=True)):
                pass
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _write(plan: Plan) -> None:
    picture = draw_field(plan.label, np.random.default_rng(plan.seed))
    settings = [cv2.IMWRITE_TIFF_COMPRESSION, cv2.IMWRITE_TIFF_COMPRESSION_LZW]
    _, tiff = cv2.imencode(".tif", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), settings)
    plan.path.write_bytes(tiff.tobytes())
