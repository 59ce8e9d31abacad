"""New images as microscopes write them: the same answer however they are saved, and a word for what is not read."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
import tifffile
from numpy.typing import NDArray

from scripts.explain import main as explain
from scripts.export import main as export
from scripts.predict import main
from tests.conftest import REPOSITORY
from tests.published import CLASSES, SPLIT_FOLDERS

Pixels = NDArray[Any]


@pytest.fixture
def fields(images_root: Path) -> list[Pixels]:
    """The test images of a mixture, uint8 RGB."""
    folder = images_root / SPLIT_FOLDERS["hetero", "test"] / "20X_TG2-WT1"
    return [cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB) for path in sorted(folder.iterdir())]


def save(folder: Path, fields: list[Pixels], suffix: str = ".tif", **options: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, field in enumerate(fields):
        if suffix == ".tif":
            tifffile.imwrite(folder / f"{number}.tif", field, **({"photometric": "rgb"} | options))
        else:
            cv2.imwrite(str(folder / f"{number}{suffix}"), field[..., ::-1])


def run(study: Path, images: Path, *settings: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """predictions.csv by file, and composition.csv by population; the command may end with exit code 1."""
    out = study.parent / "out"
    with suppress(SystemExit):
        main([str(study), f"images={images}", "workers=1", f"out={out}", *settings])
    predictions, compositions = (pd.read_csv(out / name) for name in ("predictions.csv", "composition.csv"))
    for frame, column in ((predictions, "unlike_training"), (predictions, "left_out"), (compositions, "remark")):
        frame[column] = frame[column].fillna("").astype(str)
    return predictions.set_index("file"), compositions.set_index("population")


def refused(capsys: pytest.CaptureFixture[str], study: Path, images: Path, *settings: str) -> list[str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        main([str(study), f"images={images}", "workers=1", f"out={study.parent / 'refused'}", *settings])
    assert stop.value.code == 1
    assert not (study.parent / "refused").exists()
    return capsys.readouterr().err.splitlines()


def test_the_same_fields_saved_in_several_ways_have_one_composition(
    study: Path, fields: list[Pixels], tmp_path: Path
) -> None:
    new = tmp_path / "new"
    deep = [np.rint(field / 255 * 4095).astype(np.uint16) for field in fields]
    save(new / "8 bits", fields)
    save(new / "12 in 16", deep)
    save(new / "declared", deep, extratags=[(281, 3, 3, (4095,) * 3, True)])
    save(new / "14 declared", [field.astype(np.uint16) * 64 for field in fields], metadata={}, ome=False,
         extratags=[(281, 3, 3, (16383,) * 3, True)])  # fmt: skip
    save(new / "planes", [np.moveaxis(field, -1, 0) for field in fields], planarconfig="separate")
    save(new / "turned", [np.rot90(field) for field in fields], tile=(16, 16), metadata=None,
         extratags=[(274, 3, 1, 6, True)])  # fmt: skip
    for suffix in (".png", ".bmp"):
        save(new / suffix[1:], fields, suffix)
    for compression in ("lzw", "zlib", "zstd", "lzma", "packbits"):
        save(new / compression, fields, compression=compression, predictor=compression not in ("lzma", "packbits"))
    _, table = run(study, new)
    assert len(table) == 13
    assert (table["images"] == 4).all()
    figures = table[list(CLASSES)].to_numpy()
    assert np.ptp(figures, axis=0).max() < 5e-3
    assert np.ptp(figures[table.index != "14 declared"], axis=0).max() < 1e-6


def test_undeclared_images_take_the_least_depth_that_holds_the_call_and_it_is_said(
    study: Path, fields: list[Pixels], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = tmp_path / "new"
    dim = [(field // 8).astype(np.uint16) * 16 for field in fields]
    save(new / "bright", [np.rint(field / 255 * 4095).astype(np.uint16) for field in fields])
    save(new / "dim", dim)
    predictions, _ = run(study, new)
    assert "8 images of uint16 pixels: 12 bits, the least that hold all images" in capsys.readouterr().out
    bright, dark = (predictions[predictions.population == name].brightness.mean() for name in ("bright", "dim"))
    assert dark == pytest.approx(bright / 8, rel=0.1)
    assert "12 bits, the least" in (study.parent / "out" / "predictions.html").read_text()


@pytest.fixture
def deep_study(train: Callable[..., Path], images_root: Path, tmp_path: Path) -> Path:
    """A study of 12-bit images whose files do not say so, of which each is a stack of two planes and two channels."""
    root = tmp_path / "deep"
    for path in images_root.rglob("*.png"):
        grey = np.rint(cv2.imread(str(path))[..., 0] / 255 * 4095).astype(np.uint16)
        stack = np.stack([np.stack([grey // 9, grey // 7]), np.stack([grey // 5, grey])])
        target = (root / path.relative_to(images_root)).with_suffix(".tif")
        target.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(target, stack, imagej=True, metadata={"axes": "ZCYX"}, resolution=(2, 2), resolutionunit=1)
    options = ("source.plane=1", "source.channels=1", "trainer.max_epochs=1")
    train(f"source.root={root}", *options, folder="study/m2/fold=0")
    return tmp_path / "study"


def grey_stacks(fields: list[Pixels], factor: float = 1) -> list[Pixels]:
    grey = [np.rint(field[..., 2] / 255 * 4095 * factor).astype(np.uint16) for field in fields]
    return [np.stack([np.stack([one // 9, one // 7]), np.stack([one // 5, one])]) for one in grey]


def test_a_studys_choice_and_depth_are_those_of_its_new_images(
    deep_study: Path, fields: list[Pixels], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stacks = grey_stacks(fields)
    new = tmp_path / "new"
    save(new / "stacks", stacks, photometric="minisblack", imagej=True, metadata={"axes": "ZCYX"})
    (row,) = run(deep_study, new)[1].itertuples()
    said = capsys.readouterr().out
    assert "4 images of uint16 pixels: 12 bits, as in the study: 0 is black and 4095 white" in said
    assert "of each file: plane 1, channels 1" in said
    single = tmp_path / "single"
    save(single / "planes", [stack[1, 1] for stack in stacks], photometric="minisblack")
    run(deep_study, single)
    said = capsys.readouterr().out
    assert "4 images, such as planes/0.tif, planes/1.tif, planes/2.tif: has no channel 1; channels can be 0" in said
    assert "no image could be predicted, and nothing is written" in said
    (again,) = run(deep_study, single, "plane=0", "channels=0")[1].itertuples()
    assert [again.parental, again.resistant] == pytest.approx([row.parental, row.resistant], abs=1e-9)
    manifest = json.loads((deep_study / "m2" / "fold=0" / "manifest.json").read_text())
    (level,) = manifest["reading"].pop("levels")
    assert manifest["reading"] == {"channels": [1], "plane": 1, "range": None}
    assert level | {"used": 0} == {
        "pixels": "uint16",
        "black": 0,
        "white": 4095,
        "by": "least",
        "images": 168,
        "used": 0,
    }


def test_values_beyond_a_studys_depth_are_flagged_and_many_of_them_refused(
    deep_study: Path, fields: list[Pixels], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stacks = grey_stacks(fields, 0.5)
    stacks[0][1, 1, 0, :2] = 5000
    options: dict[str, Any] = {"photometric": "minisblack", "imagej": True, "metadata": {"axes": "ZCYX"}}
    save(tmp_path / "few" / "A1", stacks, **options)
    predictions, _ = run(deep_study, tmp_path / "few")
    assert "clipped (0.10 % of its values)" in predictions.unlike_training["A1/0.tif"].replace("0.10%", "0.10 %")
    assert not predictions.unlike_training.iloc[1:].str.contains("clipped").any()
    save(tmp_path / "many" / "A1", grey_stacks(fields, 0.5), **options)
    save(tmp_path / "many" / "B2", grey_stacks(fields, 4), **options)
    (line,) = refused(capsys, deep_study, tmp_path / "many")
    assert "of the values of population B2 lie beyond 0 to 4095" in line
    assert "range=[low, high]" in line


def test_files_need_a_choice_where_the_study_made_none(
    study: Path, fields: list[Pixels], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = tmp_path / "new"
    save(new / "stack", [np.stack([field // 6, field]) for field in fields], metadata={"axes": "ZYXS"})
    save(new / "plain", fields)
    predictions, table = run(study, new)
    assert predictions.left_out.str.contains("has 2 planes .*: choose with plane=0 to 1").sum() == 4
    assert table.images.to_dict() == {"plain": 4, "stack": 0}
    assert table.left_out.to_dict() == {"plain": 0, "stack": 4}
    (new / "plain").rename(tmp_path / "plain")
    _, chosen = run(study, new, "plane=1")
    _, plain = run(study, tmp_path / "plain")
    assert chosen.parental["stack"] == pytest.approx(plain.parental["."], abs=1e-9)
    assert "of each file: plane 1" in capsys.readouterr().out
    explain([str(study), f"images={new}", "plane=1", "wandb=false", f"out={tmp_path / 'why'}"])
    assert len(list((tmp_path / "why").rglob("*sheet*.png"))) == 4


def test_other_pixel_types_get_one_line_and_a_range_that_shows_all_of_them(
    study: Path, fields: list[Pixels], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = tmp_path / "new"
    save(new / "float", [(field / 255).astype(np.float32) for field in fields])
    save(new / "plain", fields)
    _, table = run(study, new)
    said = capsys.readouterr().out
    assert table.images.to_dict() == {"float": 0, "plain": 4}
    assert said.count("float32 pixels: range=[low, high] must say") == 1
    assert "4 images of float32 pixels use " in said
    (new / "plain").rename(tmp_path / "plain")
    _, chosen = run(study, new, "range=[0,1]")
    _, plain = run(study, tmp_path / "plain")
    assert chosen.parental["float"] == pytest.approx(plain.parental["."], abs=1e-6)


def test_a_pipe_is_no_image(study: Path, fields: list[Pixels], tmp_path: Path) -> None:
    save(tmp_path / "new", fields)
    os.mkfifo(tmp_path / "new" / "pipe.png")
    predictions, _ = run(study, tmp_path / "new")
    assert predictions.left_out["pipe.png"] == "is no file: a pipe, a socket or a device"


def test_what_is_passed_over_is_named_and_the_exit_code_says_so(
    study: Path, fields: list[Pixels], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = tmp_path / "new"
    save(new, fields[:1], ".png")
    for name in ("x.gif", "y.lif", "broken.czi", "notes.txt", ".DS_Store"):
        (new / name).write_bytes(b"something else")
    predictions, table = run(study, new)
    said = capsys.readouterr().out
    assert "2 images (1 .czi, 1 .png)" in said.replace("1 .png, 1 .czi", "1 .czi, 1 .png")
    assert "2 of a kind that is not read (x.gif, y.lif)" in said
    assert "1 hidden (.DS_Store)" in said
    assert predictions.left_out[["x.gif", "y.lif"]].str.contains("not read; export it as TIFF").all()
    assert "notes.txt" not in predictions.index
    assert table.loc["."][["images", "left_out"]].tolist() == [1, 3]
    page = (study.parent / "out" / "predictions.html").read_text().replace("<wbr>", "")
    assert "3 images could not be read" in page
    assert "y.lif" in page


@pytest.mark.slow
def test_output_in_a_pipe_does_not_wrap(study: Path, fields: list[Pixels], tmp_path: Path) -> None:
    new = tmp_path / ("a long name " * 8).strip()
    save(new / "culture", fields)
    (new / "culture" / "broken.tif").write_bytes(b"II*\0 and no more")
    script = REPOSITORY / "scripts" / "predict.py"
    done = subprocess.run(
        [sys.executable, str(script), str(study), f"images={new}", f"out={tmp_path / 'out'}"],
        capture_output=True,
        text=True,
        env=os.environ | {"COLUMNS": "40"},
        check=False,
    )
    assert done.returncode == 1
    assert f"skipped {new / 'culture' / 'broken.tif'}: the file is truncated" in done.stdout
    (row,) = [line for line in done.stdout.splitlines() if line.strip().startswith("culture ")]
    assert len([part for part in row.split("[") if "]" in part]) == len(CLASSES)


def test_identical_images_of_a_population_count_once(
    study: Path, fields: list[Pixels], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path / "new" / "A", fields)
    save(tmp_path / "new" / "A", [fields[1]], ".png")
    save(tmp_path / "new" / "B", fields)
    predictions, table = run(study, tmp_path / "new", "batch_size=16")  # all at once, for equal rounding
    assert table.images.tolist() == [4, 4]
    (name,) = predictions.index[predictions.left_out != ""]
    assert "identical to A/" in predictions.left_out[name]
    assert predictions[list(CLASSES)].loc[name].isna().all()
    assert table.parental["A"] == pytest.approx(table.parental["B"], abs=1e-9)
    said = " ".join(capsys.readouterr().out.split())
    assert "left out" in said
    assert "A and B: 4 images in common, such as A/" in said
    page = (study.parent / "out" / "predictions.html").read_text().replace("<wbr>", "")
    assert "A and B: 4 images in common, such as A/" in page


def test_figures_come_with_and_without_images_unlike_the_training(
    study: Path, fields: list[Pixels], tmp_path: Path
) -> None:
    save(tmp_path / "new" / "A", [*fields, fields[0] // 8])
    save(tmp_path / "new" / "B", fields)
    _, table = run(study, tmp_path / "new")
    assert table.unlike_training.tolist() == [1, 0]
    assert table.parental["A"] != table.parental["B"]
    for end in ("", "_low", "_high"):
        assert float(table[f"parental_without_unlike{end}"]["A"]) == pytest.approx(float(table[f"parental{end}"]["B"]))
    page = (study.parent / "out" / "predictions.html").read_text().replace("<wbr>", "")
    assert page.count("estimate, without unlike") == page.count("raw (the paper&#39;s), without unlike") == 1


@pytest.mark.parametrize("what", ["black", "flat"])
def test_a_population_that_shows_nothing_gets_no_interval(
    study: Path, fields: list[Pixels], tmp_path: Path, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = [field // 250 if what == "black" else field // 250 + 100 + n for n, field in enumerate(fields)]
    save(tmp_path / "new" / "A1", [one.astype(np.uint8) for one in shown])
    predictions, table = run(study, tmp_path / "new")
    assert table.remark["A1"] == "nearly constant: no interval"
    assert table[["parental_low", "parental_high"]].isna().all(axis=None)
    assert table.parental["A1"] > 0
    counted = predictions[predictions.left_out == ""]  # black ones are all the same
    assert counted.unlike_training.str.contains("flat").all()
    assert "A1: nearly constant: no interval" in capsys.readouterr().out


def test_pixels_of_another_size_are_flagged(
    train: Callable[..., Path], images_root: Path, fields: list[Pixels], tmp_path: Path
) -> None:
    root = tmp_path / "calibrated"
    centimetre: dict[str, Any] = {"resolutionunit": "CENTIMETER", "metadata": None}
    for path in images_root.rglob("*.png"):
        save((root / path.relative_to(images_root)).with_suffix(""), [cv2.imread(str(path))[..., ::-1]],
             resolution=(20_000, 20_000), **centimetre)  # fmt: skip
        made = (root / path.relative_to(images_root)).with_suffix("")
        (made / "0.tif").rename(made.with_suffix(".tif"))
        made.rmdir()
    train(f"source.root={root}", "trainer.max_epochs=1", folder="study/m2/fold=0")
    for name, per_centimetre in (("same", 20_000), ("nearly", 19_000), ("half", 10_000)):
        save(tmp_path / "new" / name, fields, resolution=(per_centimetre, per_centimetre), **centimetre)
    save(tmp_path / "new" / "unknown", fields)
    predictions, table = run(tmp_path / "study", tmp_path / "new")
    assert table.unlike_training.to_dict() == {"half": 4, "nearly": 0, "same": 0, "unknown": 0}
    assert predictions.unlike_training["half/0.tif"] == "scale 1 µm a pixel for 0.5"
    assert float(predictions.micrometres["same/0.tif"]) == pytest.approx(0.5)


@pytest.mark.slow
def test_a_model_that_is_handed_on_says_how_its_images_were_read(deep_study: Path) -> None:
    import onnxruntime

    export([str(deep_study)])
    folder = deep_study / "exports" / "m2"
    session = onnxruntime.InferenceSession(folder / "ensemble.onnx")
    reading = json.loads(session.get_modelmeta().custom_metadata_map["reading"])
    assert (reading["plane"], reading["channels"], reading["levels"][0]["white"]) == (1, [1], 4095)
    card = (folder / "MODEL_CARD.md").read_text()
    assert "168 images of uint16 pixels: 12 bits, the least that hold all images: 0 is black and 4095 white" in card
    assert "plane 1, channels 1" in card


@pytest.mark.parametrize("setting", ["plane=last", "channels=[0,1]", "range=[3,1]", "range=x"])
def test_wrong_options_are_refused(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], setting: str
) -> None:
    (line,) = refused(capsys, study, tmp_path, setting)
    assert line.startswith(f"error: {setting.partition('=')[0]}=")
    assert ": must be " in line
