"""Training sets of small images, with the published counts of one fold or fewer."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra.utils import instantiate
from numpy.typing import NDArray
from omegaconf import OmegaConf

from oral_cancer.data.training_set import treat
from tests.published import CLASSES, MIXTURES, group_names, soft_label

CONFIGS = Path(__file__).resolve().parents[2] / "conf" / "resampling"
PUBLISHED = dict.fromkeys(CLASSES, 192) | dict.fromkeys(MIXTURES, 128)

Data = tuple[NDArray[np.uint8], NDArray[np.float32]]


def resample(treatment: Any, images: Any, soft_labels: NDArray[np.float32], seed: int = 0) -> Any:
    """What a treatment makes of them, whose labels are the published ones."""
    return treat(treatment, images, soft_labels, seed, group_names(soft_labels))


@pytest.fixture
def make_data() -> Callable[..., Data]:
    """`make_data(counts, seed, spread, side)`: the larger the spread, the more the groups overlap."""

    def make(counts: Mapping[str, int] = PUBLISHED, seed: int = 0, spread: float = 40.0, side: int = 8) -> Data:
        rng = np.random.default_rng(seed)
        names = rng.permutation(np.repeat(list(counts), list(counts.values())))
        labels = np.array([soft_label(name) for name in names])
        centres = labels @ np.array([[60.0], [120.0], [200.0]])
        shift = rng.normal(0, spread, (len(names), 1))
        pixels = centres + shift + rng.normal(0, 10, (len(names), side * side * 3))
        return pixels.clip(0, 255).astype(np.uint8).reshape(-1, side, side, 3), labels

    return make


@pytest.fixture
def treatment() -> Callable[..., Any]:
    """`treatment(name, **options)`: a treatment as its YAML file says, but for `options`."""

    def load(name: str, **options: Any) -> Any:
        return instantiate(OmegaConf.merge(OmegaConf.load(CONFIGS / f"{name}.yaml"), options))

    return load
