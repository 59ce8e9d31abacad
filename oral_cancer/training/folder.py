"""The folder of a run while it trains, and the manifest that says what became of it."""

import os
import platform
import secrets
import socket
import subprocess
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from omegaconf import OmegaConf

from oral_cancer.command import described
from oral_cancer.errors import Interrupted, UserError
from oral_cancer.files import unfinished, write_text
from oral_cancer.quoting import without_references
from oral_cancer.training.manifest import CHECKPOINT, FILE, file_hashes, is_damaged, read_manifest, write_manifest
from oral_cancer.training.run import Run

REPEATING: dict[str, Any] = {  # what conf/train.yaml says to Hydra of a single training
    "defaults": ["_self_", {"override hydra/job_logging": "console"}, {"override hydra/hydra_logging": "none"}],
    "hydra": {"run": {"dir": "."}, "output_subdir": None, "job": {"name": "train"}},
}
RECORDED_VERSIONS = (
    "oral-cancer",
    "torch",
    "pytorch-lightning",
    "timm",
    "torchmetrics",
    "imbalanced-learn",
    "scikit-learn",
    "albumentations",
    "opencv-python-headless",
    "numpy",
)


@dataclass
class RunFolder:
    """A run's folder while it is ours.

    Attributes:
        path: where all files of the run lie.
        manifest: what manifest.json holds.
        resumed: whether an interrupted training goes on.
    """

    path: Path
    manifest: dict[str, Any]
    resumed: bool = False
    started: float = field(default_factory=time.perf_counter)

    @property
    def checkpoint(self) -> Path:
        """State after the last whole epoch."""
        return self.path / CHECKPOINT

    def record(self, **facts: Any) -> None:
        """Add facts to the manifest and write it."""
        self.manifest |= facts
        write_manifest(self.path, self.manifest)


@contextmanager
def taken(run: Run, facts: dict[str, Any]) -> Iterator[RunFolder]:
    """Take a folder for one training; its manifest ends as `complete`, or as `failed` with the error.

    An interrupted training with the same settings and data, in the same precision and augmented by the same, goes on
    from its checkpoint, or starts anew in place if it has none yet. Any other training that the folder holds is moved
    beside it, to `<folder>.<n>`.

    Args:
        run: whose folder.
        facts: what else the manifest says, among it the data's `fingerprint`.

    Raises:
        UserError: if another process is training in this folder.
    """
    folder = run.folder
    folder.mkdir(parents=True, exist_ok=True)
    lock = _lock(folder)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        holder = read_manifest(folder) or {}
        raise UserError(
            f"{folder} is in use by process {holder.get('process')} on {holder.get('host')}; "
            "wait for it, or give this training a name of its own: name=..."
        ) from None
    try:
        manifest = {"status": "running", "config_hash": run.config_hash, **facts, **_surroundings()}
        before = read_manifest(folder)
        ours = before is not None and _interrupted(before, manifest)
        if not ours and set(folder.iterdir()) - set(unfinished(folder / FILE)):
            kind = "a finished" if before and before.get("status") == "complete" else "another"
            kind = "a damaged manifest.json and its" if is_damaged(folder) else kind
            print(f"{folder} held {kind} training; moved to {_move_beside(folder)}", flush=True)
        resumed = ours and _is_sound(folder / CHECKPOINT)
        manifest["wandb_id"] = before["wandb_id"] if before and resumed else secrets.token_hex(8)
        ours_now = RunFolder(folder, manifest | {"config": run.config}, resumed)
        ours_now.record(start=_now())  # first, for what a folder without it holds is not known to be ours
        _write_hydra_record(run)
        try:
            yield ours_now
        except BaseException as error:
            said = error.cause if isinstance(error, Interrupted) else described(error)
            ours_now.record(status="failed", error=said, **_end(ours_now))
            raise
        ours_now.record(status="complete", files=file_hashes(folder), **_end(ours_now))
    finally:
        lock.release()


def record_failure(run: Run, said: str) -> None:
    """Let the manifest of a run, whose process died without a word, say what ended it."""
    with suppress(Timeout), _lock(run.folder).acquire(blocking=False):
        manifest = read_manifest(run.folder) or {}
        if manifest.get("config_hash") == run.config_hash and manifest.get("status") != "complete":
            write_manifest(run.folder, manifest | {"status": "failed", "error": said})


def _lock(folder: Path) -> FileLock:
    return FileLock(folder.with_name(f".{folder.name}.lock"))


def _is_sound(checkpoint: Path) -> bool:
    """Whether there is a checkpoint and its checksums fit; PyTorch's files are ZIP archives, which have them."""
    if not checkpoint.exists():
        return False
    try:
        with zipfile.ZipFile(checkpoint) as archive:
            sound = archive.testzip() is None
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, zlib.error):
        sound = False
    if not sound:
        print(f"{checkpoint} is damaged; the training starts anew", flush=True)
    return sound


def _interrupted(before: dict[str, Any], now: dict[str, Any]) -> bool:
    same = all(before.get(key) == now[key] for key in ("config_hash", "fingerprint", "precision", "augmented_on"))
    return same and before.get("status") != "complete"


def _move_beside(folder: Path) -> Path:
    number = 1
    while (beside := folder.with_name(f"{folder.name}.{number}")).exists():
        number += 1
    folder.rename(beside)
    folder.mkdir()
    return beside


def _write_hydra_record(run: Run) -> None:
    """What Hydra would record; config.yaml is whole, so that `--config-dir` and `--config-name` repeat the training."""
    config = REPEATING | run.config | {"trust": False}  # which whoever repeats it has to give
    for name, content in (("config", config), ("overrides", list(run.overrides))):
        write_text(
            run.folder / ".hydra" / f"{name}.yaml", OmegaConf.to_yaml(OmegaConf.create(without_references(content)))
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _end(folder: RunFolder) -> dict[str, Any]:
    return {"end": _now(), "seconds": round(time.perf_counter() - folder.started, 3)}


def _surroundings() -> dict[str, Any]:
    return {
        "host": socket.gethostname(),
        "process": os.getpid(),
        "git_commit": _git_commit(),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in RECORDED_VERSIONS},
        "threads": torch.get_num_threads(),
    }


def _git_commit() -> str | None:
    """Commit of the code that runs, with "+changes" where files differ from it; None outside a git checkout."""
    command = [
        "git",
        "-C",
        str(Path(__file__).parent),
        "describe",
        "--always",
        "--abbrev=40",
        "--dirty=+changes",
    ]
    try:
        described = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return described.stdout.strip() or None
