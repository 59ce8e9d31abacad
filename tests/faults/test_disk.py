"""A disk that is full or read-only: one line, nothing half-written, and on it goes when there is room."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.study.processes import arguments, files, run

pytestmark = pytest.mark.faults
FIGURES = ("*/*/predictions.csv", "*/*/metrics.json", "tables/*.csv")
STUDY = Path("outputs", "studies", "paper")
UNAWARE = """
import shutil
shutil.disk_usage = lambda path: shutil._ntuple_diskusage(10**12, 0, 10**12)
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A function that mounts a small disk of its own, or changes its options; it returns where."""
    where = tmp_path / "disk"
    where.mkdir()
    with ExitStack() as stack:

        def mount(options: str) -> Path:
            mounted = os.path.ismount(where)
            how = ["-o", f"remount,{options}"] if mounted else ["-t", "tmpfs", "-o", options, "tmpfs"]
            done = subprocess.run(["mount", *how, str(where)], capture_output=True, text=True)
            if done.returncode:
                pytest.skip(f"needs to mount a small disk: {done.stderr.strip()}")
            if not mounted:
                stack.callback(subprocess.run, ["umount", "--lazy", str(where)], check=True)
            return where

        yield mount


@pytest.mark.parametrize("free", ["1m", "3m", "5m"])
def test_a_full_disk_is_named_and_training_goes_on_when_there_is_room(
    undisturbed: Path, images_root: Path, disk: Callable[[str], Path], free: str
) -> None:
    where = disk(f"size={free}")
    (where.parent / "sitecustomize.py").write_text(UNAWARE)  # as if others had filled the disk since the start
    environment = os.environ | {"PYTHONPATH": f"{where.parent}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    command = arguments(images_root)
    done = subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    errors = done.stderr + done.stdout
    assert "Traceback" not in errors
    assert any(word in errors for word in ("No space left", "image store cannot be written")), errors
    for path in where.rglob("*.json"):
        assert path.read_text().endswith("}\n") or path.parent.parent.name == "store", path
    disk("size=200m")
    again = run(images_root, where)
    assert again.returncode == 0, again.stderr
    assert files(where / STUDY, *FIGURES) == files(undisturbed / STUDY, *FIGURES)


def test_a_study_that_does_not_fit_is_refused_before_its_first_run(
    images_root: Path, disk: Callable[[str], Path]
) -> None:
    where = disk("size=5m")
    done = run(images_root, where)
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "what 4 runs leave needs about" in line
    assert "are free there" in line
    assert not list(where.rglob("manifest.json"))


def test_a_read_only_folder_is_one_line(images_root: Path, disk: Callable[[str], Path]) -> None:
    where = disk("size=50m")
    disk("ro")
    study = arguments(images_root)
    for command in (study, [option for option in study if not option.startswith("study")]):
        done = subprocess.run(command, cwd=where, capture_output=True, text=True, timeout=120)
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert line.startswith("error: ")
        assert "Read-only file system" in line
    disk("rw")
    assert run(images_root, where).returncode == 0
