"""Trainings that were logged to W&B offline, once a session."""

from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest
import wandb

from tests.conftest import MadeOnce, training_below
from tests.tracking.records import Logged
from tests.tracking.stand_in import StandIn, stand_in

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


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """A stand-in that the user is logged in to, whose home stays empty."""
    for variable in ("WANDB_MODE", "WANDB_DATA_DIR", "WANDB_CACHE_DIR", "WANDB_ARTIFACT_DIR", "WANDB_CONFIG_DIR"):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.chdir(tmp_path)
    with stand_in() as known:
        monkeypatch.setenv("WANDB_BASE_URL", known.address)
        wandb.teardown()  # what this process knows of its settings
        yield known
        wandb.teardown()


def of(folder: Path) -> Logged:
    """The one run that was logged offline below the folder of a start."""
    (run,) = (folder / "outputs" / "wandb").glob("offline-run-*")
    return Logged.of(run)
