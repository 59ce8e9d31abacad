"""What a study did, in words."""

from pathlib import Path

import pytest

from oral_cancer.study import methods
from oral_cancer.study.runs import read_study
from tests.study.made_up import write_run


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Two experiments of two folds, the second treated."""
    for name, sets, treatment, images in (
        ("m1", ["homo"], "oral_cancer.resampling.NoResampling", 24),
        ("m5", ["homo", "hetero"], "oral_cancer.resampling.EnnRandomOverSampling", 96),
    ):
        for fold in (0, 1):
            write_run(
                tmp_path / "paper",
                name,
                fold,
                training_images={"parental": images + fold},
                config={
                    "name": name,
                    "seed": 0,
                    "data": {"train_sets": sets, "batch_size": 16},
                    "resampling": {"_target_": treatment},
                    "model": {
                        "backbone": "tf_efficientnet_b3",
                        "image_size": 300,
                        "optimizer": {"_target_": "torch.optim.Adam"},
                        "scheduler": {"_target_": "oral_cancer.models.schedules.piecewise_constant"},
                    },
                    "trainer": {"precision": "auto", "max_epochs": 10},
                    "augmentation": {"cpu": {}, "gpu": {}},
                },
            )
    return tmp_path / "paper"


def test_experiments_are_explained_in_a_table(study: Path) -> None:
    grid = methods.experiments(read_study(study), ["m5", "m1"])
    assert grid.columns == ("experiment", "trains on", "treatment of the training set", "network", "training images")
    rows = [[entry.text for entry in row] for row in grid.rows]
    assert rows == [
        [
            "m5",
            "pure and mixed images",
            "cleaning by edited nearest neighbours, then random over-sampling",
            "tf_efficientnet_b3",
            "96 to 97",
        ],
        ["m1", "pure images", "none", "tf_efficientnet_b3", "24 to 25"],
    ]


def test_methods_say_what_the_manifests_hold(study: Path) -> None:
    said = " ".join(methods.methods(read_study(study)))
    for fact in (
        "84 images of 3 classes (parental, resistant, control) and 4 mixtures of these (1:2, 1:3, 2:1, 3:1)",
        "28 were set aside to test",
        "tf_efficientnet_b3 (300 px",
        "by Adam with a piecewise-constant learning rate for 10 epochs in batches of 16",
        "on 2 folds",
        "cleaning by edited nearest neighbours",
        "20 min",
        "cpu in precision 32-true",
        "oral-cancer 0.1.0",
    ):
        assert fact in said
    assert "turns and flips" not in said
    assert "10.1371/journal.pone.0310304" in methods.citation(read_study(study))


def test_departures_are_listed_once(tmp_path: Path) -> None:
    for fold, more in ((0, []), (1, ["model.ema=0.9: published is null"])):
        lines = ["trainer.precision=bf16-mixed: model.recipe has 32-true", *more]
        write_run(tmp_path / "own", "m2", fold, config={}, departures=lines)
    said = [line for line in methods.methods(read_study(tmp_path / "own")) if line.startswith("Departures")]
    assert said == [
        "Departures from the recipe of the network: trainer.precision=bf16-mixed: model.recipe has 32-true; "
        "model.ema=0.9: published is null."
    ]


def test_methods_say_what_predictions_are_means_over(tmp_path: Path) -> None:
    for fold, views in ((0, 8), (1, 8)):
        write_run(tmp_path / "eight", "m2", fold, config={"model": {"views": views}})
    said = " ".join(methods.methods(read_study(tmp_path / "eight")))
    assert "Predictions, in validation too, are means over 8 turns and flips of each image; the curves" in said


def test_what_manifests_lack_is_no_fault(tmp_path: Path) -> None:
    write_run(tmp_path / "old", "m2", 0, config={}, versions={}, training_images={})
    study = read_study(tmp_path / "old")
    assert methods.methods(study)
    assert methods.experiments(study, ["m2"]).rows[0][-1].text == "–"


def test_other_losses_labels_and_augmentations_are_told(tmp_path: Path) -> None:
    learning = {"loss": "focal", "focal": {"gamma": 4.0, "alpha": None}, "output": "sigmoid", "mixup": 0.2, "freeze": 2}
    for name, model, augmentation in (
        (
            "m2",
            {"loss": "mse", "output": "softmax", "label_smoothing": 0.0, "mixup": None},
            "augmentation.of_accelerator",
        ),
        ("own", learning | {"optimizer": {"weight_decay": 0.05}}, "rand_augment.rand_augment"),
        ("odd", {"loss": "focal", "focal": "x", "optimizer": []}, "robust.robust"),
    ):
        settings = {"model": model, "augmentation": {"_target_": f"oral_cancer.data.{augmentation}"}}
        write_run(tmp_path / "study", name, 0, training_images={"parental": 9}, config=settings)
    grid = methods.experiments(read_study(tmp_path / "study"), ["m2", "own", "odd"])
    columns = {head: [row[place].text for row in grid.rows] for place, head in enumerate(grid.columns)}
    assert columns["augmentation"] == ["", "RandAugment", "light, colour, focus and noise of other days"]
    said = "sigmoids divided by their sum, focal loss (gamma 4.0), mixup by Beta(0.2, 0.2), the first 2 stages frozen"
    assert columns["how it learns"] == ["", f"{said}, weight decay 0.05", "focal loss"]
