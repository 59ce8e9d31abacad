"""What the README shows, run as it stands there."""

import re

import numpy as np
from hydra.utils import instantiate
from omegaconf import OmegaConf

from oral_cancer.data.training_set import checked
from oral_cancer.labels import soft_label
from tests.conftest import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found
    return found[1]


def test_the_treatment_shown_keeps_the_contract(tmp_path, monkeypatch) -> None:
    (tmp_path / "my_treatments.py").write_text(block("python"))
    monkeypatch.syspath_prepend(tmp_path)
    treatment = instantiate(OmegaConf.create(block("yaml")))
    images = np.zeros((10, 4, 4, 3), np.uint8)
    labels = np.repeat([soft_label("parental")], 10, axis=0)
    assert len(checked(treatment.fit_resample(images, labels, 0), images, "shown")) == 5


def test_every_folder_and_script_named_exists() -> None:
    named = set(re.findall(r"`((?:conf|scripts|benchmarks|oral_cancer)/[\w./]*)`", README))
    assert named
    assert {path for path in named if not (REPOSITORY / path).exists()} <= {"conf/resampling/random_part.yaml"}
