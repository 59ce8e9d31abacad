"""A frozen network whose head is a regression: from settings to figures, and what comes after a training."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hydra.utils import instantiate
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from oral_cancer.data.reader import DECODER
from oral_cancer.data.training_set import TrainingSet
from oral_cancer.errors import UserError
from oral_cancer.experiments import compose_settings
from oral_cancer.models import LinearProbe, SoftLabelNetwork
from oral_cancer.models.views import views_of
from oral_cancer.settings import check
from oral_cancer.study.report import write_report
from oral_cancer.study.runs import read_study
from scripts import explain, export, predict
from tests.conftest import MadeOnce, training_below
from tests.published import CLASSES, SPLIT_FOLDERS, soft_label
from tests.study.made_up import few_resamples

PROBE = (
    "model=linear_probe",
    "model.backbone=test_efficientnet",
    "model.weights=none",
    "model.image_size=32",
    "trainer.accelerator=cpu",
    "logger=none",
)
HETERO_TEST = SPLIT_FOLDERS["hetero", "test"]
Train = Callable[..., Path]


@pytest.fixture(scope="session")
def probed(made_once: MadeOnce, images_root: Path) -> Path:
    """A study of two folds of M2, and beside it a store of images and features."""

    def make(folder: Path) -> None:
        for fold in (0, 1):
            training_below(folder, images_root)(f"fold={fold}", folder=f"study/m2/fold={fold}", settings=PROBE)

    return made_once("probed", make)


def network_of(run: Path) -> SoftLabelNetwork:
    network = SoftLabelNetwork("test_efficientnet", "none", 3, 32, 1, None, normalize="inception")
    network.load_state_dict(torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"])
    return network.eval()


def features_of(network: SoftLabelNetwork, run: Path, files: list[str], views: int) -> np.ndarray:
    """By timm's own way to features, float64 (N, views, D), of images as the run's store has them."""
    index = json.loads(next((run.parents[2] / "store").glob("*/index.json")).read_text())["content"]
    assert index["decoder"] == DECODER
    images = np.load(next((run.parents[2] / "store").glob("*/images-*.npy")))
    rows = {row[0]: at for at, row in enumerate(index["rows"])}
    seen = network.network_input(torch.from_numpy(np.stack([images[rows[file]] for file in files])))
    turned = [network.network.forward_features(view) for view in views_of(seen, views)]
    with torch.no_grad():
        return torch.stack([network.network.forward_head(one, pre_logits=True) for one in turned], 1).double().numpy()


def test_its_predictions_are_those_of_scikit_learns_regression_on_timms_features(probed: Path) -> None:
    run = probed / "study" / "m2" / "fold=0"
    splits, predictions = pd.read_csv(run / "splits.csv"), pd.read_csv(run / "predictions.csv")
    network = network_of(run)
    assert network.network.training is False
    train = splits[splits.role == "train"]
    with torch.no_grad():
        learnt = features_of(network, run, train.file.tolist(), 8)
    labels = np.stack([soft_label(name) for name in train.label])
    flat, targets = learnt.reshape(-1, learnt.shape[-1]), np.repeat(labels, 8, axis=0)
    scaler = StandardScaler().fit(flat)
    rows, classes = np.nonzero(targets)
    theirs = LogisticRegression(C=1 / (0.01 * len(flat)), tol=1e-10, max_iter=10_000)
    theirs.fit(scaler.transform(flat)[rows], classes, sample_weight=targets[rows, classes])
    with torch.no_grad():
        evaluated = features_of(network, run, predictions.file.tolist(), 1)[:, 0]
    expected = theirs.predict_proba(scaler.transform(evaluated))
    np.testing.assert_allclose(predictions[list(CLASSES)], expected, atol=1e-5)
    assert expected.std(axis=0).min() > 0.01
    of_training = theirs.predict_proba(scaler.transform(learnt[:, 0]))
    (logged,) = pd.read_csv(run / "history.csv").train_loss
    assert logged == pytest.approx(np.square(of_training - labels).mean(), abs=1e-5)


def test_a_run_is_as_any_other(probed: Path) -> None:
    run = probed / "study" / "m2" / "fold=0"
    history = pd.read_csv(run / "history.csv")
    assert history[["epoch", "steps"]].to_numpy().tolist() == [[0, 1]]
    assert history[["train_loss", "train_accuracy", "val_loss", "val_accuracy", "val_rmse"]].notna().all(axis=None)
    manifest = json.loads((run / "manifest.json").read_text())
    assert (manifest["status"], manifest["precision"], manifest["departures"]) == ("complete", "32-true", [])
    figures = json.loads((run / "metrics.json").read_text())
    assert history.val_rmse.item() == pytest.approx(figures["val"]["hetero"]["rmse"], abs=1e-5)
    assert figures["test"]["homo"]["accuracy"] > 0.5  # three colours, seen by random weights


def test_nothing_but_the_head_has_changed(probed: Path) -> None:
    runs = [network_of(probed / "study" / "m2" / f"fold={fold}").network for fold in (0, 1)]
    states = [run.state_dict() for run in runs]
    changed = {name for name, tensor in states[0].items() if not torch.equal(tensor, states[1][name])}
    assert changed == {"classifier.weight", "classifier.bias"}


@pytest.mark.slow
def test_what_one_fold_has_computed_another_reuses_and_both_predict_what_they_would_alone(
    probed: Path, images_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    features = LinearProbe.features
    monkeypatch.setattr(LinearProbe, "features", lambda self, *of: (seen.append(1), features(self, *of))[1])
    train = training_below(tmp_path, images_root)
    alone = train("fold=1", folder="m2/fold=1", settings=PROBE)
    first = len(seen)
    there = probed / "study" / "m2" / "fold=1"
    assert (alone / "predictions.csv").read_bytes() == (there / "predictions.csv").read_bytes()
    train("fold=0", folder="m2/fold=0", settings=PROBE)
    train("fold=1", "model.ridge=1", "experiment=m4", folder="m4/fold=1", settings=PROBE)
    splits = [pd.read_csv(tmp_path / "m2" / f"fold={fold}" / "splits.csv") for fold in (0, 1)]
    trained = [set(table.file[table.role == "train"]) for table in splits]
    assert first == len(trained[1])
    assert len(seen) == len(trained[0] | trained[1])


class Halves:
    """A treatment that takes the first three images twice, the others once, and adds means of images."""

    def fit_resample(self, images: Any, soft_labels: np.ndarray, random_state: int) -> TrainingSet:
        pixels = images[:].astype(np.float32)
        made = ((pixels[:-1:9] + pixels[1::9]) / 2).round().astype(np.uint8)
        indices = np.concatenate((np.arange(len(pixels)), np.arange(3)))
        labels = np.concatenate((soft_labels[indices], (soft_labels[:-1:9] + soft_labels[1::9]) / 2))
        return TrainingSet(indices, made, labels)


@pytest.mark.slow
def test_synthetic_images_are_learnt_from_and_copies_are_not_computed_again(
    images_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    features = LinearProbe.features
    monkeypatch.setattr(LinearProbe, "features", lambda self, *of: (seen.append(of[1]), features(self, *of))[1])
    own = f"resampling={{_target_: {__name__}.Halves}}"
    run = training_below(tmp_path, images_root)("data=homo", own, "augmentation=none", folder="own", settings=PROBE)
    splits = pd.read_csv(run / "splits.csv")
    originals = (splits.copies > 0).sum()
    made = sum(json.loads((run / "manifest.json").read_text())["training_images"].values()) - splits.copies.sum()
    assert splits.copies.sum() == originals + 3
    assert made > 3
    assert seen == [1] * (originals + made)


@pytest.mark.slow
def test_what_comes_after_a_training_knows_no_difference(probed: Path, images_root: Path, tmp_path: Path) -> None:
    study = Path(shutil.copytree(probed / "study", tmp_path / "study"))
    with few_resamples():
        page = write_report(read_study(study))[1].read_text()
    assert "was frozen and given a softmax regression (ridge 0.01) on its features for a head" in page
    export.main([str(study), "experiment=m2"])
    card = next((study / "exports").rglob("*.md")).read_text()
    assert "Frozen but for the head, a regression on features of training images with ridge 0.01" in card
    assert "Augmentation: QuarterTurns." in card
    for engine in ("torch", "onnx"):
        predict.main(
            [str(study), f"images={images_root / HETERO_TEST}", f"engine={engine}", f"out={tmp_path / engine}"]
        )
    found = [pd.read_csv(tmp_path / engine / "predictions.csv").set_index("file") for engine in ("torch", "onnx")]
    np.testing.assert_allclose(found[0][list(CLASSES)], found[1][list(CLASSES)], atol=1e-5)
    explain.main([str(study), "wandb=false", f"out={tmp_path / 'pictures'}", "per_class=1"])
    assert list((tmp_path / "pictures").rglob("*grad_cam*.png"))


def faults(*overrides: str) -> list[str]:
    try:
        check(compose_settings(["model=linear_probe", *overrides]))
    except UserError as refused:
        return list(refused.lines)
    return []


@pytest.mark.parametrize(
    ("override", "line"),
    [
        (
            "augmentation=paper",
            "augmentation._target_=albumentations.Compose: must be that of augmentation=quarters or ",
        ),
        (
            "augmentation=robust",
            "augmentation._target_=oral_cancer.data.robust.robust: must be that of augmentation=qu",
        ),
        ("augmentation.recipe=centre", "augmentation.recipe=centre: must be that of augmentation=quarters or none"),
        ("trainer=ddp", "model._target_=oral_cancer.models.LinearProbe: must be one that learns in steps"),
        ("model.ridge=0", "model.ridge=0: must be a positive finite number"),
        ("+model.ema=0.9", "model.ema: is no option of what is chosen here; it belongs to model=efficientnet_b3"),
        ("model.weights=uni.bin", "model.weights=uni.bin: must be auto, imagenet, none or an existing file"),
        (
            "model.backbone=vit_small_patch14_dino",
            "model.backbone=vit_small_patch14_dino: must be the name of a network",
        ),
    ],
)
def test_what_it_has_no_use_for_is_refused(override: str, line: str) -> None:
    assert [said[: len(line)] for said in faults(override)] == [line]


def test_augmentation_that_leaves_pixels_as_they_are_is_fine() -> None:
    assert faults("augmentation=quarters") == faults("augmentation=none") == faults("study=paper") == []


def test_a_network_that_ends_otherwise_is_refused_in_one_line() -> None:
    with pytest.raises(
        UserError, match=r"^model.backbone=deit_tiny_distilled_patch16_224: does not end in one dense layer"
    ):
        LinearProbe(
            "deit_tiny_distilled_patch16_224", ridge=0.01, image_size=224, weights="none", classes=3, supersampling=1
        )


@pytest.mark.slow
@pytest.mark.parametrize(("choice", "size"), [("linear_probe_dinov2", 42), ("linear_probe_dinov3", 32)])
def test_vision_transformers_are_probed(choice: str, size: int, images_root: Path, tmp_path: Path) -> None:
    run = training_below(tmp_path, images_root)(
        "augmentation=none",
        folder="m2",
        settings=(f"model={choice}", "model.weights=none", f"model.image_size={size}", *PROBE[4:]),
    )
    assert json.loads((run / "manifest.json").read_text())["weights"] == "random"


@pytest.mark.parametrize("choice", ["efficientnet_lite1", "efficientnet_lite2"])
def test_the_larger_lite_networks_learn(choice: str) -> None:
    settings: Any = compose_settings([f"model={choice}", "model.weights=none"])
    assert settings.model.image_size == {"efficientnet_lite1": 240, "efficientnet_lite2": 260}[choice]
    settings.model.image_size = 64
    model = instantiate(settings.model, classes=3).train()
    images = torch.randint(0, 256, (4, 128, 128, 3), dtype=torch.uint8)
    loss = (model(images) - torch.eye(3)[[0, 1, 2, 0]]).square().mean()
    loss.backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
