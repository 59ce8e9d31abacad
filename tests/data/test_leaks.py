"""No image is trained on and judged by, whatever a user's folder holds and whatever a treatment does."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from hydra.utils import instantiate
from numpy.typing import NDArray
from omegaconf import OmegaConf

from oral_cancer.data.collection import ImageFile
from oral_cancer.data.datamodule import CellDataModule
from oral_cancer.data.perceptual_hash import NEAR, near_pairs, perceptual_hash
from oral_cancer.data.store import ImageStore
from oral_cancer.errors import UserError
from tests.conftest import REPOSITORY
from tests.published import GROUPS, SPLIT_FOLDERS, SPLITS, collection_of, image_file, soft_label
from tests.study.processes import run as run_study

Train = Callable[..., Path]
TREATMENTS = ("none", "borderline_smote", "ros", "enn_ros")
VAL = SPLIT_FOLDERS["homo", "val"]
TEST = SPLIT_FOLDERS["homo", "test"]


@pytest.fixture
def root(images_root: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(images_root, tmp_path / "images"))


def group_folder(root: Path, split: str, name: str) -> Path:
    group = next(group for group in GROUPS if group.name == name)
    return root / SPLIT_FOLDERS[group.image_set, split] / group.folders[0]


def recoded(image: Path, to: Path) -> None:
    """The same pixels in a file of other bytes."""
    cv2.imwrite(str(to), cv2.imread(str(image)), [cv2.IMWRITE_PNG_COMPRESSION, 0])
    assert to.read_bytes() != image.read_bytes()


@pytest.mark.parametrize("case", ["test", "label", "mixture"])
def test_the_same_image_in_two_roles_or_under_two_labels_is_refused_with_both_paths(
    train: Train, root: Path, tmp_path: Path, case: str
) -> None:
    image = next(group_folder(root, "val", "parental").iterdir())
    target, said = {
        "test": (group_folder(root, "test", "parental"), "for test and for training: remove one of them"),
        "label": (group_folder(root, "val", "resistant"), "under two labels, resistant and parental"),
        "mixture": (group_folder(root, "test", "1:2"), "under two labels"),
    }[case]
    recoded(image, target / "again.png")
    with pytest.raises(UserError, match="the same image") as refused:
        train(f"source.root={root}", "experiment=m2")
    (line,) = refused.value.lines
    assert str(image) in line
    assert str(target / "again.png") in line
    assert said in line
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("split", ["val", "test"])
def test_copies_under_one_label_in_one_split_count_once_and_are_named(
    train: Train, root: Path, capsys: pytest.CaptureFixture[str], split: str
) -> None:
    image = min(group_folder(root, split, "parental").iterdir())
    again = image.with_name(f"{image.stem}_again.png")
    without = train(f"source.root={root}", "trainer.max_epochs=1", folder="without")
    recoded(image, again)
    capsys.readouterr()
    folder = train(f"source.root={root}", "trainer.max_epochs=1")
    path = again.relative_to(root).as_posix()
    assert f"168 images (168 .png); left out: 1 identical to another image ({path})" in capsys.readouterr().out
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["images"] == 168
    assert manifest["found"]["left_out"] == {"identical to another image": {"number": 1, "files": [path]}}
    for name in ("splits.csv", "predictions.csv"):
        assert (folder / name).read_bytes() == (without / name).read_bytes()
    assert manifest["fingerprint"] == json.loads((without / "manifest.json").read_text())["fingerprint"]


@pytest.mark.slow
def test_a_study_trains_and_judges_by_no_copy(images_root: Path, root: Path, tmp_path: Path) -> None:
    folder = group_folder(root, "val", "parental")
    image = min(folder.iterdir())
    recoded(image, folder / "parental_val5_again.png")
    done = run_study(root, tmp_path, "study.folds=[0,1]")
    assert done.returncode == 0, done.stderr
    for splits in tmp_path.glob("outputs/studies/paper/m*/fold=*/splits.csv"):
        assert "again" not in splits.read_text()
    assert "1 identical to another image" in (tmp_path / "outputs/studies/paper/report.html").read_text()


def test_images_that_look_alike_are_listed_and_counted(
    train: Train, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = next(group_folder(root, "val", "control").iterdir())
    alike = group_folder(root, "test", "control") / "alike.png"
    cv2.imwrite(str(alike), np.clip(cv2.imread(str(image)).astype(int) + 3, 0, 255).astype(np.uint8))
    folder = train(f"source.root={root}", "trainer.max_epochs=1")
    pairs = pd.read_csv(folder / "near_duplicates.csv")
    assert {str(image.relative_to(root)), str(alike.relative_to(root))} in [
        set(pair) for pair in pairs[["file", "other_file"]].to_numpy().tolist()
    ]
    assert (pairs["role"] != pairs["other_role"]).all()
    assert json.loads((folder / "manifest.json").read_text())["near_duplicates"] == len(pairs)
    assert "that look alike and have different roles" in capsys.readouterr().err


def test_hashes_tell_one_field_changed_a_little_from_another_field() -> None:
    rng = np.random.default_rng(0)

    def field() -> NDArray[np.uint8]:
        coarse = rng.integers(0, 255, (20, 20, 3), np.uint8)
        return cv2.resize(coarse, (300, 300), interpolation=cv2.INTER_CUBIC)

    fields = [field() for _ in range(40)]
    cut = [cv2.resize(image[3:-3, 3:-3], (300, 300)) for image in fields]
    hashes = [perceptual_hash(image) for image in fields + cut]
    found = near_pairs(hashes, np.repeat(["train", "test"], 40))
    assert [(i, j) for i, j, _ in sorted(found)] == [(i, i + 40) for i in range(40)]
    assert all(distance <= NEAR for *_, distance in found)
    assert near_pairs(hashes, np.repeat(["train"], 80)) == []


def store_of(images: NDArray[np.uint8], files: list[ImageFile]) -> ImageStore:
    nothing = ("",) * len(files)
    numbers = (0,) * len(files)
    sizes, micrometres = np.zeros((len(files), 2), np.int64), np.full(len(files), np.nan)
    collection = collection_of(files)
    return ImageStore(collection, images, nothing, numbers, sizes, micrometres, numbers, nothing, {"levels": []}, "")


@pytest.fixture(scope="module")
def files() -> list[ImageFile]:
    return [
        image_file(f"{SPLIT_FOLDERS[group.image_set, split]}/{group.folders[0]}/{number:02}.png", group.name, split)
        for group in GROUPS
        for split in SPLITS
        for number in range(40 if split == "val" else 8)
    ]


def treated(images: NDArray[np.uint8], files: list[ImageFile], treatment: str, fold: int | str) -> CellDataModule:
    data = CellDataModule(
        store_of(images, files),
        instantiate(OmegaConf.load(REPOSITORY / "conf" / "resampling" / f"{treatment}.yaml")),
        instantiate(OmegaConf.load(REPOSITORY / "conf" / "augmentation" / "none.yaml")),
        train_sets=("homo", "hetero"),
        fold=fold,
        folds=4,
        split_seed=0,
        seed=0,
        batch_size=4,
        eval_batch_size=4,
        workers=0,
    )
    data.setup()
    return data


def contents(data: CellDataModule) -> tuple[Any, ...]:
    """The treated training set: chosen rows, synthetic pixels, labels."""
    images = data.training_images
    assert images is not None
    synthetic = np.stack([np.asarray(image) for image in images.synthetic]) if len(images.synthetic) else np.empty(0)
    return images.images.rows[images.indices], synthetic, images.soft_labels.numpy()


@pytest.mark.parametrize("fold", [0, 3, "all"])
@pytest.mark.parametrize("treatment", TREATMENTS)
def test_no_treatment_sees_a_validation_or_test_image(files: list[ImageFile], treatment: str, fold: int | str) -> None:
    rng = np.random.default_rng(1)
    levels = np.stack([soft_label(file.label) for file in files]) @ [30.0, 60.0, 90.0]
    shifts = rng.normal(0, 15, len(files))  # of whole images, so that the groups overlap
    noise = rng.normal(0, 4, (len(files), 6, 6, 3))
    images = ((levels + shifts)[:, None, None, None] + noise).clip(0, 120).astype(np.uint8)
    data = treated(images, files, treatment, fold)
    held_out = np.isin(data.roles(), ("val", "test"))
    rows, synthetic, _ = contents(data)
    assert not held_out[rows].any()
    assert (len(synthetic) > 100) == (treatment == "borderline_smote")

    others = images.copy()
    others[held_out] = rng.integers(200, 256, others[held_out].shape)  # brighter than any training image
    again = contents(treated(others, files, treatment, fold))
    for before, after in zip(contents(data), again, strict=True):
        assert np.array_equal(before, after)
    assert not len(again[1]) or again[1].max() <= 120


def test_over_sampled_copies_are_of_training_images(files: list[ImageFile]) -> None:
    images = np.random.default_rng(2).integers(0, 255, (len(files), 6, 6, 3), np.uint8)
    data = treated(images, files, "ros", 1)
    rows, _, _ = contents(data)
    assert len(rows) > len(set(rows))
    assert set(data.roles()[rows]) == {"train"}
