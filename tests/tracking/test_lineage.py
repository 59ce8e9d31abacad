"""What a prediction, an explanation and a study use in W&B is what the training has made."""

import shutil
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from oral_cancer.cli import main
from oral_cancer.study.report import write_report
from oral_cancer.study.runs import read_study
from oral_cancer.study.wandb_run import log_study
from tests.study.made_up import few_resamples
from tests.tracking.conftest import COMPUTER, RUN, STUDY, of
from tests.tracking.records import Logged


def follow(folder: Path, images_root: Path, cwd: Path) -> dict[str, Logged]:
    """Predict, explain and report, with what each has logged by its kind; in a copy of a training's folder."""
    shutil.copytree(folder / "outputs" / "studies", cwd / "outputs" / "studies")
    study = Path("outputs", "studies", STUDY)
    main(["predict", str(study), f"images={next(images_root.iterdir())}", "wandb=true"])
    main(["explain", str(study), "per_class=1"])
    with few_resamples():
        found = read_study(study)
        log_study(found, *write_report(found), OmegaConf.create({"project": "oral-cancer", "save_dir": "outputs"}))
    runs = [Logged.of(run) for run in (cwd / "outputs" / "wandb").glob("offline-run-*")]
    return {run.job_type: run for run in runs}


def test_what_follows_a_training_uses_what_it_has_made(
    open_folder: Path, images_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = {name: one.digest for name, one in of(open_folder).artifacts.items()}
    runs = follow(open_folder, images_root, tmp_path)
    assert set(runs) == {"predict", "explain", "study"}
    for kind, name in (("predict", "network"), ("explain", "network"), ("study", "predictions")):
        used = {one.name: one.digest for one in runs[kind].artifacts.values() if one.use_after_commit}
        assert used == {f"{name}-tracked-m2-fold-0": made[f"{name}-tracked-m2-fold-0"]}
        assert {run.group for run in runs.values()} == {STUDY}
    outputs = {
        kind: {one.type for one in run.artifacts.values() if not one.use_after_commit} for kind, run in runs.items()
    }
    assert outputs == {"predict": {"predictions"}, "explain": set(), "study": {"report"}}
    (report,) = (one for one in runs["study"].artifacts.values() if one.type == "report")
    assert {"report.html", "tables/summary.csv"} <= {entry.path for entry in report.manifest.contents}
    keys = {key for run in runs.values() for row in (*run.history, run.summary) for key in row}
    assert not [key for key in keys if " " in key]
    assert "explanations/m2/fold=0" in {key.rpartition(".")[0] for row in runs["explain"].history for key in row}
    assert "predictions/images" in runs["predict"].summary


def test_of_a_private_study_they_name_no_folder_and_show_no_image(
    private_folder: Path, images_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("socket.gethostname", lambda: COMPUTER)
    runs = follow(private_folder, images_root, tmp_path)
    for kind, run in runs.items():
        named = [name for name in (COMPUTER, str(images_root.parent), str(tmp_path)) if name.encode() in run.sent]
        assert named == [], kind
        pictures = {path.relative_to(run.folder).parts[3] for path in run.folder.rglob("*.png")}
        assert pictures <= {"plots"}, kind
    assert {one.name for one in runs["explain"].artifacts.values()} == {"network-tracked-m2-fold-0"}
    assert (tmp_path / RUN).is_dir()
