"""Controls of a plate on the command line: what is taken, what is refused before any work, what results say of them."""

import re
import shutil
from collections.abc import Callable
from html import unescape
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from oral_cancer.command import settings_of
from oral_cancer.errors import UserError
from oral_cancer.evaluation.controls import FEWEST
from oral_cancer.inference.controls import find_controls
from oral_cancer.inference.populations import NewImage, find_images
from scripts.predict import main
from tests.published import CLASSES, GROUPS, SPLIT_FOLDERS

LABELS = (*CLASSES, "1:3")


@pytest.fixture
def wells(tmp_path: Path) -> Path:
    """A folder of images, which nobody opens, for each of four wells."""
    for name in ("A1", "A2", "B 1, [x]", "asked"):
        folder = tmp_path / "plate7" / name
        folder.mkdir(parents=True)
        for number in range(3):
            (folder / f"{number}.tif").touch()
    return tmp_path / "plate7"


def refused(given: dict[str, str] | str, images: list[NewImage] | None = None) -> list[str]:
    with pytest.raises(UserError) as refusal:
        find_controls(given, LABELS, images or [])
    return list(refusal.value.lines)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["controls.parental=/A1", "controls.1:3=/b=c, [1] ${x}"], {"parental": "/A1", "1:3": "/b=c, [1] ${x}"}),
        (["controls={'T=4': '/a, ${b}', B: /c}", "controls.T.c=/d"], {"T=4": "/a, ${b}", "B": "/c", "T.c": "/d"}),
        (["controls=my, [1] table.csv"], "my, [1] table.csv"),
        (["controls=null"], None),
    ],
)  # fmt: skip
def test_names_and_paths_are_taken_as_typed(words: list[str], found: object) -> None:
    controls = settings_of("predict", ["images=x", *words]).controls
    assert (dict(controls) if isinstance(found, dict) else controls) == found


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["controls.parental="], "controls.parental=: has no value"),
        (["controls={parental: 7}"], "must be null or a table, or the folder of each class or mixture"),
        (["controls=a.csv", "controls.b=c"], "controls.b=c: beside controls=a.csv; give a table, or a path for each"),
        (["contols.parental=a"], "contols.parental: is no option"),
    ],
)  # fmt: skip
def test_what_is_no_control_is_refused_in_a_line(words: list[str], line: str) -> None:
    with pytest.raises(UserError) as refusal:
        settings_of("predict", ["images=x", *words])
    (said,) = refusal.value.lines
    assert line in said


def test_folders_and_tables_name_the_same_images(wells: Path) -> None:
    found = find_controls({"parental": str(wells / "A1"), "1:3": str(wells / "B 1, [x]")}, LABELS, [])
    assert [image.population for image in found] == ["parental"] * 3 + ["1:3"] * 3
    assert found[0].file == str(wells / "A1" / "0.tif")
    table = wells / "controls.csv"
    table.write_text('Path;Cell type\nA1;parental\n"B 1, [x]/0.tif";1:3\nB 1, [x]/1.tif;1:3\nB 1, [x]/2.tif;1:3\n')
    assert find_controls(str(table), LABELS, []) == found
    table.write_text("file,label\nA1,parental\nA1/0.tif,parental\n")
    assert len(find_controls(str(table), LABELS, [])) == 3


def test_all_that_is_wrong_is_told_before_any_work(wells: Path) -> None:
    (wells / "empty").mkdir()
    assert refused({"naïve": str(wells / "A1"), "parental": str(wells / "no"), "1:3": str(wells / "empty")}) == [
        f"controls.naïve: 'naïve' is no class or mixture of the study; there are {', '.join(LABELS)}",
        f"controls.parental={wells / 'no'} does not exist; give the folder that holds the images",
        *refused({"1:3": str(wells / "empty")}),
    ]
    table = wells / "controls.csv"
    table.write_text("file,label\nA1,parental\nA2,resistent\nno.tif,resistant\n")
    lines = refused(str(table))
    assert lines[0].startswith(f"{table}, line 3: 'resistent' is no class or mixture of the study")
    assert lines[1] == f"{table}, line 4: {wells / 'no.tif'} does not exist; give an image, or a folder of images"
    table.write_text("file,label\n,parental\nA2,\n")
    assert refused(str(table)) == [
        f"{table}, line 2: no file; give an image or a folder, or take the row out",
        f"{table}, line 3: no label; give its class or mixture, or take the row out",
    ]
    table.write_text("file,content\nA1,parental\n")
    assert refused(str(table)) == [f"{table}: no column label (or class, class_label, cell_type)"]
    table.write_text("file,label\n")
    assert refused(str(table)) == [f"{table}: has no row below its first line; give a table with a row for each image"]
    assert refused(str(wells / "no.csv"))[0].startswith(f"controls={wells / 'no.csv'} does not exist; give a table")


def test_an_image_is_a_control_of_one_label_or_is_asked_for(wells: Path) -> None:
    (line,) = refused({"parental": str(wells / "A1")}, find_images(wells).images)
    said = f"controls.parental: 3 images, such as {wells / 'A1' / '0.tif'}, are the population A1's too"
    assert line.startswith(said)
    (wells / "linked").symlink_to(wells / "A1")
    assert refused({"parental": str(wells / "linked")}, find_images(wells / "A1").images)
    (line,) = refused({"parental": str(wells / "A1"), "resistant": str(wells / "A1")})
    assert "are controls.parental's too: take them out of one of them" in line


def plate_of(images_root: Path, folder: Path) -> dict[str, Path]:
    """Validation images of each class, as a plate could have them, and test images of the mixtures beside them."""
    for group in GROUPS:
        mixed = group.image_set == "hetero"
        of_group = images_root / SPLIT_FOLDERS[group.image_set, "test" if mixed else "val"] / group.folders[0]
        shutil.copytree(of_group, folder / ("asked" if mixed else "controls") / group.name.replace(":", "to"))
    return {name: folder / "controls" / name for name in CLASSES}


def test_results_have_the_estimate_with_controls_and_without(
    train: Callable[..., Path], images_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = train("trainer.max_epochs=8", "model.scheduler.factor=100", folder="study/m2/fold=0").parents[1]
    plate = plate_of(images_root, tmp_path / "plate")
    for extra in sorted(plate["control"].iterdir())[FEWEST - 1 :]:
        extra.unlink()
    (plate["parental"] / "again.png").write_bytes(sorted(plate["parental"].iterdir())[0].read_bytes())
    given = [f"controls.{name}={path}" for name, path in plate.items()]
    out = tmp_path / "out"
    main([str(study), f"images={tmp_path / 'plate' / 'asked'}", "workers=1", f"out={out}", *given])
    said = capsys.readouterr().out
    assert f"controls.control: {FEWEST - 1} images, of at least {FEWEST} that are needed: not used" in said
    judged = r"20 images of parental, .*proportion 0\.\d{3} with those of the other half, 0\.\d{3} without any"
    assert re.search(judged, said)
    assert f"written: {out / 'controls.csv'}" in said.replace("\n", "")
    table = pd.read_csv(out / "composition.csv")
    for kind in ("", "_calibrated", "_controls"):
        assert table[[f"{name}{kind}" for name in CLASSES]].sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-6)
        assert (table[f"parental{kind}_low"] <= table[f"parental{kind}_high"]).all()
    assert not (table["parental_controls"] == table["parental_calibrated"]).all()
    controls = pd.read_csv(out / "controls.csv")
    assert controls.groupby("label")["file"].count().to_dict() == {"control": 5, "parental": 21, "resistant": 20}
    assert controls.groupby("label")["used"].max().to_dict() == {"control": False, "parental": True, "resistant": True}
    assert controls["left_out"].dropna().str.startswith("identical to ").tolist() == [True]
    page = unescape((out / "predictions.html").read_text())
    assert "Controls of the plate" in page
    assert "20 images of parental, 20 images of resistant (controls.csv)" in page
    assert page.count("with controls</span>") == len(table)
    assert "not used." in page

    for number, path in enumerate(sorted(plate["resistant"].iterdir())):
        grey = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2GRAY)
        cv2.imwrite(str(path), cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR))
        cv2.imwrite(str(plate["control"] / f"black{number}.png"), np.full((64, 64, 3), number, np.uint8))
    main([str(study), f"images={tmp_path / 'plate' / 'asked'}", "workers=1", f"out={out}", *given])
    said = capsys.readouterr().out
    assert "controls.parental: 1 of 21 images is identical to another and does not count" in said
    assert "controls.control: its images show next to nothing: not used; give a well with cells" in said
    assert (
        "controls.resistant: 20 of 20 images are unlike those of the training, of the 16 asked for 0: not used" in said
    )
    assert "No control is used" not in (out / "predictions.html").read_text()
    main([str(study), f"images={tmp_path / 'plate' / 'asked'}", "workers=1", f"out={tmp_path / 'none'}", given[-1]])
    assert "No control is used" in (tmp_path / "none" / "predictions.html").read_text()
    controls = pd.read_csv(out / "controls.csv")
    assert controls.loc[controls["used"], "label"].unique().tolist() == ["parental"]
    assert controls.loc[controls["label"] == "resistant", "unlike_training"].str.startswith("grey").all()

    shutil.copy(sorted(plate["parental"].iterdir())[0], tmp_path / "plate" / "asked" / "1to3" / "same.png")
    with pytest.raises(SystemExit):
        main([str(study), f"images={tmp_path / 'plate' / 'asked'}", "workers=1", f"out={tmp_path / 'no'}", *given])
    assert "are the population 1to3's too" in capsys.readouterr().err  # with its copy
    assert not (tmp_path / "no").exists()
