"""Small pictures without symmetry, and the way from a file's bytes to what is shown of it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from oral_cancer.data.reader import read_image
from oral_cancer.formats.picture import Choice
from tests.conftest import REPOSITORY

HEIGHT, WIDTH = 50, 72  # neither a multiple of a tile's side


def drawn(seed: int = 0) -> NDArray[np.uint8]:
    """A grey picture (50, 72), smooth but for some noise."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    noise = np.random.default_rng(seed).normal(0, 3, x.shape)
    return (
        (110 + 60 * np.sin((x + 5 * seed) / 9) * np.cos(y / (7 + seed)) + x / 2 + noise).clip(0, 255).astype(np.uint8)
    )


GREY = drawn()
COLOURS = np.dstack([drawn(), drawn(1), drawn(2)])


def as_rgb(grey: NDArray[np.generic]) -> NDArray[np.generic]:
    """Grey (H, W) as three equal channels."""
    return np.repeat(grey[..., None], 3, axis=-1)


Reader = Callable[..., NDArray[np.uint8]]


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    """A function from a file's bytes, and what is chosen of it, to its pixels (H, W, 3)."""

    def read_bytes(data: bytes, **choice: object) -> NDArray[np.uint8]:
        (tmp_path / "image").write_bytes(data)
        return read_image(tmp_path / "image", choice=Choice(**choice))

    return read_bytes


@pytest.fixture(scope="session")
def microscope_files() -> Path:
    """The folder of cases and real files that lies beside the repository on its developers' machines."""
    folder = REPOSITORY.parent / "shared" / "microscope_files"
    if not folder.is_dir():
        pytest.skip("needs the files of microscopes beside the repository")
    return folder
