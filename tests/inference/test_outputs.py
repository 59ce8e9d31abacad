"""Networks whose probabilities are sigmoids divided by their sum, from the checkpoint to whatever predicts."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from oral_cancer.inference.members import choose_runs, load_network
from oral_cancer.inference.onnx_files import TOLERANCE
from oral_cancer.inference.results import OF_FEATURES
from oral_cancer.training.manifest import read_manifest, write_manifest
from scripts import export, predict
from tests.conftest import MadeOnce
from tests.published import CLASSES, SPLIT_FOLDERS

HETERO_TEST = SPLIT_FOLDERS["hetero", "test"]


def with_sigmoid(study: Path) -> Path:
    """A study whose manifests say so, as if it had been trained so."""
    for fold in (0, 1):
        run = study / "m2" / f"fold={fold}"
        manifest = read_manifest(run)
        assert manifest is not None
        manifest["config"]["model"] |= {"output": "sigmoid", "loss": "focal", "label_smoothing": 0.1, "freeze": 2}
        write_manifest(run, manifest)
    return study


def predicted(study: Path, images: Path, *settings: str) -> pd.DataFrame:
    out = study.parent / "out"
    predict.main([str(study), f"images={images}", "workers=1", f"out={out}", *settings])
    return pd.read_csv(out / "predictions.csv").set_index("file")


def test_predictions_are_sigmoids_divided_by_their_sum(study: Path, images_root: Path) -> None:
    by_softmax = predicted(study, images_root / HETERO_TEST)[list(CLASSES)]
    found = predicted(with_sigmoid(study), images_root / HETERO_TEST)[list(CLASSES)]
    assert (found - by_softmax).abs().max(axis=None) > 10 * TOLERANCE
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    networks = [load_network(run) for run in choose_runs(study, None)[1]]
    assert [network.output for network in networks] == ["sigmoid"] * 2
    shown = torch.randint(0, 256, (4, 32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        pixels = networks[0].network_input(shown)
        sigmoids = 1 / (1 + np.exp(-networks[0].network(pixels).double().numpy()))
        expected = sigmoids / sigmoids.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(networks[0].by_view(pixels)[0], expected, atol=1e-5)


@pytest.mark.slow
def test_the_exported_files_do_the_same_and_the_card_says_so(
    trained: Path, images_root: Path, made_once: MadeOnce
) -> None:
    def make(folder: Path) -> None:
        export.main([str(with_sigmoid(Path(shutil.copytree(trained, folder / "study"))))])

    study = made_once("exported_sigmoid", make) / "study"
    images = images_root / HETERO_TEST
    by_torch, by_onnx = (predicted(study, images, f"engine={engine}") for engine in ("torch", "onnx"))
    numbers = [table.select_dtypes("number").drop(columns=OF_FEATURES) for table in (by_torch, by_onnx)]
    np.testing.assert_allclose(*numbers, atol=TOLERANCE)
    card = (study / "exports" / "m2" / "MODEL_CARD.md").read_text()
    assert (
        "; sigmoids divided by their sum, focal loss (gamma 2.0) against the soft label, labels smoothed by 0.1, "
        "the first 2 stages frozen." in card
    )
