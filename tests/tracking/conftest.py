"""Trainings that were logged to W&B offline, once a session."""

from contextlib import chdir
from pathlib import Path

import pytest

from tests.conftest import MadeOnce, training_below
from tests.tracking.records import Logged

SETTINGS = ("logger=wandb", "logger.save_dir=outputs", "logger.tags=[plate7]")
COMPUTER = "pathology-ws7"
STUDY = "tracked"
RUN = f"outputs/studies/{STUDY}/m2/fold=0"


def _logged(name: str, made_once: MadeOnce, images_root: Path, *overrides: str) -> Path:
    def make(folder: Path) -> None:
        with chdir(folder), pytest.MonkeyPatch.context() as patched:
            patched.setattr("socket.gethostname", lambda: COMPUTER)
            training_below(folder, images_root)(*SETTINGS, *overrides, folder=RUN, study=STUDY)

    return made_once(name, make)


@pytest.fixture(scope="session")
def open_folder(made_once: MadeOnce, images_root: Path) -> Path:
    """Where a training was started that is not private."""
    return _logged("logged", made_once, images_root)


@pytest.fixture(scope="session")
def private_folder(made_once: MadeOnce, images_root: Path) -> Path:
    """Where a private one was."""
    return _logged("logged_privately", made_once, images_root, "private=true")


def of(folder: Path) -> Logged:
    """The one run that was logged offline below the folder of a start."""
    (run,) = (folder / "outputs" / "wandb").glob("offline-run-*")
    return Logged.of(run)
