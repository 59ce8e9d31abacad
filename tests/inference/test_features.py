"""Images unlike those of the training by what the network sees."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from oral_cancer.evaluation.feature_space import LIMIT
from oral_cancer.evaluation.run_features import FILE
from oral_cancer.inference.results import FAR
from oral_cancer.study.runs import read_study
from oral_cancer.training.manifest import file_hashes, read_manifest, write_manifest
from scripts.predict import main
from tests.published import SPLIT_FOLDERS

OWN = SPLIT_FOLDERS["hetero", "test"]
FOLDER = "20X_TG2-WT1"


def run(study: Path, images: Path) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """predictions.csv by file, composition.csv by population, and the page."""
    out = study.parent / "out"
    with suppress(SystemExit):
        main([str(study), f"images={images}", "workers=1", f"out={out}"])
    predictions = pd.read_csv(out / "predictions.csv", keep_default_na=False, na_values={"feature_distance": [""]})
    compositions = pd.read_csv(out / "composition.csv", keep_default_na=False)
    page = (out / "predictions.html").read_text()
    return predictions.set_index("file"), compositions.set_index("population"), page


@pytest.fixture
def plates(images_root: Path, tmp_path: Path) -> Path:
    """Test images of a mixture, as they are and out of focus, which changes neither brightness nor size."""
    for path in sorted((images_root / OWN / FOLDER).iterdir()):
        image = cv2.imread(str(path))
        for plate, shown in (("own", image), ("defocused", cv2.GaussianBlur(image, (0, 0), 2))):
            (tmp_path / "new" / plate).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(tmp_path / "new" / plate / path.name), shown)
    return tmp_path / "new"


def test_a_defocused_plate_is_flagged_with_the_nearest_training_images_beside_it(
    study: Path, plates: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    predictions, populations, page = run(study, plates)
    flagged = predictions["unlike_training"].str.contains("features (", regex=False)
    by_plate = flagged.groupby(predictions["population"]).mean()
    assert by_plate["own"] == 0
    assert by_plate["defocused"] == 1
    assert (flagged == (predictions["feature_distance"] > LIMIT)).all()
    assert (predictions["feature_percentile"][flagged] == 100).all()
    assert populations["features"].to_dict() == {"own": "", "defocused": FAR}
    assert f"defocused: {FAR}" in capsys.readouterr().out
    assert f"The population lies {FAR}" in page
    assert page.count("nearest of the training") == 4
    splits = pd.read_csv(study / "m2" / "fold=0" / "splits.csv").set_index("file")
    shown = [part.partition('"')[0] for part in page.split('alt="Training image ')[1:]]
    assert len(shown) == 4 * 3
    assert set(splits["role"][shown]) == {"train"}


def test_a_training_image_is_nearest_to_itself(study: Path, images_root: Path, tmp_path: Path) -> None:
    splits = pd.read_csv(study / "m2" / "fold=0" / "splits.csv")
    training = splits["file"][splits["role"] == "train"].iloc[:3].tolist()
    (tmp_path / "new").mkdir()
    for number, file in enumerate(training):
        shutil.copy(images_root / file, tmp_path / "new" / f"{number}.png")
    predictions, _, _ = run(study, tmp_path / "new")
    assert (predictions["feature_distance"].astype(float) < LIMIT).all()


def without_features(study: Path) -> Path:
    """A study as it was written before features were kept."""
    for folder in study.glob("*/fold=*"):
        (folder / FILE).unlink()
        write_manifest(folder, (read_manifest(folder) or {}) | {"files": file_hashes(folder)})
    return study


def test_without_features_one_line_says_so_and_all_else_is_the_same(
    study: Path, plates: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    now, _, _ = run(study, plates)
    capsys.readouterr()
    before, populations, page = run(without_features(study), plates)
    said = "features: the runs keep none, so that images are not compared by what the networks see"
    assert capsys.readouterr().out.count(said) == 1
    assert said[1:] in page
    assert before["feature_distance"].isna().all()
    assert (populations["features"] == "").all()
    assert not before["unlike_training"].str.contains("features").any()
    same = [name for name in now if not name.startswith("feature") and name != "unlike_training"]
    pd.testing.assert_frame_equal(before[same], now[same])


def test_damaged_features_are_refused(
    study: Path, plates: Path, capsys: pytest.CaptureFixture[str], train: Callable[..., Path]
) -> None:
    path = study / "m2" / "fold=1" / FILE
    whole = path.read_bytes()
    for harmed in (whole[:-1], whole[:100], b""):
        path.write_bytes(harmed)
        for forged in (False, True):
            if forged:
                folder = path.parent
                write_manifest(folder, (read_manifest(folder) or {}) | {"files": file_hashes(folder)})
            with pytest.raises(SystemExit):
                main([str(study), f"images={plates}", f"out={study.parent / 'refused'}"])
            (line,) = capsys.readouterr().err.splitlines()
            assert str(path) in line
            assert "damaged" in line or "cannot be read" in line
    assert not (study.parent / "refused").exists()
    assert read_study(study).complete


def test_onnx_has_no_features_and_says_so(study: Path, plates: Path) -> None:
    from oral_cancer.inference.command import _features

    runs = read_study(study).complete
    assert np.size(_features(runs, "onnx")[0]) == 0
    assert "an ONNX file gives probabilities alone" in _features(runs, "onnx")[1]
    assert _features(runs, "torch")[1] == ""
