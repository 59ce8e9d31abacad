"""A small study in a process of its own, as a user runs it."""

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import REPOSITORY, SMALL_NETWORK


def arguments(images_root: Path, *overrides: str, logger: str = "none") -> list[str]:
    return [
        sys.executable,
        str(REPOSITORY / "train.py"),
        *(option for option in overrides if option.startswith("--")),
        "study=paper",
        "study.models=[m1,m4]",
        "study.folds=[0,1]",
        "source=folder",
        f"source.root={images_root}",
        *(option for option in SMALL_NETWORK if option != "logger=none"),
        f"logger={logger}",
        "trainer.max_epochs=4",
        *(option for option in overrides if not option.startswith("--")),
    ]


def run(
    images_root: Path, cwd: Path, *overrides: str, logger: str = "none", pythonpath: Path | None = None
) -> subprocess.CompletedProcess[str]:
    env = os.environ | ({"PYTHONPATH": str(pythonpath)} if pythonpath else {})
    command = arguments(images_root, *overrides, logger=logger)
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=600)


def files(study: Path, *patterns: str) -> dict[str, bytes]:
    return {str(path.relative_to(study)): path.read_bytes() for name in patterns for path in sorted(study.glob(name))}
