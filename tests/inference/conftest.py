"""A study of two folds of one model, trained for a moment on small images."""

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def study(train: Callable[..., Path], tmp_path: Path) -> Path:
    for fold in (0, 1):
        train(f"fold={fold}", "trainer.max_epochs=1", folder=f"study/m2/fold={fold}")
    return tmp_path / "study"
