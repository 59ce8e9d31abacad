import random
from collections import Counter

import numpy as np
import pytest

from oral_cancer.data.collection import ImageFile
from oral_cancer.data.splits import split
from tests.published import GROUPS, SPLIT_FOLDERS, SPLITS, collection_of, image_file


@pytest.fixture
def published() -> list[ImageFile]:
    """The files of the published data set."""
    return [
        image_file(f"{SPLIT_FOLDERS[group.image_set, which]}/{group.folders[0]}/{i}.tif", group.name, which)
        for group in GROUPS
        for which in SPLITS
        for i in range(group.published[which])
    ]


def groups(files: list[ImageFile], rows: np.ndarray) -> Counter[str]:
    return Counter(files[row].label for row in rows)


def test_published_counts(published: list[ImageFile]) -> None:
    splits = split(collection_of(published), fold=2, folds=5, split_seed=0)

    assert groups(published, splits.homo_train) == {"parental": 192, "resistant": 192, "control": 192}
    assert groups(published, splits.homo_val) == {"parental": 48, "resistant": 48, "control": 48}
    assert groups(published, splits.homo_test) == {"parental": 60, "resistant": 60, "control": 60}
    assert groups(published, splits.hetero_train) == dict.fromkeys(("1:2", "2:1", "1:3", "3:1"), 128)
    assert groups(published, splits.hetero_val) == dict.fromkeys(("1:2", "2:1", "1:3", "3:1"), 32)
    assert groups(published, splits.hetero_test) == dict.fromkeys(("1:2", "2:1", "1:3", "3:1"), 40)
    assert not splits.in_sample


def test_every_homo_image_validates_once_and_hetero_is_split_once_a_seed(published: list[ImageFile]) -> None:
    folds = [split(collection_of(published), fold, 5, split_seed=0) for fold in range(5)]

    validated = np.concatenate([fold.homo_val for fold in folds])
    assert len(np.unique(validated)) == len(validated) == 720
    for fold in folds:
        assert not set(fold.homo_train) & set(fold.homo_val)
        assert not set(fold.hetero_train) & set(fold.hetero_val)
        assert np.array_equal(fold.hetero_val, folds[0].hetero_val)


def test_no_test_image_trains_or_validates(published: list[ImageFile]) -> None:
    splits = split(collection_of(published), fold=0, folds=5, split_seed=3)
    used = np.concatenate([splits.homo_train, splits.homo_val, splits.hetero_train, splits.hetero_val])
    assert {published[row].split for row in used} == {None}


def test_a_split_depends_on_names_and_seed_alone(published: list[ImageFile]) -> None:
    shuffled = random.Random(1).sample(published, len(published))
    respelled = [
        ImageFile(file.path.replace("/NonCancerOral/", "/nonCancerOral/"), file.label, file.split) for file in published
    ]

    def validated(files: list[ImageFile], seed: int) -> set[tuple[str, str]]:
        splits = split(collection_of(files), 1, 5, seed)
        rows = np.concatenate([splits.homo_val, splits.hetero_val])
        return {(files[row].label, files[row].path.rpartition("/")[2]) for row in rows}

    assert validated(shuffled, seed=0) == validated(published, seed=0)
    assert validated(respelled, seed=0) == validated(published, seed=0)
    assert validated(published, seed=1) != validated(published, seed=0)


def test_fold_all_trains_on_every_homo_image_and_validates_in_sample(published: list[ImageFile]) -> None:
    splits = split(collection_of(published), "all", 5, split_seed=0)
    assert len(splits.homo_train) == 720
    assert np.array_equal(splits.homo_val, splits.homo_train)
    assert splits.in_sample
    assert len(splits.hetero_train) == 512


def test_each_mixture_is_split_for_itself(published: list[ImageFile]) -> None:
    fewer = [file for file in published if file.label != "1:3" or int(file.path.rpartition("/")[2][:-4]) < 24]
    splits = split(collection_of(fewer), 0, 5, split_seed=0)
    assert groups(fewer, splits.hetero_train) == {"1:2": 128, "2:1": 128, "1:3": 19, "3:1": 128}
    whole = split(collection_of(published), 0, 5, split_seed=0)

    def validated(files: list[ImageFile], rows: np.ndarray) -> set[str]:
        return {files[row].path for row in rows if files[row].label != "1:3"}

    assert validated(fewer, splits.hetero_val) == validated(published, whole.hetero_val)
