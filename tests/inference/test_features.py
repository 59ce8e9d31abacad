"""Images unlike those of the training by what the network sees."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from oral_cancer.evaluation.feature_space import LIMIT
from oral_cancer.evaluation.run_features import FILE
from oral_cancer.inference.prediction import _features
from oral_cancer.inference.results import BY_FEATURES, FAR
from oral_cancer.study.runs import read_study
from oral_cancer.training.manifest import file_hashes, read_manifest, write_manifest
from scripts.predict import main
from tests.conftest import training_below
from tests.published import SPLIT_FOLDERS
from tests.test_real_cells import LITE0

OWN = SPLIT_FOLDERS["hetero", "test"]
RUN = Path("m2", "fold=0")


@pytest.fixture(scope="module")
def trained(images_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of one run, trained for a moment, that nobody changes."""
    root = tmp_path_factory.mktemp("features")
    training_below(root, images_root)("trainer.max_epochs=1", folder=f"study/{RUN}")
    return root / "study"


@pytest.fixture
def copied(trained: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    return Path(shutil.copytree(trained, tmp_path / "study"))


@pytest.fixture(scope="module")
def plates(images_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Test images of a mixture, as they are and in another light, by which neither brightness nor contrast changes."""
    root = tmp_path_factory.mktemp("plates")
    for path in sorted((images_root / OWN / "20X_TG2-WT1").iterdir()):
        image = cv2.imread(str(path))
        for plate, shown in (("own", image), ("other", image[..., ::-1])):
            (root / plate).mkdir(exist_ok=True)
            cv2.imwrite(str(root / plate / path.name), shown)
    return root


def predicted(study: Path, images: Path, out: Path) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """predictions.csv by file, composition.csv by population, and the page."""
    with suppress(SystemExit):
        main([str(study), f"images={images}", "workers=1", f"out={out}"])
    predictions = pd.read_csv(out / "predictions.csv", dtype={"unlike_training": str}).fillna({"unlike_training": ""})
    compositions = pd.read_csv(out / "composition.csv", dtype={"features": str}).fillna({"features": ""})
    return predictions.set_index("file"), compositions.set_index("population"), (out / "predictions.html").read_text()


def by_features(predictions: pd.DataFrame) -> "pd.Series[bool]":
    return predictions["unlike_training"].str.contains(f"{BY_FEATURES} (", regex=False)


def sealed_anew(run: Path) -> None:
    write_manifest(run, (read_manifest(run) or {}) | {"files": file_hashes(run)})


def test_another_light_is_flagged_with_the_nearest_training_images_beside_it(
    trained: Path, plates: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    predictions, populations, page = predicted(trained, plates, tmp_path / "out")
    flagged = by_features(predictions)
    assert flagged.groupby(predictions["population"]).mean().to_dict() == {"other": 1, "own": 0}
    assert (flagged == (predictions["feature_distance"] > LIMIT)).all()
    assert (predictions["feature_percentile"][flagged] == 100).all()
    assert predictions["feature_percentile"].between(0, 100).all()
    assert populations["features"].to_dict() == {"other": FAR, "own": ""}
    assert populations["unlike_training"].to_dict() == {"other": 4, "own": 0}
    assert f"other: {FAR}" in capsys.readouterr().out
    assert f"The population lies {FAR}" in page
    assert page.count("nearest of the training") == 4
    splits = pd.read_csv(trained / RUN / "splits.csv").set_index("file")
    shown = [part.partition('"')[0] for part in page.split('alt="Training image ')[1:]]
    assert len(shown) == 4 * 3
    assert set(splits["role"][shown]) == {"train"}


def test_the_same_images_trained_twice_leave_the_same_features(
    trained: Path, images_root: Path, tmp_path: Path
) -> None:
    again = training_below(tmp_path, images_root)("trainer.max_epochs=1", folder=str(RUN))
    content = (again / FILE).read_bytes()
    assert content == (trained / RUN / FILE).read_bytes()
    assert len(content) < 2_000_000
    assert FILE in (read_manifest(again) or {})["files"]


def test_without_features_one_line_says_so_and_all_else_is_the_same(
    copied: Path, trained: Path, plates: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (copied / RUN / FILE).unlink()
    sealed_anew(copied / RUN)
    now, _, _ = predicted(trained, plates, tmp_path / "now")
    capsys.readouterr()
    before, populations, page = predicted(copied, plates, tmp_path / "before")
    said = "features: the runs keep none, so that images are not compared by what the networks see"
    assert capsys.readouterr().out.count(said) == 1
    assert said[1:] in page
    assert before["feature_distance"].isna().all()
    assert (populations["features"] == "").all()
    assert not by_features(before).any()
    same = [name for name in now if not name.startswith("feature") and name != "unlike_training"]
    pd.testing.assert_frame_equal(before[same], now[same])


def test_features_that_are_damaged_or_forged_are_refused(
    copied: Path, plates: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copied / RUN / FILE
    whole = path.read_bytes()
    for harmed in (whole[:-1], b"", whole.replace(b'"roles"', b'"rules"')):
        for forged in (False, True):
            path.write_bytes(harmed)
            if forged:
                sealed_anew(copied / RUN)
            capsys.readouterr()
            with pytest.raises(SystemExit):
                main([str(copied), f"images={plates}", f"out={tmp_path / 'refused'}"])
            (line,) = capsys.readouterr().err.splitlines()
            assert f"{path}" in line
            assert ("cannot be read" if forged else "is damaged") in line
    assert not (tmp_path / "refused").exists()


def test_an_onnx_file_has_no_features_and_one_line_says_so(trained: Path) -> None:
    runs = read_study(trained).complete
    found, said = _features(runs, "onnx")
    assert not found
    assert "an ONNX file gives probabilities alone" in said
    found, said = _features(runs, "torch")
    assert len(found) == 1
    assert not said


def another_microscope(image: np.ndarray) -> np.ndarray:
    """A fixed change of light, focus and gain."""
    blurred = cv2.GaussianBlur(image, (0, 0), image.shape[1] / 130).astype(float)
    return ((blurred - blurred.mean()) * 1.2 + blurred.mean() * np.array([1.25, 1.0, 0.75]) + 12).clip(0, 255)


def defocused(image: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), image.shape[1] / 96)


@pytest.mark.slow
def test_white_blood_cells_another_microscope_and_a_defocused_plate_are_unlike_fields_of_real_cells(
    real_cells: Path, white_blood_cells: Path, train: Callable[..., Path], tmp_path: Path
) -> None:
    fields = tmp_path / "fields"
    subprocess.run([sys.executable, str(real_cells / "make_fields.py"), str(fields)], check=True)
    train("experiment=m2", f"source.root={fields}", "trainer.max_epochs=6", folder=f"study/{RUN}", settings=LITE0)
    new = tmp_path / "new"
    for path in fields.glob("*Test/*/*.tif"):
        image = cv2.imread(str(path))
        kinds = {"own": image, "microscope": another_microscope(image), "defocused": defocused(image)}
        for kind, shown in kinds.items():
            (new / kind).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(new / kind / f"{path.parent.name}-{path.stem}.png"), shown.astype(np.uint8))
    shutil.copytree(white_blood_cells, new / "blood")
    predictions, _, _ = predicted(tmp_path / "study", new, tmp_path / "out")
    kind = predictions.index.str.partition("/").get_level_values(0)
    shares = by_features(predictions).groupby(kind).mean()
    assert shares["own"] < 0.05
    assert shares[["microscope", "defocused", "blood"]].min() >= 0.9
