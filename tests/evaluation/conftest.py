"""Made-up predictions of a study: the noisier an experiment, the worse it is."""

from collections.abc import Callable
from zlib import crc32

import numpy as np
import pandas as pd
import pytest

from oral_cancer.evaluation.predictions import columns, true_columns
from tests.published import CLASSES, GROUPS


def make_run(
    experiment: str = "m1",
    fold: int | str = 0,
    noise: float = 0.5,
    shrink: float = 0.0,
    images: int = 6,
    seed: int = 0,
) -> pd.DataFrame:
    """Predictions of one run: `images` of each group and split; HOMO validation files differ by fold."""
    random = np.random.default_rng(crc32(f"{experiment} {fold}{f' {seed}' if seed else ''}".encode()))
    rows = []
    for split in ("val", "test"):
        for group in GROUPS:
            own = f"{fold}_" if split == "val" and group.image_set == "homo" else ""
            label = np.array(group.soft_label)
            for k in range(images):
                logits = np.log((1 - shrink) * label + shrink / 3 + 0.02) + random.normal(0, noise, 3)
                share = np.exp(logits) / np.exp(logits).sum()
                file = f"{group.folders[0]}/{own}{k}.tif"
                image = [experiment, fold, 0, seed, split, group.image_set, file, group.name]
                rows.append([*image, *label, *share.astype(np.float32)])
    frame = pd.DataFrame(rows, columns=columns(CLASSES))
    types = dict.fromkeys(true_columns(CLASSES), "float64") | dict.fromkeys(CLASSES, "float32")
    return frame.astype(types | {"fold": object})


@pytest.fixture(scope="session")
def run() -> Callable[..., pd.DataFrame]:
    return make_run


@pytest.fixture(scope="session")
def study() -> pd.DataFrame:
    """Two experiments, three folds, and a third experiment trained on all folds."""
    runs = [make_run(name, fold, noise) for name, noise in (("m2", 2.0), ("m1", 0.3)) for fold in range(3)]
    return pd.concat([*runs, make_run("m3", "all", 0.5)], ignore_index=True)
