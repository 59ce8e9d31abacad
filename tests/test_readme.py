"""What the README shows, run as it stands there."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hydra.utils import instantiate
from omegaconf import OmegaConf

from oral_cancer.data.training_set import checked
from oral_cancer.evaluation.predictions import read_predictions
from tests.conftest import REPOSITORY, SMALL_NETWORK
from tests.published import soft_label

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def block(language: str, word: str) -> str:
    """The first block of code in a language that holds a word."""
    blocks = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return next(code for code in blocks if word in code)


def test_the_training_in_python_shown_trains(images_root: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    source = ("source=folder", f"source.root={images_root}", "experiment=m2", "trainer.max_epochs=1")
    given = "".join(f", {word!r}" for word in (*SMALL_NETWORK[:-2], "logger=none", *source))
    code = block("python", "compose_settings").replace('"experiment=m5"', '"experiment=m5"' + given)
    shown: dict[str, Any] = {}
    exec(code, shown)
    written = read_predictions(tmp_path / "outputs" / "notebook" / "m5" / "predictions.csv")
    pd.testing.assert_frame_equal(
        shown["predictions"].reset_index(drop=True)[list(written)], written, check_dtype=False
    )


def test_the_treatment_shown_keeps_the_contract(tmp_path, monkeypatch) -> None:
    (tmp_path / "my_treatments.py").write_text(block("python", "RandomPart"))
    monkeypatch.syspath_prepend(tmp_path)
    treatment = instantiate(OmegaConf.create(block("yaml", "RandomPart")))
    images = np.zeros((10, 4, 4, 3), np.uint8)
    labels = np.repeat([soft_label("parental")], 10, axis=0)
    assert len(checked(treatment.fit_resample(images, labels, 0), images, 3, "shown")) == 5


def test_every_folder_and_script_named_exists() -> None:
    named = set(re.findall(r"`((?:conf|scripts|benchmarks|oral_cancer)/[\w./]*)`", README))
    assert named
    assert {path for path in named if not (REPOSITORY / path).exists()} <= {"conf/resampling/random_part.yaml"}
