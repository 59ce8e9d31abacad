"""The verb `check`: what would be trained on, with nothing trained."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from oral_cancer.cli import main

SMALL = ("model.image_size=32", "model.supersampling=1")
Check = Callable[..., tuple[str, str, int]]


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Check:
    """A function that runs the verb in a folder of its own; returns what it says, its refusals and its exit code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: str) -> tuple[str, str, int]:
        code = 0
        try:
            main(["check", *SMALL, *words])
        except SystemExit as end:
            code = int(str(end.code))
        said = capsys.readouterr()
        assert not (tmp_path / "outputs" / "runs").exists()
        return said.out, said.err, code

    return run


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    """A folder of two classes, twelve images of noise each, of two sizes."""
    rng = np.random.default_rng(0)
    for name, height in (("B cell", 40), ("T cell", 60)):
        (tmp_path / "cells" / name).mkdir(parents=True)
        for number in range(12):
            image = rng.integers(0, 255, (height, 50, 3), np.uint8)
            cv2.imwrite(str(tmp_path / "cells" / name / f"{number:02d}.png"), image)
    return tmp_path / "cells"


def rows(said: str) -> dict[str, list[str]]:
    """The rows of the tables by their first cell."""
    split = [re.split(r"\s{2,}", line.strip()) for line in said.splitlines()]
    return {cells[0]: cells[1:] for cells in split if len(cells) > 1}


def test_a_folder_of_classes(check: Check, cells: Path) -> None:
    (cells / "notes.txt").touch()
    (cells / ".hidden").touch()
    said, _, code = check("source=folder", f"source.root={cells}", "data.folds=3")
    assert code == 0
    assert rows(said)["label"] == ["images", "train", "val", "test"]
    assert rows(said)["all"][0] == "24"
    assert rows(said)["all"][3] == "5"
    assert sum(map(int, rows(said)["all"][1:])) == 24
    assert rows(said)["B cell"][0] == "12"
    assert "left out: 1 hidden (.hidden), 1 no image (.txt)" in said
    assert "sizes: 12 of 50 x 40 px, 12 of 50 x 60 px" in said
    assert "24 images of uint8 pixels: 8 bits" in said
    assert "colour: 0 grey, 24 in colour" in said
    sheet = cv2.imread("outputs/check/cells.png")
    assert sheet.shape[1] > sheet.shape[0] > 300
    assert "contact sheet: outputs/check/cells.png" in said


def test_the_published_layout(check: Check, images_root: Path) -> None:
    said, err, code = check("source=folder", f"source.root={images_root}")
    assert code == 0, err
    assert rows(said)["all"] == ["168", "112", "28", "28"]
    assert rows(said)["1:3"] == ["24", "16", "4", "4"]


def test_a_table_with_groups(check: Check, cells: Path) -> None:
    files = [f"{name}/{number:02d}.png" for name in ("B cell", "T cell") for number in range(12)]
    lines = [f"{path},{path[:6]},donor {number % 4}" for number, path in enumerate(files)]
    (cells / "cells.csv").write_text("\n".join(["file,label,donor", *lines]))
    said, err, code = check("source=table", f"source.table={cells / 'cells.csv'}", "data.folds=3")
    assert code == 0, err
    assert "cells.csv: 24 rows; file, label, group 'donor'" in err
    assert rows(said)["group"] == ["B cell", "T cell"]
    assert [rows(said)[f"donor {number}"] for number in range(4)] == [["3", "3"]] * 4


def test_two_tables_by_the_options_of_one_command(check: Check, cells: Path) -> None:
    for name in ("B cell", "T cell"):
        lines = [f"{number},{number % 2 + 1}" for number in range(12)]
        (cells / f"{name}.csv").write_text("\n".join(["no;kind", *(line.replace(",", ";") for line in lines)]))
    said, err, code = check(
        "source=table",
        f"source.root={cells}",
        "source.table={lab 1: B cell.csv, lab 2: T cell.csv}",
        "source.file={lab 1: 'B cell/{:02d}.png', lab 2: 'T cell/{:02d}.png'}",
        "source.columns={file: 'no', label: kind}",
        "source.names={1: even, 2: odd}",
        "data.folds=leave_one_group_out",
    )
    assert code == 0, err
    assert (rows(said)["even"], rows(said)["all"]) == (["12", "6", "6"], ["24", "12", "12"])
    assert rows(said)["lab 1"] == ["6", "6"]


def test_a_group_in_two_roles_is_refused(check: Check, cells: Path) -> None:
    files = [f"{name}/{number:02d}.png" for name in ("B cell", "T cell") for number in range(12)]
    lines = [f"{path},{path[:6]},d{number % 4},{'val' if number % 3 else 'train'}" for number, path in enumerate(files)]
    (cells / "cells.csv").write_text("\n".join(["file,label,donor,split", *lines]))
    said, err, code = check("source=table", f"source.table={cells / 'cells.csv'}")
    assert code == 1
    assert "the group d0 is for training and for validation: move all its images to one of them" in err
    assert "contact sheet: " in said


def test_too_few_images_are_refused_after_they_are_counted(check: Check, cells: Path) -> None:
    said, err, code = check("source=folder", f"source.root={cells}", "data.folds=11", "source.test_share=0.3")
    assert code == 1
    assert rows(said)["B cell"] == ["12"]
    assert "fewer than 11 folds" in err


def test_identical_images_count_once_or_are_refused(check: Check, cells: Path) -> None:
    shutil.copy(cells / "B cell" / "00.png", cells / "B cell" / "copy.png")
    said, _, code = check("source=folder", f"source.root={cells}", "data.folds=3")
    assert code == 0
    assert "1 identical to another image (B cell/copy.png)" in said
    assert "24 images of uint8 pixels" in said
    assert "colour: 0 grey, 24 in colour" in said
    shutil.move(cells / "B cell" / "copy.png", cells / "T cell" / "copy.png")
    _, err, code = check("source=folder", f"source.root={cells}", "data.folds=3")
    assert code == 1
    assert "the same image under two labels, B cell and T cell: keep the one that is right" in err


def test_images_that_look_alike_in_two_roles_are_told_with_the_remedy(check: Check, cells: Path) -> None:
    for split in ("train", "val"):
        (cells / split).mkdir()
    for name in ("B cell", "T cell"):
        shutil.move(cells / name, cells / "train" / name)
        shutil.copytree(cells / "train" / name, cells / "val" / name)
        for path in (cells / "val" / name).iterdir():
            cv2.imwrite(str(path), np.roll(cv2.imread(str(path)) // 2 + 60, 1 + (name == "B cell"), axis=1))
    said, err, code = check("source=folder", f"source.root={cells}")
    assert code == 0, err
    assert re.search(r"\d+ pairs of images that look alike and have different roles:\n  train/", said)
    assert "source.group_by keeps such images together" in said


def write(folder: Path, images: int) -> None:
    folder.mkdir(parents=True)
    for number in range(images):
        image = np.random.default_rng([number, len(str(folder))]).integers(0, 255, (40, 40, 3), np.uint8)
        cv2.imwrite(str(folder / f"{number:02d}.png"), image)


def test_a_folder_that_no_table_can_name_is_refused_once(check: Check, cells: Path) -> None:
    for name in ("B cell", "T cell"):
        shutil.rmtree(cells / name)
    write(cells / "=1+1", 3)
    write(cells / "NK cell", 3)
    _, err, code = check("source=folder", f"source.root={cells}")
    assert code == 1
    first, second = err.splitlines()
    assert first.startswith(f"error: {cells}/=1+1: a spreadsheet would take the name")
    assert second.startswith("error: source: 1 class (NK cell); there must be 2 to 50, a folder or a label each")


def test_a_class_that_only_tests_and_an_empty_one_are_told_with_the_remedy(check: Check, cells: Path) -> None:
    for split, name in (("train", "B cell"), ("train", "T cell"), ("test", "B cell"), ("test", "NK cell")):
        write(cells / split / name, 6)
    for name in ("B cell", "T cell"):
        shutil.rmtree(cells / name)
    _, err, code = check("source=folder", f"source.root={cells}", "data.folds=3")
    assert code == 1
    assert err.splitlines()[-1] == (
        f"error: {cells}: no image of NK cell may train, as all are to validate or test: add some that may, or leave "
        "the class out"
    )
    (cells / "train" / "empty").mkdir()
    _, err, _ = check("source=folder", f"source.root={cells}", "data.folds=3")
    assert "empty: this folder of a class holds no image that is read: fill or remove it, or give source.leave_o" in err


def test_names_of_any_script_are_drawn_or_the_lack_of_a_font_is_told(check: Check, cells: Path) -> None:
    write(cells / "\U000e0fff", 12)  # of which there is no font
    said, err, code = check("source=folder", f"source.root={cells}", "data.folds=3")
    assert code == 0
    assert "the contact sheet has boxes for \U000e0fff: no font of this machine has these" in said
    assert "Glyph" not in err


def test_faults_of_options_are_refused(check: Check) -> None:
    _, err, code = check("source=table", "source.table=no.csv", "source.min_per_label=0")
    assert code == 1
    assert "source.min_per_label=0: must be a whole number of at least 1" in err


def test_a_source_of_ones_own_is_found_in_its_folder_and_wants_trust(check: Check, cells: Path, tmp_path: Path) -> None:
    (tmp_path / "my_conf" / "source").mkdir(parents=True)
    (tmp_path / "my_conf" / "source" / "mine.yaml").write_text(f"defaults: [folder]\nroot: {cells}\n")
    given = ("--config-dir", "my_conf", "source=mine", "data.folds=3")
    said, _, code = check(*given, "trust=true")
    assert code == 0
    assert rows(said)["B cell"][0] == "12"
    assert "my_conf" in check(*given)[1]
    assert "--config-dir nowhere: is no folder" in check("--config-dir", "nowhere", "trust=true")[1]


def test_white_blood_cells(check: Check, white_blood_cells: Path) -> None:
    said, err, code = check(
        "source=table",
        f"source.root={white_blood_cells}",
        "source.table={one: Class Labels of Dataset 1.csv, two: Class Labels of Dataset 2.csv}",
        "source.file={one: 'Dataset 1/{:03d}.bmp', two: 'Dataset 2/{:03d}.bmp'}",
        "source.names={1: neutrophil, 2: lymphocyte, 3: monocyte, 4: eosinophil, 5: basophil}",
        "source.min_per_label=30",
        "data.folds=leave_one_group_out",
    )
    assert code == 0, err
    assert rows(said)["all"] == ["395", "97", "298"]
    assert "395 images of uint8 pixels" in said
    assert "colour: 0 grey, 395 in colour" in said
    assert rows(said)["one"] == ["22", "52", "48", "176"]
    assert "1 identical to another image (Dataset 1/139.bmp)" in said
