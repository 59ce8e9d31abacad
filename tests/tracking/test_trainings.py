"""What a training tells W&B, as its offline file has it."""

import json
import re
import socket
import zipfile
from pathlib import Path

import pytest
import yaml

from oral_cancer.settings.callbacks import MEASURED
from oral_cancer.study.runs import read_study
from oral_cancer.tracking.tables import OF_EACH
from oral_cancer.training.manifest import read_manifest
from tests.conftest import training_below
from tests.tracking.conftest import COMPUTER, RUN, SETTINGS, STUDY, of
from tests.tracking.stand_in import ENTITY, PROJECT, StandIn

CHOSEN = {"experiment", "fold", "seed", "split_seed", "data", "treatment", "network", "epochs", "learning_rate"}


def test_the_config_is_a_flat_choice_and_the_whole_settings_are_an_artifact(open_folder: Path) -> None:
    run = of(open_folder)
    assert set(run.config) > CHOSEN | {"batch_size", "fingerprint", "optimizer"}
    assert len(run.config) < 30
    assert all(value is None or isinstance(value, str | int | float) for value in run.config.values())
    assert run.config["treatment"] == "NoResampling"
    assert run.config["learning_rate"] == 7e-5
    (artifact,) = (one for one in run.artifacts.values() if one.type == "settings")
    (entry,) = artifact.manifest.contents
    manifest = read_manifest(open_folder / RUN) or {}
    assert yaml.safe_load((open_folder / entry.local_path).read_text()) == manifest["config"]


def test_curves_are_over_epochs_in_sections_without_spaces_and_with_their_best(open_folder: Path) -> None:
    run = of(open_folder)
    for name in MEASURED:
        metric = run.metrics[f"curves/{name}"]
        best = (metric.summary.min, metric.summary.max)
        assert metric.step_metric == "epoch"
        assert best == (name.endswith(("loss", "rmse")), name.endswith("accuracy")), name
    keys = {key for row in run.history for key in row if not key.startswith("_")} | set(run.summary)
    assert not [key for key in keys if " " in key]
    assert {key.partition("/")[0] for key in keys if "/" in key} == {
        *("curves", "images", "predictions", "test", "trainer", "val")
    }
    assert not [key for row in run.history for key in row if key.endswith(("nrows", "ncols"))]
    rows = [row for row in run.history if "curves/val_rmse" in row]
    assert run.summary["curves/val_rmse"] == {"min": min(row["curves/val_rmse"] for row in rows)}


def test_artifacts_say_what_was_made_from_what(open_folder: Path, images_root: Path) -> None:
    artifacts = of(open_folder).artifacts
    used = {one.type for one in artifacts.values() if one.use_after_commit}
    made = {one.type for one in artifacts.values() if not one.use_after_commit}
    assert (used, made) == ({"dataset"}, {"settings", "model", "predictions"})
    fingerprint = (read_manifest(open_folder / RUN) or {})["fingerprint"]
    data = {entry.path: entry for entry in artifacts[f"data-{fingerprint[:16]}"].manifest.contents}
    assert set(data) == {"images", "splits.csv"}
    assert data["images"].ref == images_root.as_uri()
    (network,) = artifacts["network-tracked-m2-fold-0"].manifest.contents
    assert (open_folder / network.local_path).samefile(open_folder / RUN / "checkpoints" / "last.ckpt")


def test_predictions_are_a_table_with_a_few_pictures_and_wandbs_own_plots(open_folder: Path) -> None:
    run = of(open_folder)
    table = json.loads((run.folder / "files" / run.summary["predictions/images"]["path"]).read_text())
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
    predictions = (open_folder / RUN / "predictions.csv").read_text().splitlines()
    assert len(rows) == len(predictions) - 1
    pictured = [row for row in rows if row["picture"] is not None]
    assert {row["look_at"] for row in pictured} == {"wrong", "least certain", "furthest off"}
    assert rows[: len(pictured)] == pictured
    assert len(pictured) == sum(row["look_at"] != "" for row in rows) <= 3 * OF_EACH
    assert run.plots == {"val/confusion", "val/roc", "test/confusion", "test/roc"}
    confusion = json.loads((run.folder / "files" / run.summary["test/confusion_table"]["path"]).read_text())
    assert sum(count for _, _, count in confusion["data"]) == 12  # pure test images


def test_a_private_run_names_no_folder_and_no_computer_and_shows_no_image(
    private_folder: Path, open_folder: Path, images_root: Path
) -> None:
    private, not_private = of(private_folder), of(open_folder)
    told = [COMPUTER, str(images_root.parent)]
    assert [
        name for name in told if name.encode() not in not_private.sent
    ] == []  # so that the search is one that finds
    assert [name for name in (*told, str(Path.home())) if name.encode() in private.sent] == []
    assert not re.search(rf"(?<![\w-]){re.escape(socket.gethostname())}(?![\w-])".encode(), private.sent)
    for artifact in private.artifacts.values():
        for content in (private_folder / entry.local_path for entry in artifact.manifest.contents):
            assert [name for name in told if name.encode() in _unpacked(content)] == [], content
    assert list(private.folder.rglob("*.jpg")) == list(private.folder.rglob("*.png")) == []
    assert list(not_private.folder.rglob("*.jpg"))
    assert private.config.keys() == not_private.config.keys()
    assert private.artifacts.keys() == not_private.artifacts.keys()
    assert private.summary["test/accuracy"] == not_private.summary["test/accuracy"]


@pytest.mark.slow
def test_an_online_run_is_linked_and_sends_what_it_makes(server: StandIn, images_root: Path, tmp_path: Path) -> None:
    run = training_below(tmp_path, images_root)(*SETTINGS, "trainer.max_epochs=1", folder=RUN, study=STUDY)
    manifest = read_manifest(run) or {}
    url = f"{server.address}/{ENTITY}/{PROJECT}/runs/{manifest['wandb_id']}"
    (record,) = read_study(run.parents[1]).complete
    assert record.wandb_url == manifest["wandb_url"] == url
    assert server.files["network-tracked-m2-fold-0/last.ckpt"] == (run / "checkpoints" / "last.ckpt").read_bytes()
    data = f"data-{manifest['fingerprint'][:16]}"
    assert {one["artifactID"] for one in server.given("UseArtifact")} == {data}
    assert {f"{data}/splits.csv", "predictions-tracked-m2-fold-0/predictions.csv"} <= set(server.files)


def _unpacked(path: Path) -> bytes:
    if not zipfile.is_zipfile(path):
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        return b"".join(archive.read(name) for name in archive.namelist())


@pytest.mark.parametrize("private", [False, True])
def test_a_run_that_fails_sends_an_alert(
    private: bool, images_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError(f"{tmp_path}/batch.png: of a strange kind")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("oral_cancer.models.SoftLabelClassifier.training_step", fail)
    with pytest.raises(ValueError, match="strange"):
        training_below(tmp_path, images_root)(*SETTINGS, f"private={private}".lower(), folder=RUN)
    (alert,) = of(tmp_path).alerts
    assert alert.title == "m2/fold0 failed"
    assert alert.level == "ERROR"
    path = "" if private else f"{tmp_path}/"
    assert alert.text == f"ValueError: {path}batch.png: of a strange kind"
