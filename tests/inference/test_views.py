"""Runs whose predictions are means over the turns and flips of each image."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pandas as pd
import pytest
import torch

from oral_cancer.data.reader import read_image
from oral_cancer.data.resizing import resized
from oral_cancer.errors import UserError
from oral_cancer.inference.members import choose_runs, load_network, resizing, views
from oral_cancer.inference.onnx_files import TOLERANCE
from oral_cancer.inference.results import OF_FEATURES
from oral_cancer.training.manifest import read_manifest, write_manifest
from scripts import export, predict
from scripts.explain import main as explain
from tests.published import CLASSES, SPLIT_FOLDERS

HETERO_TEST = SPLIT_FOLDERS["hetero", "test"]
EIGHT = ("model.views=8", "trainer.max_epochs=1")


def predicted(study: Path, images: Path, *settings: str) -> pd.DataFrame:
    predict.main([str(study), f"images={images}", "workers=1", f"out={study.parent / 'out'}", *settings])
    return pd.read_csv(study.parent / "out" / "predictions.csv").set_index("file")


def with_views(study: Path, number: int | None, fold: int = 0) -> Path:
    """A study whose manifest of a fold says so; None: as manifests of before, says nothing."""
    run = study / "m2" / f"fold={fold}"
    manifest = read_manifest(run)
    assert manifest is not None
    manifest["config"]["model"].pop("views", None)
    manifest["config"]["model"] |= {} if number is None else {"views": number}
    write_manifest(run, manifest)
    return study


@pytest.mark.slow
def test_a_run_and_what_predicts_with_it_take_the_same_mean(
    train: Callable[..., Path], images_root: Path, tmp_path: Path
) -> None:
    run = train(*EIGHT, folder="study/m2/fold=0")
    own = pd.read_csv(run / "predictions.csv")
    own = own[(own.split == "test") & (own.set == "hetero")]
    found = predicted(tmp_path / "study", images_root / HETERO_TEST)
    files = [file.partition("/")[2] for file in own.file]
    np.testing.assert_allclose(found.loc[files, list(CLASSES)], own[list(CLASSES)], atol=1e-5)

    _, runs = choose_runs(tmp_path / "study", None)
    network = load_network(runs[0])
    assert network.views == 8
    image = torch.from_numpy(resized(read_image(images_root / own.file.iloc[0]), *resizing(runs)))[None]
    with torch.inference_mode():
        by_view = network.by_view(network.network_input(image))[:, 0]
    row = found.loc[files[0]]
    np.testing.assert_allclose(row[list(CLASSES)].to_numpy(float), by_view.mean(dim=0), atol=1e-5)
    spread = by_view[:, CLASSES.index(row["predicted"])].std()
    assert row["views_sd"] == pytest.approx(float(spread), abs=1e-5)
    assert row["views_sd"] > 1e-5
    page = (tmp_path / "out" / "predictions.html").read_text()
    assert "the mean over the 8 turns and flips of each image" in page

    before = (run / "predictions.csv").read_bytes()
    assert (train(*EIGHT, folder="again/m2/fold=0") / "predictions.csv").read_bytes() == before
    sheets = tmp_path / "sheets"
    explain([str(tmp_path / "study"), "wandb=false", f"out={sheets}", "per_class=1"])
    right = pd.read_csv(run / "predictions.csv").set_index("file")
    page = (sheets / "index.html").read_text()
    assert "the mean over the 8 turns and flips of each image" in page
    shown = [file for file in right.index[right.split == "test"] if Path(file).name in page]
    assert len(shown) > 3
    assert all(f"{right.loc[file, list(CLASSES)].max():.3f}" in page for file in shown)


def test_a_turned_file_is_predicted_the_same(study: Path, images_root: Path, tmp_path: Path) -> None:
    source = sorted((images_root / HETERO_TEST / "20X_TG2-WT1").iterdir())[0]
    square = np.ascontiguousarray(cv2.imread(str(source))[:32, :32])  # as large as the network takes it
    (tmp_path / "new").mkdir()
    cv2.imwrite(str(tmp_path / "new" / "a.png"), square)
    cv2.imwrite(str(tmp_path / "new" / "b.png"), cv2.rotate(square, cv2.ROTATE_90_CLOCKWISE))
    assert with_old(study, tmp_path / "new") > 1e-4
    for fold in (0, 1):
        with_views(study, 8, fold)
    found = predicted(study, tmp_path / "new")[[*CLASSES, "views_sd"]]
    np.testing.assert_allclose(found.loc["a.png"], found.loc["b.png"], atol=1e-5)


def with_old(study: Path, images: Path) -> float:
    """How far apart the two images are by manifests of before, which say nothing of views and mean one."""
    now = predicted(study, images)
    for fold in (0, 1):
        with_views(study, None, fold)
    pd.testing.assert_frame_equal(predicted(study, images), now)
    assert now.views_sd.isna().all()
    assert views(choose_runs(study, None)[1]) == 1
    return float((now.loc["a.png", list(CLASSES)] - now.loc["b.png", list(CLASSES)]).abs().max())


def test_networks_that_differ_in_their_views_are_not_averaged(study: Path, images_root: Path) -> None:
    with_views(study, 8, fold=1)
    with pytest.raises(UserError, match=r"differ in the views .*m2/fold=0 1 views, m2/fold=1 8 views"):
        views(choose_runs(study, None)[1])


def test_networks_that_normalise_pixels_otherwise_are_not_averaged(study: Path) -> None:
    run = study / "m2" / "fold=1"
    manifest = read_manifest(run)
    assert manifest is not None
    manifest["config"]["model"]["normalize"] = "imagenet"
    write_manifest(run, manifest)
    with pytest.raises(UserError, match=r"differ in how they normalise pixels \(m2/fold=0 raw, m2/fold=1 imagenet\)"):
        resizing(choose_runs(study, None)[1])


@pytest.mark.slow
def test_the_exported_files_make_the_views_themselves(
    study: Path, images_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for fold in (0, 1):
        with_views(study, 8, fold)
    export.main([str(study)])
    images = images_root / HETERO_TEST
    tables = [predicted(study, images, f"engine={engine}").select_dtypes("number") for engine in ("torch", "onnx")]
    by_torch, by_onnx = (table.drop(columns=OF_FEATURES) for table in tables)  # these an ONNX file does not give
    np.testing.assert_allclose(by_torch, by_onnx, atol=TOLERANCE)
    assert (tables[0].views_sd > 10 * TOLERANCE).any()

    folder = study / "exports" / "m2"
    session = onnxruntime.InferenceSession(folder / "ensemble.onnx")
    assert json.loads(session.get_modelmeta().custom_metadata_map["views"]) == 8
    shown = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    probabilities, by_fold, by_view = session.run(None, {"images": shown})
    networks = [load_network(run) for run in choose_runs(study, None)[1]]
    with torch.inference_mode():
        pixels = networks[0].network_input(torch.from_numpy(shown))
        expected = torch.stack([network.by_view(pixels) for network in networks]).numpy()
    for found, mean in ((probabilities, (0, 1)), (by_fold, 1), (by_view, 0)):
        np.testing.assert_allclose(found, expected.mean(axis=mean), atol=TOLERANCE)
    card = (folder / "MODEL_CARD.md").read_text()
    assert "Predicted is the mean over the 8 turns and flips of each image" in card
    assert "probabilities, by_fold, by_view = session.run" in card

    for fold in (0, 1):
        with_views(study, 1, fold)
    with pytest.raises(SystemExit):
        predict.main([str(study), f"images={images}", "engine=onnx"])
    assert "made from other checkpoints or views" in capsys.readouterr().err
