"""What the README shows, run as it stands there."""

import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf

from oral_cancer.data.training_set import checked
from oral_cancer.evaluation.predictions import read_predictions
from oral_cancer.experiments import compose_settings
from oral_cancer.quoting import for_hydra
from oral_cancer.settings import build, check, resolved
from oral_cancer.train import LITERAL, PATTERNED
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
    assert {path for path in named if not (REPOSITORY / path).exists()} <= {
        "conf/resampling/random_part.yaml",
        "conf/source/mine.yaml",
    }


def test_the_table_source_shown_reads_two_laboratories(white_blood_cells: Path, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    shown = block("yaml", "white_blood_cells").replace("/data/white_blood_cells", str(white_blood_cells))
    (tmp_path / "source" / "white_blood_cells.yaml").write_text(shown, encoding="utf-8")
    with initialize_config_dir(str(REPOSITORY / "conf"), version_base="1.3"):
        search = f"hydra.searchpath=[file://{tmp_path}]"
        settings = compose("train", ["source=white_blood_cells", "data.folds=leave_one_group_out", search])
    check(settings)
    collection = build(settings, "source").collect()
    assert (len(collection.files), len(collection.labels.classes)) == (396, 4)
    assert {file.group for file in collection.files} == {"laboratory 1", "laboratory 2"}


def test_mixtures_on_the_command_line_are_those_of_the_file() -> None:
    first, second = block("sh", "source.mixtures=").splitlines()
    _, _, *words = shlex.split(first)
    source = resolved(compose_settings(for_hydra(words, LITERAL, PATTERNED)))["source"]
    in_file = OmegaConf.to_container(OmegaConf.create(block("yaml", "1:1:2")))["mixtures"]
    assert source["mixtures"] == {"1:3 AB": in_file["1:3 AB"]}
    _, _, *words = shlex.split(second)
    data = resolved(compose_settings(for_hydra(words, LITERAL, PATTERNED)))["data"]
    assert data["class_weights"] == {"naïve T": 2, "B": 1}
