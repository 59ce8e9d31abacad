from pathlib import Path

import numpy as np
import pytest

from oral_cancer.cli import main
from oral_cancer.evaluation import tables
from oral_cancer.evaluation.ensembles import Ensembles
from oral_cancer.evaluation.predictions import read_predictions, write_predictions
from oral_cancer.study.compare import differences, figures, sides
from oral_cancer.study.report import write_report
from oral_cancer.study.runs import read_study
from oral_cancer.training.manifest import file_hashes, read_manifest, write_manifest
from tests.published import CLASSES
from tests.study.made_up import few_resamples, write_run, write_study


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    study = tmp_path / "paper"
    for experiment, multiples in (("m1", 0), ("m2", 2)):
        for fold in (0, 1):
            config = {"fold": fold, "name": experiment, "resampling": {"multiples": multiples}, "seed": 0}
            write_run(study, experiment, fold, config=config)
    return study


def test_two_experiments(paper: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = (sides(paper / name)[name] for name in ("m1", "m2"))
    assert differences(one.settings, other.settings) == {"resampling.multiples": (0, 2)}
    found = figures(one, other).set_index("figure")
    frame = read_study(paper).predictions
    summary = tables.summary(frame).set_index(["experiment", "split", "metric"])
    for key, name in (("a", "m1"), ("b", "m2")):
        row = summary.loc[(name, "val", "rmse")]
        assert found.loc["validation RMSE", key] == f"{row['mean']:.3f} ({row['sd']:.3f})"
    (row,) = tables.differences(Ensembles.of(frame)).query("ensemble == 'simple'").itertuples()
    assert (
        found.loc["test RMSE, ensemble", "difference"] == f"{row.difference:+.3f} ({row.low:+.3f} to {row.high:+.3f})"
    )
    assert np.isfinite(row.difference)
    means = [summary.loc[(name, "test", "accuracy"), "mean"] for name in ("m1", "m2")]
    assert found.loc["test accuracy", "difference"] == f"{means[0] - means[1]:+.3f}"
    assert (found["difference"] != "").all()

    main(["compare", str(paper / "m1"), str(paper / "m2")])
    said = capsys.readouterr().out
    assert "resampling.multiples" in said
    assert "paper/m1" in said


def test_two_runs_and_the_fold_between_them(paper: Path) -> None:
    one, other = (sides(paper / "m2" / f"fold={fold}")["m2"] for fold in (0, 1))
    assert differences(one.settings, other.settings) == {"fold": (0, 1)}
    assert len(one.runs) == len(other.runs) == 1


def test_two_studies_by_their_common_experiments(
    paper: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    later = write_study(tmp_path / "later", ("m2", "m10"), (0, 1), weights="random")
    with few_resamples():
        main(["compare", str(paper), str(later)])
    said = capsys.readouterr().out
    assert "paper/m2" in said
    assert "later/m2" in said
    assert "paper/m1" not in said
    assert "imagenet (made up)" in said


@pytest.mark.slow
def test_folds_of_groups_beside_folds_of_single_images(
    paper: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grouped = write_study(tmp_path / "grouped", ("m2",), (0, 1))
    for path in grouped.glob("*/*/predictions.csv"):
        frame = read_predictions(path)
        frame["group"] = [f"donor {file[-5]}" for file in frame["file"]]
        wrong = (frame["split"] == "val") & (frame["set"] == "homo") & frame["group"].eq("donor 0")
        frame.loc[wrong, list(CLASSES)] = frame.loc[
            wrong, ["true_control", "true_parental", "true_resistant"]
        ].to_numpy()
        write_predictions(path, frame)
        manifest = read_manifest(path.parent)
        assert manifest is not None
        write_manifest(path.parent, manifest | {"files": file_hashes(path.parent)})
    with few_resamples():
        main(["compare", str(paper / "m2"), str(grouped / "m2")])
    said = capsys.readouterr().out
    here, there = (
        tables.summary(read_study(each).predictions).query("experiment == 'm2' and split == 'val'")
        for each in (paper, grouped)
    )
    before, after = (each.set_index("metric").loc["accuracy", "mean"] for each in (here, there))
    assert f"whole groups validate instead of single images: accuracy {after:.3f} instead of {before:.3f}" in said
    assert after < before
    main(["compare", str(paper / "m1"), str(paper / "m2")])
    assert "whole groups" not in capsys.readouterr().out

    page = write_report(read_study(grouped))[1].read_text()
    assert "<h3>By group</h3>" in page
    assert "The worst validation group by accuracy is donor 0: 0.000" in page


def test_what_cannot_be_compared_is_one_line(paper: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path / "other", "m7", 0)
    write_run(tmp_path / "other", "m8", 0)
    for a, b in ((paper, tmp_path / "nowhere"), (paper, tmp_path / "other")):
        with pytest.raises(SystemExit, match="1"):
            main(["compare", str(a), str(b)])
        (line,) = capsys.readouterr().err.splitlines()
        assert "no finished run" in line or "no experiment in common" in line


def test_a_damaged_run_is_refused(paper: Path) -> None:
    with (paper / "m1" / "fold=0" / "predictions.csv").open("a") as file:
        file.write("\n")
    with pytest.raises(SystemExit, match="1"):
        main(["compare", str(paper / "m1"), str(paper / "m2")])
