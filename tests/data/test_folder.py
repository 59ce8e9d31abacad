import os
from collections import Counter
from pathlib import Path

import pytest

from oral_cancer.data.collection import in_words
from oral_cancer.data.splits import problems as too_few
from oral_cancer.errors import UserError
from tests.published import GROUPS, SPLIT_FOLDERS, SPLITS, folder_source

HOMO_VAL = SPLIT_FOLDERS["homo", "val"]


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    """The published layout with two (empty) image files in every folder."""
    root = tmp_path / "images"
    for split in SPLITS:
        for group in GROUPS:
            folder = root / SPLIT_FOLDERS[group.image_set, split] / group.folders[0]
            folder.mkdir(parents=True)
            for name in ("a.tif", "b.PNG"):
                (folder / name).touch()
    return root


def test_every_file_has_its_group_and_split(layout: Path) -> None:
    collection = folder_source(layout).collect()
    assert collection.problems == ()
    assert len(collection.files) == 2 * 2 * len(GROUPS)
    by_path = {file.path: file for file in collection.files}
    assert list(by_path) == sorted(by_path)
    homo = by_path[f"{HOMO_VAL}/5nMTG/b.PNG"]
    assert (homo.label, homo.split) == ("resistant", None)
    hetero = by_path["oral cancer inter stage-all_tag300_Test/20X_TG3-WT1/a.tif"]
    assert (hetero.label, hetero.split) == ("1:3", "test")


def test_both_spellings_of_a_folder_count(layout: Path) -> None:
    before = len(folder_source(layout).collect().files)
    (layout / HOMO_VAL / "NonCancerOral").rename(layout / HOMO_VAL / "nonCancerOral")
    collection = folder_source(layout).collect()
    assert (len(collection.files), collection.problems) == (before, ())
    try:
        (layout / HOMO_VAL / "NonCancerOral").mkdir()
    except FileExistsError:
        pytest.skip("this file system ignores case, so both spellings cannot exist")
    (layout / HOMO_VAL / "NonCancerOral" / "c.tif").touch()
    both = folder_source(layout).collect()
    assert (len(both.files), both.problems) == (before + 1, ())


@pytest.mark.parametrize("name", ["x.tif", "x.TIFF", "x.Png", "x.JPG", "x.jpeg", "-x.tif", "細胞 'x'.tif"])
def test_images_are_known_by_suffix(layout: Path, name: str) -> None:
    (layout / HOMO_VAL / "control" / name).touch()
    assert f"{HOMO_VAL}/control/{name}" in {file.path for file in folder_source(layout).collect().files}


def test_hidden_files_and_non_images_are_counted_and_passed_over(layout: Path) -> None:
    before = folder_source(layout).collect()
    folder = layout / HOMO_VAL / "control"
    for name in (".DS_Store", ".hidden.tif", "Thumbs.db", "notes.txt"):
        (folder / name).touch()
    (folder / "folder.tif").mkdir()
    after = folder_source(layout).collect()
    assert after.files == before.files
    assert after.problems == ()
    assert before.left_out == ()
    assert Counter(one.why for one in after.left_out) == {"hidden": 2, "no image": 3}
    assert "left out: 2 hidden (" in in_words(after.record())


def test_a_missing_root_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere does not exist: give .*, run `oral-cancer fetch`"):
        folder_source(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is not a folder"):
        folder_source(tmp_path / "file")


def test_every_fault_of_the_layout_is_named(layout: Path) -> None:
    for file in (layout / HOMO_VAL / "control").iterdir():
        file.unlink()
    for file in (layout / HOMO_VAL / "5nMTG").iterdir():
        file.unlink()
    (layout / HOMO_VAL / "5nMTG").rmdir()
    (layout / SPLIT_FOLDERS["hetero", "test"]).rename(layout / "misspelt")
    problems = folder_source(layout).collect().problems
    assert len(problems) == 3
    empty, missing_class, missing_split = problems
    assert empty.startswith(f"{layout / HOMO_VAL / 'control'}: the folder of parental holds no image")
    assert missing_class.startswith(f"{layout / HOMO_VAL / '5nMTG'}: the folder of resistant is missing")
    assert missing_split.startswith(f"{layout / SPLIT_FOLDERS['hetero', 'test']}: this split folder is missing")


def test_links_to_other_places_serve_and_links_to_nothing_are_refused(layout: Path, tmp_path: Path) -> None:
    before = folder_source(layout).collect().files
    (tmp_path / "link").symlink_to(layout)
    image = layout / HOMO_VAL / "5nMTG" / "a.tif"
    for moved, place in (
        (image, "image"),
        (layout / HOMO_VAL / "control", "class"),
        (layout / SPLIT_FOLDERS["hetero", "val"], "split"),
    ):
        moved.rename(tmp_path / place)
        moved.symlink_to(tmp_path / place)
    collection = folder_source(tmp_path / "link").collect()
    assert collection.problems == ()
    assert collection.files == before

    (tmp_path / "image").unlink()
    (tmp_path / "split").rename(tmp_path / "elsewhere")
    gone, split = folder_source(layout).collect().problems
    assert gone.startswith(f"{image}: a symbolic link to nothing")
    assert split.startswith(f"{layout / SPLIT_FOLDERS['hetero', 'val']}: this split folder is a symbolic link to noth")


def test_a_simulated_image_makes_a_collection_simulated_wherever_it_lies(layout: Path) -> None:
    assert not folder_source(layout).collect().simulated
    folder = layout / HOMO_VAL / "control"
    (folder / "a.tif").rename(folder / "simulated_parental_000_val.tif")
    assert folder_source(layout).collect().simulated


@pytest.mark.parametrize("name", [b"new\nline.tif", b"not-utf8-\xff.tif"])
def test_names_that_no_table_can_hold_are_refused_in_one_line(layout: Path, name: bytes) -> None:
    try:
        Path(os.fsdecode(os.fsencode(layout / HOMO_VAL / "control") + b"/" + name)).touch()
    except OSError:
        pytest.skip("this file system does not take such a name")
    collection = folder_source(layout).collect()
    (problem,) = collection.problems
    assert "rename it" in problem
    assert "\n" not in problem
    assert len(collection.files) == 2 * 2 * len(GROUPS)


def test_fewer_images_than_folds_are_named(layout: Path) -> None:
    (layout / HOMO_VAL / "5nMTG" / "a.tif").unlink()
    collection = folder_source(layout).collect()
    (line,) = too_few(collection, folds=2)
    assert line.startswith(f"{layout}: 1 image of resistant, fewer than 2 folds")
    assert line.endswith("add images or lower data.folds")
    assert len(too_few(collection, folds=5)) == sum(group.image_set == "homo" for group in GROUPS)
    assert too_few(collection, folds=1) == []


def test_mixtures_are_divided_and_not_folded(layout: Path) -> None:
    mixture = layout / SPLIT_FOLDERS["hetero", "val"] / "20X_TG2-WT1"
    (mixture / "a.tif").unlink()
    (line,) = too_few(folder_source(layout).collect(), folds=2)
    assert line == f"{layout}: 1 image of 1:2 cannot both train and validate: add images"
