"""What became of a run, as its folder says."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from oral_cancer.evaluation.run_features import FILE as FEATURES
from oral_cancer.files import sealed, sha256_of, unsealed, write_json
from oral_cancer.settings.callbacks import LAST

FILE = "manifest.json"
SYNTHETIC = "synthetic.jpg"
CHECKPOINT = Path("checkpoints", f"{LAST}.ckpt")  # below a run's folder: the state after the last whole epoch
RESULTS = ("predictions.csv", "metrics.json", "history.csv", "splits.csv", FEATURES)
"""What is read of a finished run beside its checkpoint; features only of those that have them."""


def write_manifest(folder: Path, content: Mapping[str, Any]) -> None:
    """Write a run's manifest, with a checksum by which `read_manifest` notices damage."""
    write_json(folder / FILE, sealed(content))


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest in a run's folder; None where there is none, or only a damaged one (see `is_damaged`)."""
    if not (folder / FILE).is_file():
        return None
    try:
        return unsealed(json.loads((folder / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError):
        return None


def log_of(folder: Path) -> Path:
    """Where a run of a study writes what it says: beside its folder, which may be moved away and made anew."""
    return folder.with_name(f"{folder.name}.log")


def is_damaged(folder: Path) -> bool:
    """Whether a run's folder has a manifest that is not as it was written."""
    return (folder / FILE).exists() and read_manifest(folder) is None


def file_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of the files of a run that its figures and its page rest on, by their path below its folder."""
    beside = [folder / name for name in ("metrics.json", FEATURES, SYNTHETIC, CHECKPOINT)]
    paths = [*sorted(folder.glob("*.csv")), *beside]
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in paths if path.exists()}


def changed_files(folder: Path, manifest: Mapping[str, Any], only: tuple[str, ...] | None = None) -> list[str]:
    """One line for each file of a complete run that is missing or not as its manifest says.

    Args:
        folder: the run's.
        manifest: its content.
        only: the files to look at; None for all.
    """
    faults = []
    for name, sha256 in (manifest.get("files") or {}).items():
        path = folder / name
        if only is not None and name not in only:
            continue
        if not path.is_file():
            faults.append(f"{path} is missing")
        elif sha256_of(path) != sha256:
            faults.append(f"{path} is damaged: its SHA-256 is not that in {FILE}")
    return faults
