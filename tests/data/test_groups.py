"""What must stay together does: in folds, in the part set aside to test, and in what is refused or said."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from oral_cancer.data import division, splits
from oral_cancer.data.collection import Collection, ImageFile
from oral_cancer.data.folder import FolderSource
from oral_cancer.data.leaks import split_groups
from oral_cancer.data.splits import LEAVE_ONE_GROUP_OUT, number_of_folds, split
from oral_cancer.errors import UserError
from oral_cancer.labels import Labels

LABELS = Labels(("a", "b"), {"1:1": (0.5, 0.5)})
Make = Callable[..., Collection]


def collection(donors: int = 8, each: int = 3, test_share: float = 0.0, **changes: object) -> Collection:
    """Images of two classes and a mixture of every donor."""
    files = [
        ImageFile(f"{label}/donor{donor}_{i}.png", label, group=f"donor{donor}")
        for label in LABELS.names
        for donor in range(donors)
        for i in range(each)
    ]
    return Collection(Path("root"), tuple(replace(file, **changes) for file in files), LABELS, test_share=test_share)


def groups_of(data: Collection, rows: np.ndarray) -> set[str]:
    return {str(data.files[row].group) for row in rows}


@pytest.mark.parametrize(("folds", "number"), [(4, 4), (LEAVE_ONE_GROUP_OUT, 8)])
def test_no_group_trains_and_validates_and_each_validates_once(folds: int | str, number: int) -> None:
    data = collection()
    assert number_of_folds(data, folds) == number
    validated = []
    for fold in range(number):
        found = split(data, fold, folds, split_seed=0)
        val = groups_of(data, found.homo_val)
        assert val == groups_of(data, found.hetero_val)
        assert not val & (groups_of(data, found.homo_train) | groups_of(data, found.hetero_train))
        assert splits.lacking_in_training(data, found) == []
        validated += sorted(val)
    assert sorted(validated) == sorted({str(file.group) for file in data.files})


def test_the_part_set_aside_consists_of_whole_groups_and_depends_on_nothing_else() -> None:
    data = division.divided(collection(donors=10, test_share=0.2), 5)
    tests = {file.group for file in data.files if file.split == "test"}
    assert len(tests) == 2
    assert tests.isdisjoint({file.group for file in data.files if file.split is None})
    shuffled = replace(data, files=tuple(replace(file, split=None) for file in reversed(data.files)))
    again = division.divided(replace(shuffled, files=tuple(sorted(shuffled.files, key=lambda file: file.path))), 3)
    assert {file.group for file in again.files if file.split == "test"} == tests
    assert division.divided(shuffled, LEAVE_ONE_GROUP_OUT) is shuffled


def test_without_groups_the_part_set_aside_is_stratified() -> None:
    data = division.divided(collection(donors=10, each=2, test_share=0.2, group=None), 5)
    tests = [file.label for file in data.files if file.split == "test"]
    assert {label: tests.count(label) for label in LABELS.names} == {"a": 4, "b": 4, "1:1": 4}


def test_a_given_validation_is_the_only_fold_and_given_folds_stand() -> None:
    data = collection()
    given = replace(data, files=tuple(replace(f, split="val" if f.group == "donor3" else "train") for f in data.files))
    assert number_of_folds(given, 5) == 1
    assert groups_of(given, split(given, 0, 5, 7).homo_val) == {"donor3"}
    own = replace(data, files=tuple(replace(f, fold=int(str(f.group)[-1]) % 3) for f in data.files))
    assert number_of_folds(own, 5) == 3
    assert groups_of(own, split(own, 1, 5, 7).hetero_val) == {"donor1", "donor4", "donor7"}
    assert "folds: a single one, as the data say which images validate" in splits.remarks(given, 5, 0)
    assert "folds: 3, as the data say" in splits.remarks(own, 5, 0)
    partly = replace(own, files=(replace(own.files[0], fold=None), *own.files[1:]))
    told = "folds: 3, as the data say; 1 image without a fold, which trains in each"
    assert told in splits.remarks(partly, 5, 0)
    assert splits.remarks(own, 5, 7)[-2] == "split_seed=7: changes nothing, as the folds are given"


@pytest.mark.parametrize(
    ("data", "folds", "said"),
    [
        (collection(donors=3), 5, "root: 3 groups, fewer than 5 folds: give data.folds=3"),
        (collection(donors=1), 5, "root: 1 group cannot both train and validate: group more finely"),
        (collection(donors=1), LEAVE_ONE_GROUP_OUT, "root: 1 group cannot be left out"),
        (division.divided(collection(donors=4, test_share=0.25), 5), 5, "3 groups besides what only tests, fewer than"),
        (
            division.divided(collection(donors=5, each=1, group=None, test_share=0.2), 5),
            5,
            "4 images of a besides what only tests, fewer than 5 folds",
        ),
        (
            collection(group=None),
            LEAVE_ONE_GROUP_OUT,
            "images without a group, such as a/donor0_0.png: give",
        ),
    ],
)
def test_what_cannot_be_divided_is_refused_by_name(data: Collection, folds: int | str, said: str) -> None:
    assert said in splits.problems(data, folds)[0]


def test_folders_of_the_same_names_within_those_of_labels_are_told() -> None:
    def said(*paths: str, group: str | None = None) -> list[str]:
        files = tuple(ImageFile(path, path.split("/")[0], group=group) for path in paths)
        data = Collection(Path("root"), files, Labels(("a", "b")))
        return [line for line in splits.remarks(data, 5, 0) if "folders of the same names" in line]

    alike = [f"{label}/donor {number}/{k}.png" for label in "ab" for number in (1, 2) for k in "xy"]
    (line,) = said(*alike)
    assert line.startswith("each label has folders of the same names (donor 1, donor 2): if these are donors or")
    assert re.search(line.split("'")[1], alike[0])[1] == "donor 1"  # type: ignore[index]
    assert said(*alike, group="told") == said(*alike, "a/x.png") == said(*alike, "b/donor 3/x.png") == []
    assert said("a/x.png", "b/x.png") == []
    (deeper,) = said(*(path.replace(".png", "/tif/0.png") for path in alike))
    assert re.search(deeper.split("'")[1], "a/donor 1/x/tif/0.png")[1] == "donor 1"  # type: ignore[index]


def test_a_label_of_one_group_is_refused_and_groups_within_labels_are_told() -> None:
    data = collection()
    rare = replace(data, files=tuple(file for file in data.files if file.label != "b" or file.group == "donor1"))
    assert splits.problems(rare, 4)[0].startswith(
        "root: all images of b are in the group donor1, so that a fold trains"
    )
    nested = replace(data, files=tuple(replace(file, group=file.label + str(file.group)) for file in data.files))
    assert any("each group has images of one label only" in line for line in splits.remarks(nested, 4, 0))
    assert not any("one label only" in line for line in splits.remarks(data, 4, 0))


def test_a_group_in_two_roles_is_refused() -> None:
    data = collection(donors=2, each=1)
    roles = np.array(["train", "test"] * 3)
    assert split_groups(data, [roles]) == []
    roles[0] = "test"
    (line,) = split_groups(data, [roles])
    assert line.startswith("root: the group donor0 is for training and for test")


@pytest.mark.parametrize(
    ("group_by", "groups"),
    [(None, {None}), ("folder", {"x/deep", "y"}), (r"p(\d)_", {"1", "2"}), (r"p\d", {"p1", "p2"})],
)
def test_groups_by_the_paths(tmp_path: Path, group_by: str | None, groups: set[str | None]) -> None:
    for path in ("x/deep/p1_0.png", "x/deep/p2_0.png", "y/p1_1.png", "y/p2_1.png"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    found = FolderSource(tmp_path, group_by=group_by).collect()
    assert {file.group for file in found.files} == groups
    assert found.labels.classes == ("x", "y")


@pytest.mark.parametrize(
    ("group_by", "said"),
    [
        ("(", "is no regular expression"),
        (r"q(\d)", r"is not found in x/p1_0\.png"),
        (r"(\d*)", r"finds a text of no length in x/p1_0\.png"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused(tmp_path: Path, group_by: str, said: str) -> None:
    for path in ("x/p1_0.png", "y/p1_1.png"):
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).touch()
    with pytest.raises(UserError, match=rf"^source\.group_by=.*{said}"):
        FolderSource(tmp_path, group_by=group_by).collect()


def test_a_group_that_a_spreadsheet_would_run_is_refused() -> None:
    data = collection()
    assert division.strange_groups(data) == []
    named = replace(data, files=tuple(replace(file, group=f"={file.group}") for file in data.files))
    lines = division.strange_groups(named)
    assert len(lines) == len({file.group for file in data.files})
    assert lines[0].startswith("root: the group '=donor0': a spreadsheet would take the name")
