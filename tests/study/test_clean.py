"""oral-cancer clean removes what nothing needs, and nothing else."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from oral_cancer.cli import main
from oral_cancer.data.reading import Reading
from oral_cancer.data.store import store_name
from oral_cancer.data.store_index import commit
from oral_cancer.training.manifest import read_manifest, write_manifest
from tests.study.made_up import write_run

CONFIG = {"model": {"image_size": 32, "supersampling": 1}, "source": {"range": None, "channels": None, "plane": None}}


def store(outputs: Path, root: Path, size: int = 32, decoder: str | None = None, antialias: bool = True) -> Path:
    home = outputs / "store" / store_name(root, size, Reading(), antialias)
    home.mkdir(parents=True)
    array = home / "images-0.npy"
    np.save(array, np.zeros((0, size, size, 3), np.uint8))
    commit(home, array, [])
    if decoder:
        (home / "index.json").write_text(json.dumps({"content": {"decoder": decoder}, "sha256": ""}))
    return home


def wandb_run(outputs: Path, name: str, synced: bool = False, of_training: bool = True) -> Path:
    folder = outputs / "wandb" / f"offline-run-20260101_000000-{name}"
    images = folder / "files" / "media" / "images"
    images.mkdir(parents=True)
    (images / ("augmented batch_0.jpg" if of_training else "sheet.png")).touch()
    (folder / f"run-{name}.wandb").touch()
    if synced:
        (folder / f"run-{name}.wandb.synced").touch()
    return folder


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    outputs = tmp_path / "outputs"
    for study, root in (("paper", "images"), ("other", "others")):
        run = write_run(
            outputs / "studies" / study, "m1", 0, root=str(tmp_path / root), config=CONFIG, wandb_id=f"{study}0"
        )
        (run / "checkpoints").mkdir()
        (run / "checkpoints" / "last.ckpt").write_bytes(b"weights")
    return outputs


def kept(outputs: Path) -> set[str]:
    return {path.relative_to(outputs).as_posix() for path in outputs.rglob("*")}


def test_what_is_needed_stays_and_the_rest_goes(
    outputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    needed = [
        store(outputs, tmp_path / "images"),
        store(outputs, tmp_path / "others"),
        wandb_run(outputs, "paper0"),
        wandb_run(outputs, "a-report", of_training=False),
    ]
    gone = [
        store(outputs, tmp_path / "images", size=64),
        store(outputs, tmp_path / "forgotten"),
        store(outputs, tmp_path / "images", antialias=False),
        wandb_run(outputs, "other0", synced=True),
        wandb_run(outputs, "f00"),
        write_run(outputs / "studies" / "paper", "m1", "0.1"),
    ]
    main(["clean", str(outputs), "--yes"])
    said = capsys.readouterr().out
    assert [path for path in needed if not path.exists()] == []
    assert [path for path in gone if path.exists()] == []
    assert all(str(path) in said for path in gone)
    assert (outputs / "studies" / "paper" / "m1" / "fold=0" / "checkpoints" / "last.ckpt").exists()


def test_a_store_of_another_version_goes(outputs: Path, tmp_path: Path) -> None:
    old = store(outputs, tmp_path / "images", decoder="1, of before")
    main(["clean", str(outputs), "--yes"])
    assert not old.exists()


def test_checkpoints_go_when_asked_for_and_only_those_of_finished_runs(outputs: Path) -> None:
    finished, failed = (outputs / "studies" / study / "m1" / "fold=0" for study in ("paper", "other"))
    write_manifest(failed, (read_manifest(failed) or {}) | {"status": "failed"})
    main(["clean", str(outputs), "--yes", "--checkpoints"])
    assert not (finished / "checkpoints").exists()
    assert (finished / "predictions.csv").exists()
    assert (failed / "checkpoints" / "last.ckpt").exists()


@pytest.mark.parametrize(("terminal", "answer", "goes"), [(True, "y", True), (True, "", False), (False, "y", False)])
def test_nothing_goes_without_a_yes(
    outputs: Path, monkeypatch: pytest.MonkeyPatch, terminal: bool, answer: str, goes: bool, capsys
) -> None:
    aside = write_run(outputs / "studies" / "paper", "m1", "0.1")
    stdin = io.StringIO(f"{answer}\n")
    monkeypatch.setattr(stdin, "isatty", lambda: terminal)
    monkeypatch.setattr("sys.stdin", stdin)
    before = kept(outputs)
    main(["clean", str(outputs)])
    assert aside.exists() == (not goes)
    assert goes or kept(outputs) == before
    last = capsys.readouterr().out.splitlines()[-1]
    assert ("removed 1 folder, " in last) == goes
    assert goes or "nothing was removed" in last


@pytest.mark.parametrize("lock", ["studies/paper/.lock", "studies/paper/m1/.fold=0.lock"])
def test_a_study_that_runs_is_left_alone(outputs: Path, lock: str, capsys: pytest.CaptureFixture[str]) -> None:
    running = write_run(outputs / "studies" / "paper", "m1", "0.1")
    idle = write_run(outputs / "studies" / "other", "m1", "0.1")
    with FileLock(outputs / lock):
        main(["clean", str(outputs), "--yes", "--checkpoints"])
    assert running.exists()
    assert not idle.exists()
    assert "paper is running, and is left alone" in capsys.readouterr().out


def test_links_lead_nowhere(outputs: Path, tmp_path: Path) -> None:
    elsewhere = write_run(tmp_path / "elsewhere", "m9", "0.1")
    store(tmp_path / "elsewhere", tmp_path / "forgotten")
    wandb_run(tmp_path / "elsewhere", "f00")
    before = kept(tmp_path / "elsewhere")
    (outputs / "studies" / "paper" / "m9").symlink_to(elsewhere.parent)
    (outputs / "studies" / "paper" / "m1" / "fold=7.1").symlink_to(elsewhere)
    for name in ("store", "wandb"):
        (outputs / name).symlink_to(tmp_path / "elsewhere" / name)
    main(["clean", str(outputs), "--yes"])
    assert kept(tmp_path / "elsewhere") == before


def test_outputs_may_be_a_link_itself(outputs: Path, tmp_path: Path) -> None:
    aside = write_run(outputs / "studies" / "paper", "m1", "0.1")
    (tmp_path / "link").symlink_to(outputs)
    main(["clean", str(tmp_path / "link"), "--yes"])
    assert not aside.exists()
