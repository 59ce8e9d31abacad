from pathlib import Path

import kagglehub
import pytest

from scripts.fetch_data import main as fetch
from tests.published import GROUPS, SPLIT_FOLDERS, SPLITS


class Kaggle:
    """Stands in for the download: files of the published counts, nested, where kagglehub would cache them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.downloads = 0
        self.lacks: set[str] = set()
        self.error: Exception | None = None
        monkeypatch.setenv("KAGGLEHUB_CACHE", "to be set by the script")
        monkeypatch.setattr(kagglehub, "dataset_download", self)

    def __call__(self, handle: str) -> str:
        assert handle == "janehsieh/oral-cancer-cells-with-chemoresistance-in-vitro"
        if self.error:
            raise self.error
        self.downloads += 1
        root = Path(kagglehub.config.get_cache_folder()) / "versions" / "1"
        for split in SPLITS:
            for group in GROUPS:
                top = root / "OralCancer" / group.image_set
                folder = top / SPLIT_FOLDERS[group.image_set, split] / group.folders[-1]
                folder.mkdir(parents=True)
                for number in range(group.published[split]):
                    if f"{group.name}{number}_{split}" not in self.lacks:
                        (folder / f"{number}.tif").write_bytes(b"x")
        return str(root)


@pytest.fixture
def kaggle(monkeypatch: pytest.MonkeyPatch) -> Kaggle:
    return Kaggle(monkeypatch)


def test_split_folders_come_to_lie_directly_below(
    kaggle: Kaggle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into = tmp_path / "data"
    fetch(["--into", str(into)])
    assert "all 1700 published images" in capsys.readouterr().out
    assert {path.name for path in into.iterdir()} == set(SPLIT_FOLDERS.values())
    assert len(list(into.rglob("*.tif"))) == 1700

    fetch(["--into", str(into)])
    assert "already complete" in capsys.readouterr().out
    assert kaggle.downloads == 1


def test_images_already_there_stay(kaggle: Kaggle, tmp_path: Path) -> None:
    mine = tmp_path / SPLIT_FOLDERS["homo", "val"] / "control" / "0.tif"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    fetch(["--into", str(tmp_path)])
    assert mine.read_bytes() == b"mine"


def test_every_deviation_from_the_published_counts_is_named(
    kaggle: Kaggle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kaggle.lacks = {"parental3_val", "1:27_test"}
    with pytest.raises(SystemExit, match="1"):
        fetch(["--into", str(tmp_path)])
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert f"{tmp_path / SPLIT_FOLDERS['homo', 'val'] / 'control'}: 239 images, 240 are published" in lines[0]
    assert "20X_TG2-WT1: 39 images, 40 are published" in lines[1]


@pytest.mark.parametrize("error", [ConnectionError("no route to kaggle.com\nmore"), TimeoutError()])
def test_no_network_is_one_line_with_the_way_by_hand(
    kaggle: Kaggle,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
) -> None:
    kaggle.error = error
    with pytest.raises(SystemExit, match="1"):
        fetch(["--into", str(tmp_path)])
    (line,) = capsys.readouterr().err.splitlines()
    assert (str(error).splitlines() or ["TimeoutError"])[0] in line
    assert "kaggle.com/datasets/janehsieh" in line
    assert all(folder in line for folder in SPLIT_FOLDERS.values())
