"""The training set before and after its treatment, as the page shows it, from what a run keeps."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from oral_cancer.data.reading import NewReading, Reading
from oral_cancer.files import sha256_of
from oral_cancer.study.runs import read_study
from oral_cancer.study.training_sets import TreatedSet, before_and_after, training_sets
from oral_cancer.training.manifest import SYNTHETIC, changed_files, file_hashes, read_manifest, write_manifest
from oral_cancer.training.synthetic_file import ALL, SIDE, read_synthetic, write_synthetic
from tests.study.made_up import write_study

COPIES = {"parental": [1, 1, 1], "1:2": [3, 2, 1], "1:3": [1, 0, 1]}
GREYS = {"parental": 40, "1:2": 120, "1:3": 200}
"""Of images, by label; the synthetic ones of 1:3 are brighter."""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study of one run whose treatment draws one label again, and removes and makes images of another."""
    (run,) = write_study(tmp_path / "study", ["m5"], [0], training_images={"parental": 3, "1:2": 6, "1:3": 5}).glob(
        "m5/fold=0"
    )
    rows = []
    for label, copies in COPIES.items():
        for number, of_image in enumerate(copies):
            path = tmp_path / "images" / label.replace(":", "to") / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), np.full((30, 40, 3), GREYS[label] + number, np.uint8))
            file = path.relative_to(tmp_path / "images").as_posix()
            rows.append((file, label, "", "train", path.stat().st_size, sha256_of(path), of_image))
    columns = ["file", "label", "group", "role", "bytes", "sha256", "copies"]
    pd.DataFrame([*rows, ("x.png", "control", "", "test", 1, "", 0)], columns=columns).to_csv(
        run / "splits.csv", index=False
    )
    write_synthetic(run, np.full((3, 64, 64, 3), 240, np.uint8), np.array(["1:3"] * 3))
    seal(run)
    return tmp_path / "study"


def seal(run: Path) -> None:
    write_manifest(run, (read_manifest(run) or {}) | {"files": file_hashes(run)})


def shown(study: Path, images: Path | None) -> TreatedSet:
    (found,) = training_sets(read_study(study), ["m5"], images, NewReading.of(None, Reading()))
    return found


def test_images_are_counted_before_and_after_by_what_became_of_them(study: Path) -> None:
    numbers = shown(study, None).numbers
    assert list(numbers.index) == ["parental", "1:2", "1:3"]
    assert numbers.loc["parental"].tolist() == [3, 3, 3, 0, 0]
    assert numbers.loc["1:2"].tolist() == [3, 6, 3, 3, 0]
    assert numbers.loc["1:3"].tolist() == [3, 5, 2, 0, 3]
    (panel,) = before_and_after([shown(study, None)])
    assert panel.description.endswith("parental 3, 1:2 3 → 6, 1:3 3 → 5")


def test_kept_removed_and_synthetic_images_are_shown_of_the_labels_that_changed(study: Path, tmp_path: Path) -> None:
    samples = shown(study, tmp_path / "images").samples
    assert {kind: [one.caption for one in few] for kind, few in samples.items()} == {
        "kept": ["1:3"] * 2,
        "removed": ["1:3"],
        "synthetic": ["1:3"] * 2,
    }
    assert list(shown(study, None).samples) == ["synthetic"]  # which lie with the run


def test_a_run_of_before_has_its_numbers_and_no_pictures(study: Path, tmp_path: Path) -> None:
    run = study / "m5" / "fold=0"
    pd.read_csv(run / "splits.csv").drop(columns="copies").to_csv(run / "splits.csv", index=False)
    seal(run)
    found = shown(study, tmp_path / "images")
    assert not found.recorded
    assert found.samples == {}
    assert found.numbers["after"].tolist() == [3, 6, 5]
    assert len(before_and_after([found])) == 1


def test_synthetic_images_are_few_small_sealed_and_of_their_labels(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (60, 96, 96, 3)).astype(np.uint8)
    labels = np.array([f"label {number % 20}" for number in range(60)])
    write_synthetic(tmp_path, noise, labels)
    assert (tmp_path / SYNTHETIC).stat().st_size < 300_000  # of noise, which compresses least
    kept = read_synthetic(tmp_path, dict(zip(*np.unique(labels, return_counts=True), strict=True)))
    assert len(kept) == ALL
    assert kept[0][1].shape == (SIDE, SIDE, 3)
    manifest = {"files": file_hashes(tmp_path)}
    (tmp_path / SYNTHETIC).write_bytes(b"no picture")
    (fault,) = changed_files(tmp_path, manifest)
    assert fault.startswith(f"{tmp_path / SYNTHETIC} is damaged")
    assert read_synthetic(tmp_path, {"label 0": 3}) == []


def test_where_nothing_is_synthetic_there_is_no_file(tmp_path: Path) -> None:
    write_synthetic(tmp_path, np.empty((0, 8, 8, 3), np.uint8), np.empty(0, np.str_))
    assert not list(tmp_path.iterdir())
    assert read_synthetic(tmp_path, {}) == []
