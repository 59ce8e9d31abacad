"""Trainings and small studies in processes of their own, as a user runs them, but for the seconds of imports."""

import os
import runpy
import subprocess
import sys
from functools import partial
from pathlib import Path

from oral_cancer.study.fork_server import Forked
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


class Started:
    """What `python train.py ...` does, in a process group of its own, from a server that has imported all."""

    def __init__(self, command: list[str], cwd: Path, pythonpath: Path | None = None) -> None:
        self.command = command
        self.files = [cwd.with_name(f"{cwd.name}.{stream}.txt") for stream in ("stdout", "stderr")]
        self.forked = Forked(partial(_train, command[1:], cwd, self.files, pythonpath), {}, threads=1)
        self.process = self.forked.process

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    @property
    def goes_on(self) -> bool:
        return self.process.is_alive()

    def ended(self, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        """What became of it."""
        self.process.join(timeout)
        if self.goes_on:
            self.process.kill()
            raise subprocess.TimeoutExpired(self.command, timeout)
        out, err = (path.read_text() for path in self.files)
        assert self.process.exitcode is not None
        return subprocess.CompletedProcess(self.command, self.process.exitcode, out, err)


def _train(command: list[str], cwd: Path, files: list[Path], pythonpath: Path | None) -> None:
    os.setsid()
    os.chdir(cwd)
    for stream, path in enumerate(files, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
    if pythonpath:
        sys.path.insert(0, str(pythonpath))
    sys.argv = command
    runpy.run_path(command[0], run_name="__main__")


def start(images_root: Path, cwd: Path, *overrides: str) -> Started:
    return Started(arguments(images_root, *overrides), cwd)


def run(
    images_root: Path, cwd: Path, *overrides: str, logger: str = "none", pythonpath: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return Started(arguments(images_root, *overrides, logger=logger), cwd, pythonpath).ended()


def files(study: Path, *patterns: str) -> dict[str, bytes]:
    return {str(path.relative_to(study)): path.read_bytes() for name in patterns for path in sorted(study.glob(name))}
