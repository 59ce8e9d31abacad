"""Short trainings on real microscopy images: they tell the classes apart, and mixtures teach their composition."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

EPOCHS = 5  # of 36 steps
PUBLISHED_COUNTS = ("--per-class", "300", "--per-mixture", "200")
LITE0 = ("model=efficientnet_lite0", "model.views=1", "trainer.accelerator=cpu", "logger=none")  # eight take minutes


@pytest.mark.slow
def test_mixtures_teach_the_composition_of_mixtures(
    real_cells: Path, train: Callable[..., Path], tmp_path: Path
) -> None:
    fields = tmp_path / "fields"
    subprocess.run([sys.executable, str(real_cells / "make_fields.py"), str(fields), *PUBLISHED_COUNTS], check=True)

    def figures(experiment: str) -> tuple[float, float]:
        overrides = (f"experiment={experiment}", f"source.root={fields}", f"trainer.max_epochs={EPOCHS}")
        run = train(*overrides, folder=experiment, settings=LITE0)
        assert json.loads((run / "manifest.json").read_text())["weights"].startswith("imagenet")
        test: dict[str, Any] = json.loads((run / "metrics.json").read_text())["test"]
        return test["homo"]["accuracy"], test["hetero"]["rmse"]

    (accuracy_m1, rmse_m1), (accuracy_m2, rmse_m2) = figures("m1"), figures("m2")
    assert min(accuracy_m1, accuracy_m2) >= 0.95  # of 180 images
    assert rmse_m2 <= 0.3
    assert rmse_m2 <= rmse_m1 - 0.05
