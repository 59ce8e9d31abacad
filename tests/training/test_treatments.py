"""Each further treatment in a training of a moment, and what run, page and card say of labels in between."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from oral_cancer.data.reading import NewReading, Reading
from oral_cancer.data.resizing import Resizing
from oral_cancer.inference.model_card import model_card
from oral_cancer.study.runs import read_study
from oral_cancer.study.training_sets import before_and_after, training_sets
from tests.published import CLASSES

Train = Callable[..., Path]
STEPS = ("trainer.max_epochs=1", "+trainer.limit_train_batches=2")
ORIGINALS = dict.fromkeys(CLASSES, 16) | dict.fromkeys(("1:2", "2:1", "1:3", "3:1"), 16)


def manifest_of(run: Path) -> dict[str, object]:
    return json.loads((run / "manifest.json").read_text())


@pytest.fixture
def study(train: Train) -> Path:
    """Of one run, with CutMix."""
    return train("experiment=cutmix", *STEPS, folder="study/cutmix/fold=0").parents[1]


def test_images_with_labels_in_between_are_counted_kept_and_shown(study: Path, images_root: Path) -> None:
    run = study / "cutmix" / "fold=0"
    counts = manifest_of(run)["training_images"]
    assert sum(counts.values()) == sum(ORIGINALS.values()) + 4 * 32
    assert counts["interpolated"] > 32  # of the others a window shows the same label, or nothing
    assert all(counts[name] >= number for name, number in ORIGINALS.items())

    found = read_study(study)
    (treated,) = training_sets(found, ["cutmix"], images_root, NewReading.of(None, Reading()))
    assert treated.name == "cutmix: CutMix"
    assert treated.numbers.loc["interpolated"].tolist() == [0, *[counts["interpolated"], 0, 0, counts["interpolated"]]]
    assert treated.numbers["kept"].sum() == sum(ORIGINALS.values())
    assert len(treated.samples["kept"]) == 4
    assert [one.caption for one in treated.samples["synthetic"]].count("interpolated") == 2
    (panel,) = before_and_after([treated])
    assert f"interpolated 0 → {counts['interpolated']}" in panel.description

    card = model_card(found, found.complete, Resizing(32, False), {})
    assert f"| interpolated | each its own, between these | {counts['interpolated']} |" in card


def test_smote_between_labels_trains(train: Train) -> None:
    run = train("experiment=soft_smote", "resampling.among=other", *STEPS)
    assert sum(manifest_of(run)["training_images"].values()) == sum(ORIGINALS.values()) + 4 * 16
    assert (run / "synthetic.jpg").exists()


@pytest.mark.parametrize(("then", "where"), [("paper", "cpu"), ("device", "device")])
def test_puzzles_train_picture_by_picture_and_in_batches(train: Train, then: str, where: str) -> None:
    options = ("augmentation.square=16", f"augmentation@augmentation.then={then}")
    manifest = manifest_of(train("experiment=puzzle", *options, *STEPS))
    assert manifest["augmented_on"] == where
    assert manifest["config"]["name"].startswith("puzzle")
