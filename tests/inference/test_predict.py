import os
import pickle
import shutil
from html import unescape
from itertools import takewhile
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from rich.console import Console

from oral_cancer.pages.compositions import ESTIMATOR_NAMES, OF_FIELDS
from oral_cancer.training.manifest import CHECKPOINT, file_hashes, read_manifest, write_manifest
from scripts.predict import main
from tests.published import CLASSES, GROUPS, SPLIT_FOLDERS
from tests.study.made_up import written_before

HETERO_TEST = SPLIT_FOLDERS["hetero", "test"]


def predicted(study: Path, images: Path, *settings: str) -> pd.DataFrame:
    main([str(study), f"images={images}", "workers=1", f"out={study.parent / 'out'}", *settings])
    return pd.read_csv(study.parent / "out" / "predictions.csv")


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    assert stop.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_the_studys_own_test_images_get_its_own_predictions(study: Path, images_root: Path) -> None:
    found = predicted(study, images_root / HETERO_TEST).set_index("file")
    members = [pd.read_csv(study / "m2" / f"fold={fold}" / "predictions.csv") for fold in (0, 1)]
    members = [member[(member.split == "test") & (member.set == "hetero")] for member in members]
    files = [file.partition("/")[2] for file in members[0].file]
    values = np.stack([member[list(CLASSES)].to_numpy() for member in members])
    np.testing.assert_allclose(found.loc[files, list(CLASSES)], values.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(found.loc[files, "parental_sd"], values.std(axis=0, ddof=1)[:, 0], atol=1e-5)
    assert found.unlike_training.isna().all()
    assert (found["predicted"] == found[list(CLASSES)].idxmax(axis=1)).all()
    assert set(found["experiment"]) == {"m2"}


def test_a_study_that_was_written_before_predicts_the_same(study: Path, images_root: Path, tmp_path: Path) -> None:
    images = images_root / HETERO_TEST
    now, composition = predicted(study, images), (tmp_path / "out" / "composition.csv").read_bytes()
    pd.testing.assert_frame_equal(predicted(written_before(study), images), now)
    assert (tmp_path / "out" / "composition.csv").read_bytes() == composition


def test_each_folder_with_images_is_a_population(study: Path, images_root: Path, tmp_path: Path) -> None:
    found = predicted(study, images_root / HETERO_TEST)
    table = pd.read_csv(tmp_path / "out" / "composition.csv")
    assert table.population.tolist() == sorted(group.folders[0] for group in GROUPS if group.image_set == "hetero")
    assert table.images.tolist() == [4] * 4
    assert (tmp_path / "out" / "predictions.html").read_text().count("data:image/jpeg;base64,") == 12
    for row in table.itertuples():
        members = found[found.population == row.population]
        assert row.parental == pytest.approx(members.parental.mean())
        assert row.parental_low <= row.parental <= row.parental_high
        estimated = row.parental_calibrated + row.resistant_calibrated + row.control_calibrated
        assert estimated == pytest.approx(1, abs=1e-6)
        assert row.parental_calibrated_low <= row.parental_calibrated <= row.parental_calibrated_high
        assert row.estimator in ESTIMATOR_NAMES
    page = (tmp_path / "out" / "predictions.html").read_text()
    assert all(name in page for name in table.population)
    assert OF_FIELDS in page
    assert "by cross-validation on validation images" in page
    assert "the paper's raw mean" in unescape(page)
    assert "http" not in page


def test_what_cannot_be_read_is_named_and_the_rest_is_there(
    study: Path, images_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = tmp_path / "new" / "culture 1"
    shutil.copytree(images_root / HETERO_TEST / "20X_TG2-WT1", images)
    (images / "broken.tif").write_bytes(b"II*\0 and no more")
    with pytest.raises(SystemExit) as stop:
        predicted(study, tmp_path / "new")
    assert stop.value.code == 1
    assert f"{images / 'broken.tif'}: " in capsys.readouterr().out.replace("\n", "")
    table = pd.read_csv(tmp_path / "out" / "predictions.csv").set_index("file")
    assert len(table) == 5
    broken = table.loc["culture 1/broken.tif"]
    assert broken.left_out.startswith("the file is ")
    assert broken[list(CLASSES)].isna().all()
    assert table.drop("culture 1/broken.tif").left_out.isna().all()
    assert "1 image could not be read" in (tmp_path / "out" / "predictions.html").read_text()


def test_images_unlike_those_of_the_training_are_predicted_and_flagged(study: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    like = (60 + 120 * np.array([0.5, 0.5, 0.0]) + rng.normal(0, 25, (40, 48, 3))).clip(0, 255).astype(np.uint8)
    shown = {
        "like": like,
        "grey": cv2.cvtColor(like, cv2.COLOR_BGR2GRAY),
        "small": like[:20, :20],
        "bright": np.full_like(like, (250, 250, 245)),
        "dark": like // 8,
    }
    (tmp_path / "new").mkdir()
    for name, image in shown.items():
        cv2.imwrite(str(tmp_path / "new" / f"{name}.png"), image)
    found = predicted(study, tmp_path / "new").set_index("file").unlike_training.fillna("")
    assert found["like.png"] == ""
    assert found["grey.png"].startswith("grey")
    assert "size 20 x 20" in found["small.png"]
    assert "bright" in found["bright.png"]
    assert "dark" in found["dark.png"]


def test_the_table_fits_a_terminal_of_80_columns_with_no_interval_broken(
    study: Path, images_root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    console = Console(width=80, force_terminal=True, no_color=True)
    monkeypatch.setattr("oral_cancer.inference.command.get_console", lambda: console)
    predicted(study, images_root / HETERO_TEST)
    below_heads = capsys.readouterr().out.partition("───")[2].splitlines()
    rows = list(takewhile(str.strip, below_heads))
    assert max(map(len, rows)) <= 80
    assert sum(row.count("[") for row in rows) == 4 * 2 * 3  # mixtures, estimate and raw, classes
    assert all(row.count("[") == row.count("]") for row in rows)


def test_results_go_beside_a_csv_file_that_is_named(study: Path, images_root: Path, tmp_path: Path) -> None:
    predicted_file = tmp_path / "plate.csv"
    main([str(study), f"images={images_root / HETERO_TEST}", "experiment=m2", "workers=1", f"out={predicted_file}"])
    assert len(pd.read_csv(predicted_file)) == 16
    assert (tmp_path / "plate-composition.csv").exists()
    assert (tmp_path / "plate.html").exists()


def test_what_is_no_study_is_refused(study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "begun" / "m1" / "fold=0").mkdir(parents=True)
    images = f"images={tmp_path / 'empty'}"
    assert "there is no such folder" in refused(capsys, str(tmp_path / "nowhere"), images)
    assert "holds no run" in refused(capsys, str(tmp_path / "empty"), images)
    assert "none of 1 run is finished" in refused(capsys, str(tmp_path / "begun"), images)
    assert "experiment=m7" in refused(capsys, str(study), images, "experiment=m7")
    assert "holds no image" in refused(capsys, str(study), images)
    assert "image: is no option; did you mean images?" in refused(capsys, str(study), images, "image=x")
    of_run = "is no option; it belongs to the training, and the runs keep theirs"
    assert f"model.views: {of_run}" in refused(capsys, str(study), images, "model.views=1")


class Code:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("run",)


def test_a_checkpoint_that_would_run_code_is_refused(
    study: Path, images_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = study / "m2" / "fold=1"
    path = run / CHECKPOINT
    images = f"images={images_root / HETERO_TEST}"
    torch.save({"state_dict": Code()}, path, pickle_module=pickle)
    assert "last.ckpt is damaged" in refused(capsys, str(study), images)
    write_manifest(run, (read_manifest(run) or {}) | {"files": file_hashes(run)})
    assert "holds more than tensors" in refused(capsys, str(study), images)
    path.write_bytes(b"no checkpoint")
    assert f"{path}" in refused(capsys, str(study), images)
    path.unlink()
    assert "is missing" in refused(capsys, str(study), images)


def test_names_are_taken_as_they_are(study: Path, images_root: Path, tmp_path: Path) -> None:
    source = sorted((images_root / HETERO_TEST / "20X_TG2-WT1").iterdir())[0]
    new = tmp_path / "plate #3 ${x}: [a]"
    for name in (b"with space.png", b"line\nbreak.png", b"[red]x.png", b"\xff.png", "\u00e4.png".encode()):
        path = os.path.join(os.fsencode(new), b"in", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        shutil.copy(source, path)
    (new / "linked").symlink_to(source.parent)
    (new / "loop").symlink_to(new)
    found = predicted(study, new)
    assert set(found.file[found.population == "in"]) == {
        "in/with space.png",
        "in/line\nbreak.png",
        "in/[red]x.png",
        "in/\\xff.png",
        "in/\u00e4.png",
    }
    assert (found.population == "linked").sum() == 4
    assert set(found.population) == {"in", "linked"}


def test_a_single_image_has_no_interval(study: Path, images_root: Path, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    shutil.copy(sorted((images_root / HETERO_TEST / "20X_TG2-WT1").iterdir())[0], tmp_path / "one")
    predicted(study, tmp_path / "one")
    (row,) = pd.read_csv(tmp_path / "out" / "composition.csv").itertuples()
    assert row.images == 1
    assert row.parental > 0
    assert np.isnan(row.parental_low)
    assert np.isnan(row.parental_high)


@pytest.mark.parametrize("setting", ["batch_size=true", "batch_size=x", "workers=0", "engine=tensorflow", "images="])
def test_wrong_settings_are_refused(study: Path, capsys: pytest.CaptureFixture[str], setting: str) -> None:
    line = refused(capsys, str(study), f"images={study}", setting)
    assert line.lower().startswith(f"error: {setting}")
