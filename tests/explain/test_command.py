import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import cv2
import numpy as np
import pandas as pd
import pytest

from oral_cancer.training.manifest import read_manifest, write_manifest
from scripts.explain import main
from tests.conftest import REPOSITORY, SMALL_NETWORK
from tests.published import CLASSES, SPLIT_FOLDERS
from tests.study.processes import Started

PICTURES = ("sheet", "grad_cam", "guided_backprop", "guided_grad_cam", "randomised")


def explained(study: Path, *settings: str) -> list[Path]:
    """The pictures that come of the command, below a folder beside the study."""
    out = study.parent / "out"
    main([str(study), "wandb=false", f"out={out}", *settings])
    return sorted(path.relative_to(out) for path in out.rglob("*.png"))


def test_test_images_of_each_class_are_explained_and_named_by_their_prediction(study: Path) -> None:
    found = explained(study, "per_class=2")
    assert {path.parts[:2] for path in found} == {("m2", "fold=0")}
    predictions = pd.read_csv(study / "m2" / "fold=0" / "predictions.csv").set_index("file")
    test = predictions[predictions["split"] == "test"]
    pure = test[test["set"] == "homo"]
    wrong = pure["label"] != pure[list(CLASSES)].idxmax(axis=1)
    right = pure[~wrong].groupby("label").size().clip(upper=2).sum()
    mixtures = test.loc[test["set"] == "hetero", "label"].nunique()
    assert len(found) == (right + wrong.sum() + 2 * mixtures) * len(PICTURES)
    sheets = {Path(*p.parts[2:-1], p.name.rsplit("-", 3)[0]).as_posix() for p in found}
    assert sheets > set(pure.index[wrong])
    page = (study.parent / "out" / "index.html").read_text()
    for path in found:
        file, picture, judged, predicted = path.name.removesuffix(".png").rsplit("-", 3)
        row = predictions.loc[Path(*path.parts[2:-1], file).as_posix()]
        probabilities = row[list(CLASSES)].to_numpy(float)
        assert picture in PICTURES
        assert predicted == CLASSES[probabilities.argmax()]
        true = row[[f"true_{name}" for name in CLASSES]].to_numpy(float)
        if true.max() == 1:
            assert judged == ("correct" if true.argmax() == probabilities.argmax() else "false")
        else:
            assert judged == "mixed"
            assert f"proportions off by {abs(true - probabilities).mean():.3f} on the mean" in page
        assert f"{predicted} {probabilities.max():.3f}" in page
        if picture == "sheet":
            assert path.as_posix() in unquote(page)


def test_new_images_have_a_label_only_where_their_folder_tells(study: Path, images_root: Path, tmp_path: Path) -> None:
    published = Path(SPLIT_FOLDERS["hetero", "test"], "20X_TG2-WT1")
    shutil.copytree(images_root / published, tmp_path / "new" / published)
    shutil.copytree(images_root / published, tmp_path / "new" / "control")  # PARENTAL there, anything here
    found = explained(study, f"images={tmp_path / 'new'}", "experiment=m2", "fold=null", "target=control")
    assert len(found) == 2 * 2 * 4 * len(PICTURES)
    assert all(("-unlabelled-" in path.name) == (path.parts[2] == "control") for path in found)
    assert "truly 1:2" in (tmp_path / "out" / "index.html").read_text()


def test_the_target_decides_what_the_pictures_are_about(study: Path, tmp_path: Path) -> None:
    shown = []
    for target in ("parental", "resistant"):
        path = next(path for path in explained(study, "per_class=1", f"target={target}") if "-guided_b" in path.name)
        shown.append(cv2.imread(str(tmp_path / "out" / path)))
    assert not np.array_equal(*shown)


def test_of_a_transformer_there_is_guided_backpropagation_alone(
    train: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = [s for s in SMALL_NETWORK if not s.startswith(("model.backbone", "model.image_size"))]
    vit = ("model.backbone=test_vit", "model.image_size=160", "trainer.max_epochs=1", "+trainer.limit_train_batches=1")
    train(*vit, folder="study/m2/fold=0", settings=settings)
    found = explained(tmp_path / "study", "per_class=1")
    assert len(found) % 3 == 0
    assert {path.name.rsplit("-", 3)[1] for path in found} == {"sheet", "guided_backprop", "randomised"}
    assert "Grad-CAM does not apply to m2/fold=0" in capsys.readouterr().out.replace("\n", " ")
    assert "Grad-CAM does not apply to m2/fold=0" in (tmp_path / "out" / "index.html").read_text()


def test_an_image_that_cannot_be_read_is_named_and_the_rest_is_there(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "new").mkdir()
    cv2.imwrite(str(tmp_path / "new" / "whole.png"), np.full((30, 40, 3), 90, np.uint8))
    (tmp_path / "new" / "broken.png").write_bytes(b"nothing")
    with pytest.raises(SystemExit) as stop:
        explained(study, f"images={tmp_path / 'new'}")
    assert stop.value.code == 1
    assert str(tmp_path / "new" / "broken.png") in capsys.readouterr().out.replace("\n", "")
    assert len(list((tmp_path / "out").rglob("whole.png-*.png"))) == len(PICTURES)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("target=normal", "must be null or one of parental, resistant, control"),
        ("fold=7", "choose 0, 1, or null for every one"),
        ("fold=-1", "must be null or a whole number of at least 0, or all"),
        ("experiment=m7", "choose m2"),
        ("per_class=0", "must be a whole number of at least 1"),
        ("images=nowhere", "does not exist"),
    ],
)
def test_wrong_settings_are_refused(study: Path, capsys: pytest.CaptureFixture[str], setting: str, said: str) -> None:
    with pytest.raises(SystemExit):
        explained(study, setting)
    (line,) = capsys.readouterr().err.splitlines()
    assert setting in line
    assert said in line
    assert not (study.parent / "out").exists()


def test_an_unknown_option_hides_no_folder_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["outputs/studies/paper", "images=nowhere", "foo=1"])
    unknown, gone = capsys.readouterr().err.splitlines()
    assert "foo: is no option" in unknown
    assert "images=nowhere does not exist" in gone


def test_a_file_where_the_pictures_are_to_go_is_refused(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(SystemExit):
        explained(study)
    assert f"{tmp_path / 'out'} is no folder" in capsys.readouterr().err
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.slow
def test_sheets_go_to_wandb(study: Path, tmp_path: Path) -> None:
    script = str(REPOSITORY / "scripts" / "explain.py")  # a process of its own, since W&B leaves traces in one
    command = [sys.executable, script, str(study), f"out={tmp_path / 'out'}", "per_class=1"]
    done = Started(command, tmp_path).ended()
    assert done.returncode == 0, done.stderr
    (run,) = (tmp_path / "outputs" / "wandb").glob("offline-run-*")
    sheets = list((run / "files" / "media").rglob("*.png"))
    assert len(sheets) >= 3
    assert {sheet.read_bytes() for sheet in sheets} == {p.read_bytes() for p in (tmp_path / "out").rglob("*-sheet-*")}


def test_images_that_have_gone_are_named(study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = study / "m2" / "fold=0"
    write_manifest(run, (read_manifest(run) or {}) | {"root": str(tmp_path / "gone")})
    with pytest.raises(SystemExit):
        explained(study)
    assert "are not there" in capsys.readouterr().err
