import json
from pathlib import Path

import pytest

from oral_cancer.cli import main
from oral_cancer.disk import in_bytes, size_of
from oral_cancer.study.listing import listed, studies_below
from tests.study.made_up import write_plan, write_run, write_study


def with_rmse(run: Path, rmse: float) -> None:
    (run / "metrics.json").write_text(json.dumps({"val": {"hetero": {"rmse": rmse}}}))


def test_studies_and_runs_of_none_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paper = write_study(tmp_path / "studies" / "paper", ("m1",), (0, 1))
    with_rmse(paper / "m1" / "fold=0", 0.2)
    with_rmse(paper / "m1" / "fold=1", 0.4)
    with_rmse(write_run(paper, "m5", 0), 0.25)
    write_plan(paper, ("m1", 0), ("m1", 1), ("m5", 0), ("m5", 1))
    write_run(tmp_path / "runs", "own", 0)
    (tmp_path / "store").mkdir()
    assert studies_below(tmp_path) == [tmp_path / "runs", paper]
    found = listed(paper)
    assert found.best == ("m5", "0.250")
    assert found.end.startswith("2026-01-01T10:05")
    assert found.experiments == ["m1", "m5"]
    assert found.size == sum(path.stat().st_size for path in paper.rglob("*") if path.is_file())
    main(["list", str(tmp_path)])
    said = " ".join(capsys.readouterr().out.split())
    assert "3 of 4" in said
    assert "0.250 m5" in said


def test_pictures_of_explanations_are_no_study(tmp_path: Path) -> None:
    pictures = tmp_path / "explanations" / "paper" / "test" / "m1" / "fold=0"
    pictures.mkdir(parents=True)
    (pictures / "a.tif-sheet-correct-parental.png").touch()
    assert studies_below(tmp_path) == []


def test_links_are_neither_followed_nor_counted(tmp_path: Path) -> None:
    elsewhere = write_study(tmp_path / "elsewhere", ("m1",), (0,))
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    (outputs / "link").symlink_to(elsewhere)
    assert studies_below(outputs) == []
    assert size_of(outputs) < 1000
    with pytest.raises(SystemExit, match="1"):
        main(["list", str(outputs)])


@pytest.mark.parametrize(("size", "text"), [(0, "0 B"), (999, "999 B"), (41_234_567, "41.2 MB"), (3e15, "3e+03 TB")])
def test_sizes_in_words(size: float, text: str) -> None:
    assert in_bytes(size) == text


def test_in_a_pipe_each_study_is_one_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "a study whose name is longer than a narrow terminal has columns, as those of scripts often are, " * 2
    write_study(tmp_path / name.strip(), ("m1",), (0,))
    main(["list", str(tmp_path)])
    (row,) = [line for line in capsys.readouterr().out.splitlines() if name.strip() in line]
    assert str(tmp_path / name.strip()) in row
    assert "1 of 1" in row
