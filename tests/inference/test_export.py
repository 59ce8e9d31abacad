import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pandas as pd
import pytest
import torch

from oral_cancer.data.resizing import resized_batch
from oral_cancer.evaluation import tables
from oral_cancer.evaluation.ensembles import Ensembles
from oral_cancer.inference.members import choose_runs, load_network, resizing
from oral_cancer.inference.onnx_files import ENSEMBLE, TOLERANCE
from oral_cancer.inference.results import OF_FEATURES
from oral_cancer.study.runs import read_study
from scripts import export, predict
from tests.published import SPLIT_FOLDERS

Train = Callable[..., Path]
HETERO_TEST = SPLIT_FOLDERS["hetero", "test"]


def test_without_an_export_there_is_none_to_predict_with(
    study: Path, images_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        predict.main([str(study), f"images={images_root / HETERO_TEST}", "engine=onnx"])
    assert "run `oral-cancer export" in capsys.readouterr().err


@pytest.mark.slow
def test_the_exported_ensemble_predicts_as_the_checkpoints_do(
    exported: Path, images_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study, images = exported, f"images={images_root / HETERO_TEST}"
    tables = []
    for engine in ("torch", "onnx"):
        predict.main([str(study), images, f"engine={engine}", f"out={tmp_path / engine}"])
        tables.append(pd.read_csv(tmp_path / engine / "predictions.csv").select_dtypes("number"))
    assert tables[1][OF_FEATURES].isna().all(axis=None)  # which an ONNX file does not give
    by_torch, by_onnx = (table.drop(columns=OF_FEATURES) for table in tables)
    np.testing.assert_allclose(by_torch, by_onnx, atol=TOLERANCE)
    assert tables[0].parental.std() > 10 * TOLERANCE  # they do differ between images

    _, (run, _) = choose_runs(study, "m2")
    retrained = torch.load(run.folder / "checkpoints" / "last.ckpt", weights_only=True)
    torch.save(retrained | {"epoch": 7}, run.folder / "checkpoints" / "last.ckpt")
    with pytest.raises(SystemExit):
        predict.main([str(study), images, "engine=onnx"])
    assert "made from other checkpoints" in capsys.readouterr().err


@pytest.mark.slow
def test_a_file_takes_batches_of_any_number_and_size(exported: Path) -> None:
    out = exported / "exports" / "m2"
    assert sorted(path.name for path in out.iterdir()) == [
        "MODEL_CARD.md",
        ENSEMBLE,
        "fold=0.onnx",
        "fold=1.onnx",
    ]
    session = onnxruntime.InferenceSession(out / "fold=1.onnx")
    assert json.loads(session.get_modelmeta().custom_metadata_map["classes"]) == ["parental", "resistant", "control"]
    _, runs = choose_runs(exported, "m2")
    network, square = load_network(runs[1]), resizing(runs)
    rng = np.random.default_rng(0)
    # What has the network's size is not resized; else onnxruntime rounds a few pixels otherwise.
    for shape, tolerance in (((1, 32, 32), TOLERANCE), ((3, 40, 48), 2e-3), ((5, 64, 32), 2e-3)):
        images = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
        probabilities, by_fold = session.run(None, {"images": images})
        with torch.inference_mode():
            expected = network(resized_batch(torch.from_numpy(images), square.size, square.antialias)).numpy()
        np.testing.assert_allclose(probabilities, expected, atol=tolerance)
        np.testing.assert_array_equal(by_fold, probabilities[None])


@pytest.mark.slow
def test_a_file_holds_the_resizing_and_normalisation_of_the_training(train: Train, tmp_path: Path) -> None:
    options = ("model.antialias=false", "model.normalize=imagenet", "trainer.max_epochs=1")
    study = train(*options, folder="study/m2/fold=0").parents[1]
    export.main([str(study), f"out={tmp_path / 'out'}"])
    session = onnxruntime.InferenceSession(tmp_path / "out" / "fold=0.onnx")
    network = load_network(choose_runs(study, "m2")[1][0])
    images = np.random.default_rng(0).integers(0, 256, (3, 40, 48, 3), dtype=np.uint8)
    as_trained = np.stack([cv2.resize(image, (32, 32), interpolation=cv2.INTER_LINEAR) for image in images])
    with torch.inference_mode():
        expected = network(torch.from_numpy(as_trained)).numpy()
    np.testing.assert_allclose(session.run(["probabilities"], {"images": images})[0], expected, atol=2e-3)


@pytest.mark.slow
def test_the_card_holds_the_figures_of_the_tables(exported: Path) -> None:
    card = (exported / "exports" / "m2" / "MODEL_CARD.md").read_text()
    predictions = read_study(exported).predictions
    row = tables.ensemble(Ensembles.of(predictions)).iloc[0]
    assert f"{row.rmse:.3f} [{row.rmse_low:.3f}, {row.rmse_high:.3f}]" in card
    for heading in ("Data", "Recipe", "Figures", "Intended use", "Limits"):
        assert f"## {heading}\n" in card
    assert read_study(exported).complete[0].facts["fingerprint"] in card
