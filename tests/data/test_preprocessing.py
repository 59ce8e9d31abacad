"""Contrast-limited histogram equalisation of images, wherever they go into a network."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pandas as pd
import pytest
import torch
from skimage.exposure import equalize_adapthist

from oral_cancer.data.preprocessing import preprocessed
from oral_cancer.data.reading import Reading
from oral_cancer.data.resizing import Resizing, resized
from oral_cancer.data.store import STORE_NAME, open_store, store_name
from oral_cancer.errors import UserError
from oral_cancer.experiments import composed_of
from oral_cancer.inference.members import choose_runs, resizing
from oral_cancer.inference.onnx_files import TOLERANCE
from oral_cancer.models import SoftLabelNetwork
from oral_cancer.settings import check
from scripts import explain, export, predict
from tests.conftest import MadeOnce, training_below
from tests.data.test_store import collect
from tests.published import CLASSES, SPLIT_FOLDERS

HETERO_TEST = SPLIT_FOLDERS["hetero", "test"]


@pytest.fixture
def image() -> np.ndarray:
    """Cloudy, dim and pale, 120 x 160 px."""
    coarse = np.random.default_rng(0).integers(90, 130, (12, 16, 3)).astype(np.uint8)
    return cv2.resize(coarse, (160, 120), interpolation=cv2.INTER_CUBIC)


def test_each_channel_is_equalised_for_itself(image: np.ndarray) -> None:
    values = np.stack([equalize_adapthist(image[..., channel]) for channel in range(3)], axis=2)
    assert (values.min(), values.max()) == (0, 1)
    found = preprocessed(image, "clahe")
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, np.rint(255 * values))
    assert found.std() > 2 * image.std()
    np.testing.assert_array_equal(preprocessed(image, "clahe_binary"), np.where(values > 0.5, 255, 0))
    assert preprocessed(image, "none") is image


def test_an_image_without_contrast_stays_without() -> None:
    for how in ("clahe", "clahe_binary"):
        assert np.unique(preprocessed(np.full((64, 64, 3), 200, np.uint8), how)).size == 1


def test_the_store_keeps_pixels_by_what_was_done_to_them(tmp_path: Path, image: np.ndarray) -> None:
    root = tmp_path / "images"
    (root / "a").mkdir(parents=True)
    cv2.imwrite(str(root / "a" / "0.png"), image[..., ::-1])
    ways = [Resizing(48, antialias, how) for antialias in (True, False) for how in ("none", "clahe", "clahe_binary")]
    for size, *way in ways:
        store = open_store(collect(root), size, tmp_path / "store", (), *way)
        plain = resized(image, size, way[0])
        np.testing.assert_array_equal(store.images[0], preprocessed(plain, way[1]))
    names = {store_name(root, size, Reading(), *way) for size, *way in ways}
    assert {path.name for path in (tmp_path / "store").iterdir()} == names
    assert len(names) == len(ways)
    assert all((match := STORE_NAME.fullmatch(name)) and match[1] == "48" for name in names)
    assert str(ways[-1]) == "48 px aliased clahe_binary"


def test_raw_the_network_sees_equalised_values_from_0_to_1() -> None:
    images = torch.tensor([0, 51, 255], dtype=torch.uint8).view(3, 1, 1, 1).expand(3, 32, 32, 3)

    def seen(**settings: str) -> list[float]:
        network = SoftLabelNetwork("test_efficientnet", "none", 3, 32, 1, 0.2, **settings)
        return network.network_input(images)[:, 0, 0, 0].tolist()

    assert seen(preprocess="clahe") == pytest.approx([0, 0.2, 1])
    assert seen() == [0, 51, 255]
    assert seen(normalize="imagenet", preprocess="clahe") == seen(normalize="imagenet")


@pytest.fixture(scope="session")
def equalised(made_once: MadeOnce, images_root: Path) -> Path:
    """A study of one run on equalised images."""

    def make(folder: Path) -> None:
        train = training_below(folder, images_root)
        train("experiment=clahe", "trainer.max_epochs=1", folder="study/clahe/fold=0")

    return made_once("equalised", make) / "study"


def predicted(study: Path, images: Path, out: Path, *settings: str) -> pd.DataFrame:
    predict.main([str(study), f"images={images}", "workers=1", f"out={out}", *settings])
    return pd.read_csv(out / "predictions.csv").set_index("file")


def test_prediction_and_explanation_do_to_images_what_training_did(
    equalised: Path, images_root: Path, tmp_path: Path
) -> None:
    manifest = json.loads((equalised / "clahe/fold=0/manifest.json").read_text())
    assert manifest["config"]["model"]["preprocess"] == "clahe"
    assert "scikit-image" in manifest["versions"]
    own = pd.read_csv(equalised / "clahe/fold=0/predictions.csv")
    own = own[(own.split == "test") & (own.set == "hetero")]
    found = predicted(equalised, images_root / HETERO_TEST, tmp_path / "out")
    files = [file.partition("/")[2] for file in own.file]
    np.testing.assert_allclose(found.loc[files, list(CLASSES)], own[list(CLASSES)], atol=1e-5)
    assert resizing(choose_runs(equalised, None)[1]) == Resizing(32, False, "clahe")

    explain.main(
        [str(equalised), f"images={images_root / HETERO_TEST}", "wandb=false", f"out={tmp_path / 'explained'}"]
    )
    assert f"{found.parental.iloc[0]:.3f}"[:4] in (tmp_path / "explained" / "index.html").read_text()


@pytest.mark.slow
def test_the_onnx_file_takes_images_that_were_equalised_before_and_the_card_says_so(
    equalised: Path, images_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = Path(shutil.copytree(equalised, tmp_path / "study"))
    export.main([str(study)])
    assert "not in the files: contrast-limited adaptive histogram equalisation" in capsys.readouterr().out
    by_torch, by_onnx = (
        predicted(study, images_root / HETERO_TEST, tmp_path / engine, f"engine={engine}")[list(CLASSES)]
        for engine in ("torch", "onnx")
    )
    np.testing.assert_allclose(by_torch, by_onnx, atol=TOLERANCE)
    folder = study / "exports" / "clahe"
    card = (folder / "MODEL_CARD.md").read_text()
    assert "**Preprocessing is not in the file.** Images have been trained on after contrast-limited" in card
    assert 'resized(image, 32, False, "clahe") for image in images' in card
    session = onnxruntime.InferenceSession(folder / "ensemble.onnx")
    assert json.loads(session.get_modelmeta().custom_metadata_map["preprocess"]) == "clahe"


def test_what_is_no_preprocessing_is_refused() -> None:
    with pytest.raises(UserError) as refused:
        check(composed_of(["model.preprocess=equalised"]).settings)
    assert refused.value.lines == ("model.preprocess=equalised: must be one of none, clahe, clahe_binary",)
