"""The code that the pages show, run as it stands there."""

import re
import shlex
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf

from oral_cancer.data.training_set import checked
from oral_cancer.evaluation.predictions import read_predictions
from oral_cancer.experiments import compose_settings
from oral_cancer.models.losses import loss_of
from oral_cancer.quoting import for_hydra
from oral_cancer.settings import build, check, resolved
from oral_cancer.train import LITERAL, PATTERNED
from tests.conftest import REPOSITORY, SMALL_NETWORK
from tests.docs.pages import BLOCK, PAGES, block, documented, text_of
from tests.published import CLASSES, soft_label

IN_PYTHON = "docs/tutorials/in_python.md"
TREATMENT = "docs/how-to/treatment.md"
LOSS = "docs/how-to/loss.md"
NETWORK = "docs/how-to/network.md"
EXPORT = "docs/how-to/export.md"
TABLE = "docs/how-to/table.md"
MIXTURES = "docs/how-to/classes_and_mixtures.md"
MADE = {"conf/resampling/random_part.yaml", "conf/source/mine.yaml", "docs/_build/html/index.html"}
"""Files that a reader, or `make docs`, writes."""
SMALLER = {
    '"model=efficientnet_lite0"': ", ".join(f'"{word}"' for word in SMALL_NETWORK if "epochs" not in word),
    "=40": "=8",
    "40x40": "8x8",
    "max_epochs=3": "max_epochs=1",
}
"""What makes the notebook quick: a network, images and epochs."""


@pytest.mark.slow
def test_the_notebook_trains_predicts_and_plots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    matplotlib.use("Agg")
    shown: dict[str, Any] = {}
    for language, code in BLOCK.findall(text_of(IN_PYTHON)):
        if language == "python":
            for word, smaller in SMALLER.items():
                code = code.replace(word, smaller)
            exec(code, shown)
    written = read_predictions(tmp_path / "outputs" / "studies" / "notebook" / "m2" / "fold=1" / "predictions.csv")
    pd.testing.assert_frame_equal(
        shown["predictions"].reset_index(drop=True)[list(written)], written, check_dtype=False
    )
    composition = shown["composition"]
    assert len(composition) == 4
    assert {"population", *composition} <= documented("composition.csv", CLASSES) | of_unlike()
    assert len(shown["plate"]) == 4
    assert (tmp_path / "outputs" / "predictions" / "plate" / "controls.csv").exists()
    assert {path.name for path in tmp_path.glob("*.png")} == {"history.png", "composition.png"}


def of_unlike() -> set[str]:
    """What the last row of composition.csv in the reference has in words."""
    kinds = ("", "_calibrated")
    return {f"{one}{kind}_without_unlike{end}" for one in CLASSES for kind in kinds for end in ("", "_low", "_high")}


def test_the_treatment_shown_keeps_the_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_treatments.py").write_text(block(TREATMENT, "python", "RandomPart"))
    monkeypatch.syspath_prepend(tmp_path)
    treatment = instantiate(OmegaConf.create(block(TREATMENT, "yaml", "RandomPart")))
    images = np.zeros((10, 4, 4, 3), np.uint8)
    labels = np.repeat([soft_label("parental")], 10, axis=0)
    assert len(checked(treatment.fit_resample(images, labels, 0), images, 3, "shown")) == 5


def test_the_network_shown_trains_its_head_alone() -> None:
    shown: dict[str, Any] = {}
    exec(block(NETWORK, "python", "HeadOnly"), shown)
    network = shown["HeadOnly"]("test_byobnet", "none", 3, 32, 1, 0.0, False)
    network.on_fit_start()
    trained = [name for name, parameter in network.network.named_parameters() if parameter.requires_grad]
    head = [name for name, _ in network.network.get_classifier().named_parameters()]
    assert [name.rpartition(".")[2] for name in trained] == head


def test_the_loss_shown_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_losses.py").write_text(block(LOSS, "python", "hellinger"))
    monkeypatch.syspath_prepend(tmp_path)
    hellinger = loss_of("my_losses.hellinger", 3)
    labels = torch.tensor([[1.0, 0, 0], [0.25, 0.75, 0]])
    scores = torch.zeros((2, 3), requires_grad=True)
    optimizer = torch.optim.SGD([scores], lr=1.0)
    for _ in range(2000):
        optimizer.zero_grad()
        hellinger(scores, labels).sum().backward()
        optimizer.step()
    torch.testing.assert_close(scores.detach().softmax(dim=1), labels, atol=0.02, rtol=0)


@pytest.mark.slow
def test_the_onnx_file_shown_gives_probabilities(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(exported / "exports" / "m2")
    shown: dict[str, Any] = {}
    exec(block(EXPORT, "python", "onnxruntime"), shown)
    assert shown["classes"] == list(CLASSES)
    np.testing.assert_allclose(shown["probabilities"].sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(shown["by_fold"].mean(axis=0), shown["probabilities"], atol=1e-6)
    assert not shown["by_view"]


def test_every_folder_and_script_named_exists() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    named = set(re.findall(r"`((?:conf|docs|scripts|benchmarks|tests|oral_cancer)/[\w./-]*)`", text))
    assert len(named) > 30
    assert {path for path in named if not (REPOSITORY / path).exists()} <= MADE


def test_the_table_source_shown_reads_two_laboratories(white_blood_cells: Path, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    shown = block(TABLE, "yaml", "white_blood_cells").replace("/data/white_blood_cells", str(white_blood_cells))
    (tmp_path / "source" / "white_blood_cells.yaml").write_text(shown, encoding="utf-8")
    with initialize_config_dir(str(REPOSITORY / "conf"), version_base="1.3"):
        search = f"hydra.searchpath=[file://{tmp_path}]"
        settings = compose("train", ["source=white_blood_cells", "data.folds=leave_one_group_out", search])
    check(settings)
    collection = build(settings, "source").collect()
    assert (len(collection.files), len(collection.labels.classes)) == (396, 4)
    assert {file.group for file in collection.files} == {"laboratory 1", "laboratory 2"}


def test_mixtures_on_the_command_line_are_those_of_the_file() -> None:
    first, second = block(MIXTURES, "sh", "source.mixtures=").splitlines()
    _, _, *words = shlex.split(first)
    source = resolved(compose_settings(for_hydra(words, LITERAL, PATTERNED)))["source"]
    in_file = OmegaConf.to_container(OmegaConf.create(block(MIXTURES, "yaml", "1:1:2")))["mixtures"]
    assert source["mixtures"] == {"1:3 AB": in_file["1:3 AB"]}
    _, _, *words = shlex.split(second)
    data = resolved(compose_settings(for_hydra(words, LITERAL, PATTERNED)))["data"]
    assert data["class_weights"] == {"naïve T": 2, "B": 1}
