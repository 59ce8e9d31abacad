"""The folder of a run while it trains, and the manifest that says what became of it."""

import os
import platform
import socket
import subprocess
import time
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
from oral_cancer.settings import influential_of
from oral_cancer.tracking.identity import run_id
from oral_cancer.training.checkpoint import is_sound
from oral_cancer.training.manifest import CHECKPOINT, FILE, file_hashes, is_damaged, read_manifest, write_manifest
from oral_cancer.training.run import Run

REPEATING: dict[str, Any] = {  # what conf/train.yaml says to Hydra of a single training
    "defaults": ["_self_", {"override hydra/job_logging": "console"}, {"override hydra/hydra_logging": "none"}],
    "hydra": {"run": {"dir": "."}, "output_subdir": None, "job": {"name": "train"}},
}
TELLING = {
    "fingerprint": "the images' fingerprint",
    "labelled": "what is known of the images",
    "precision": "precision",
    "augmented_on": "augmented on",
}
"""Entries of a manifest in which a training that goes on is the same, beside its settings, and what they are called."""
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
    "scikit-image",
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
        manifest["config"] = run.config
        before = read_manifest(folder)
        reason = _why_not_gone_on_with(before, manifest)
        if reason and set(folder.iterdir()) - set(unfinished(folder / FILE)):
            reason = "its manifest.json is damaged" if is_damaged(folder) else reason
            print(f"{folder} held another training: {reason}; moved to {_move_beside(folder)}", flush=True)
        resumed = not reason and is_sound(folder / CHECKPOINT)
        manifest["wandb_id"] = run_id(before["wandb_id"] if before and not reason else None)
        ours_now = RunFolder(folder, manifest, resumed)
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


def _why_not_gone_on_with(before: dict[str, Any] | None, now: dict[str, Any]) -> str:
    """What tells the training that a folder holds from the one that is to begin there; "" for the same, interrupted."""
    if before is None:
        return "it has no manifest.json"
    same_settings = before.get("config_hash") == now["config_hash"]
    facts = {what: (before.get(key), now[key]) for key, what in TELLING.items()}
    settings = {} if same_settings else _changed_settings(before.get("config") or {}, now["config"])
    changed = [f"{what} was {old}, is {new}" for what, (old, new) in (settings | facts).items() if old != new]
    if not same_settings and not settings:
        changed.append("its settings are of another version")
    if before.get("status") == "complete":
        changed.insert(0, "it is finished")
    return ", ".join(changed)


def _changed_settings(before: dict[str, Any], now: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """By option, what it was and is; those without influence on a figure left out."""
    old, new = (dict(_options(influential_of(settings))) for settings in (before, now))
    return {
        option: (old.get(option, "absent"), new.get(option, "absent"))
        for option in dict.fromkeys((*old, *new))
        if old.get(option, "absent") != new.get(option, "absent")
    }


def _options(settings: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in settings.items():
        option = f"{above}{key}"
        if isinstance(value, dict) and value:
            yield from _options(value, f"{option}.")
        else:
            yield option, value


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
