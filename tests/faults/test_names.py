"""Whatever a file is called, tables name that file, and nothing is written elsewhere."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from oral_cancer.errors import UserError
from oral_cancer.study.report import write_report
from oral_cancer.study.runs import read_study
from tests.published import SPLIT_FOLDERS

Train = Callable[..., Path]
TEST, VAL = (Path(SPLIT_FOLDERS["homo", split], "5nMTG") for split in ("test", "val"))
NAMES = (
    "with spaces and, commas.png",
    "with 'quotes' and \"double\" ones.png",
    "--fold=3.png",
    "-rf.png",
    "café Größe 細胞.png",
    "=1+1.png",
    "$(touch here) `touch here`.png",
    "<script>alert(1)<script>.png",
    "%2e%2e%2f.png",
    "NA.png",
    "a;b|c&d.png",
    "{{ 7 * 7 }}.png",
    "${oc.env:HOME}.png",
)


@pytest.fixture
def root(images_root: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(images_root, tmp_path / "my images"))


def test_odd_names_reach_every_table_as_they_are(train: Train, root: Path, tmp_path: Path) -> None:
    for folder in (TEST, VAL):
        for image, name in zip(sorted((root / folder).iterdir()), NAMES, strict=False):
            image.rename(image.with_name(name))
    there = {path.relative_to(root).as_posix() for path in root.rglob("*.png")}
    odd = {path.as_posix() for folder in (TEST, VAL) for path in (folder / name for name in NAMES)} & there
    assert len(odd) == 4 + len(NAMES)
    predicted = set()
    for fold in range(2):
        run = train(
            f"source.root='{root}'", f"fold={fold}", "data.folds=2", "trainer.max_epochs=1", folder=f"s/m2/fold={fold}"
        )
        predicted |= set(pd.read_csv(run / "predictions.csv", keep_default_na=False)["file"])
        assert set(pd.read_csv(run / "splits.csv", keep_default_na=False)["file"]) == there
    assert odd <= predicted <= there
    page = write_report(read_study(tmp_path / "s"))[1].read_text()
    assert not re.search("<script>alert", page)
    for name in ("here", "s/here"):
        assert not (tmp_path / name).exists()
    assert not Path("here").exists()


@pytest.mark.parametrize("name", ["two\nlines.png", "a\rb.png", "tab\t.png", "bell\a.png"])
def test_names_with_control_characters_are_refused(train: Train, root: Path, name: str) -> None:
    next((root / TEST).iterdir()).rename(root / TEST / name)
    with pytest.raises(UserError, match="holds control characters: rename it"):
        train(f"source.root='{root}'")


def test_a_link_out_of_the_folder_keeps_its_own_name_and_its_target_is_only_read(
    train: Train, root: Path, tmp_path: Path
) -> None:
    image = next((root / TEST).iterdir())
    target = image.rename(tmp_path / "elsewhere.png")
    before = target.read_bytes(), target.stat().st_mtime_ns
    image.symlink_to(target)
    run = train(f"source.root='{root}'", "trainer.max_epochs=1")
    files = set(pd.read_csv(run / "predictions.csv")["file"])
    assert image.relative_to(root).as_posix() in files
    assert not any("elsewhere" in name for name in files)
    assert (target.read_bytes(), target.stat().st_mtime_ns) == before
