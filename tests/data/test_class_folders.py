"""Folders of a user's own classes, as they come: at another level, beside others, with links."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from oral_cancer.data.collection import Collection, in_words
from oral_cancer.data.folder import FolderSource
from oral_cancer.errors import UserError

Folders = Callable[..., Path]


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    """A function that puts an (empty) image into each of these folders, of which it returns the root."""

    def of(*names: str) -> Path:
        for name in names:
            (tmp_path / name).mkdir(parents=True, exist_ok=True)
            (tmp_path / name / "0.png").touch()
        return tmp_path

    return of


def collect(root: Path, **options: Any) -> Collection:
    return FolderSource(root, **options).collect()


def refused(root: Path, **options: Any) -> list[str]:
    """All that is wrong with what is collected."""
    try:
        return list(collect(root, **options).problems)
    except UserError as error:
        return list(error.lines)


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (("TRAIN", "VAL", "TEST"), {"train", "val", "test"}),
        (("training", "validation"), {"train", "val"}),
        (("training_set", "test_set"), {None, "test"}),
        (("train", "dev"), {"train", "val"}),
    ],
)
def test_splits_by_many_names(folders: Folders, names: tuple[str, ...], splits: set[str | None]) -> None:
    found = collect(folders(*(f"{split}/{label}" for split in names for label in "ab")))
    assert (found.labels.classes, found.problems) == (("a", "b"), ())
    assert {file.split for file in found.files} == splits


def test_a_folder_beside_splits_is_refused_by_name_or_left_out(folders: Folders) -> None:
    root = folders("train/a", "train/b", "val/a", "val/b", "holdout/a", "unlabelled")
    problems = refused(root)
    assert [line.partition(":")[0] for line in problems] == [str(root / "holdout"), str(root / "unlabelled")]
    assert all("whose 1 image nothing reads" in line for line in problems)
    assert refused(root, leave_out=["holdout", "unlabelled"]) == []


def test_splits_of_which_none_trains_are_refused(folders: Folders) -> None:
    (line,) = refused(folders("val/a", "val/b", "test/a", "test/b"))
    assert line.endswith("has folders test and val, and none called train: add it, or rename these")


def test_a_class_may_be_called_test(folders: Folders) -> None:
    found = collect(folders("control", "test"))
    assert (found.labels.classes, found.problems) == (("control", "test"), ())


def test_a_folder_of_folders_that_are_called_as_classes_is_no_class(folders: Folders) -> None:
    root = folders("a", "b", "test/a", "test/b")
    (line,) = refused(root)
    assert line.startswith(f"{root / 'test'}: holds folders that are called as classes beside it (a, b): put all")
    assert refused(root, leave_out="test") == []
    assert refused(folders("a/a"), leave_out="test") == []  # as archives are often unpacked


def test_the_folder_above_the_root_is_told(folders: Folders) -> None:
    root = folders("my_cells/a", "my_cells/b")
    first, _ = refused(root)
    assert first.endswith(f"if those in it are classes, give source.root={root / 'my_cells'}")


def test_images_outside_of_classes_are_named(folders: Folders) -> None:
    root = folders("a", "b")
    (root / "overview.png").touch()
    assert "1 outside of the folders of classes and mixtures (overview.png)" in in_words(collect(root).record())
    root = folders("train/a", "train/b")
    for name in "ab":
        (root / name / "0.png").unlink()
        (root / name).rmdir()
    (root / "train" / "loose.png").touch()
    assert "(overview.png, train/loose.png)" in in_words(collect(root).record())


def test_what_macos_adds_to_archives_is_hidden(folders: Folders) -> None:
    found = collect(folders("a", "b", "__MACOSX"))
    assert (found.labels.classes, found.problems) == (("a", "b"), ())


@pytest.mark.parametrize("target", [".", ".."])
def test_links_to_a_folder_that_they_lie_in_are_refused(folders: Folders, target: str) -> None:
    root = folders("a/deep", "b")
    (root / "a" / "deep" / "link").symlink_to(target)
    (line,) = refused(root)
    assert line == f"{root / 'a' / 'deep' / 'link'}: a symbolic link to a folder that it lies in itself: remove it"


def test_links_in_a_circle_lead_to_nothing(folders: Folders) -> None:
    root = folders("a", "b")
    (root / "a" / "x.png").symlink_to("y.png")
    (root / "a" / "y.png").symlink_to("x.png")
    assert [line.partition(": ")[2].partition(":")[0] for line in refused(root)] == ["a symbolic link to nothing"] * 2


@pytest.mark.parametrize(
    ("mixture", "said"),
    [
        ({"1:1": {"parts": {"a": 1, "b": 1}, "folders": ["mixx"]}}, "1:1: no folder mixx with images below"),
        ({"1:1": {"parts": {"a": 1, "b": 1}}}, "1:1: no folder 1:1 with images below"),
        ({"a": {"parts": {"b": 1, "c": 1}, "folders": ["mix"]}}, "a is a folder of a class; rename one of the two"),
    ],
)
def test_mixtures_without_a_folder_of_their_own_are_refused(
    folders: Folders, mixture: dict[str, Any], said: str
) -> None:
    first, *_ = refused(folders("a", "b", "c", "mix"), mixtures=mixture)
    assert first.startswith("source.mixtures.")
    assert said in first


def test_names_that_look_the_same_are_refused(folders: Folders) -> None:
    (line,) = refused(folders("Z\u00fcrich", "Zu\u0308rich", "b"))
    assert "are alike as file names" in line
