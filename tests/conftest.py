"""Small data and a small network, so that whole trainings fit into a test."""

import os
import shutil
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from filelock import FileLock

os.environ["OMP_NUM_THREADS"] = "1"  # as quick with so small a network, and fair to what else runs
os.environ["WANDB_MODE"] = "offline"
os.environ["HF_HUB_OFFLINE"] = "1"

from tests.published import GROUPS, SPLIT_FOLDERS

REPOSITORY = Path(__file__).parents[1]
MadeOnce = Callable[[str, Callable[[Path], object]], Path]
SMALL_NETWORK = (
    "model.backbone=test_byobnet",  # stochastic depth draws random numbers in it, and batch norm has statistics
    "model.weights=none",
    "model.image_size=32",
    "trainer.accelerator=cpu",
    "trainer.max_epochs=2",
    "logger=none",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--kills", type=int, default=50, help="of a study, at random moments, by tests/faults/test_kills.py"
    )


def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Longest first, so that no core waits for it at the end."""
    items.sort(key=lambda item: "real_cells" not in item.fixturenames)


@pytest.fixture(scope="session")
def real_cells() -> Path:
    """The folder of real cell crops that lies beside the repository on its developers' machines."""
    folder = REPOSITORY.parent / "shared" / "real_cells"
    if not folder.is_dir():
        pytest.skip("needs the real cell crops beside the repository")
    return folder


@pytest.fixture(scope="session")
def white_blood_cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of two laboratories' images and tables."""
    archive = REPOSITORY.parent / "shared" / "white_blood_cells" / "images.tar.xz"
    if not archive.is_file():
        pytest.skip("needs the white blood cells beside the repository")
    root = tmp_path_factory.mktemp("white_blood_cells")
    with tarfile.open(archive) as archived:
        archived.extractall(root, filter="data")
    return root


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> MadeOnce:
    """A function that returns a folder by its name, made by the first process of the session that asks for it.

    All processes share what is in it: a test that changes something takes a copy.
    """
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def made(name: str, make: Callable[[Path], object]) -> Path:
        folder = base / name
        with FileLock(base / f"{name}.lock"):
            if not (base / f"{name}.made").exists():
                shutil.rmtree(folder, ignore_errors=True)  # of a process that failed
                folder.mkdir()
                make(folder)
                (base / f"{name}.made").touch()
        return folder

    return made


@pytest.fixture(scope="session")
def images_root(made_once: MadeOnce) -> Path:
    """A folder in the published layout: 20 Val and 4 Test images of every class and mixture, 48 x 40 px.

    Colour tells the classes apart, so that even a small network learns something.
    """
    return made_once("images", write_images)


def write_images(root: Path) -> None:
    rng = np.random.default_rng(0)
    for group in GROUPS:
        for split, number in (("val", 20), ("test", 4)):
            folder = root / SPLIT_FOLDERS[group.image_set, split] / group.folders[0]
            folder.mkdir(parents=True)
            for i in range(number):
                image = 60 + 120 * np.array(group.soft_label) + rng.normal(0, 25, (40, 48, 3))
                name = f"{group.name.replace(':', 'to')}_{split}{i}.png"
                cv2.imwrite(str(folder / name), image.clip(0, 255).astype(np.uint8))


def training_below(tmp_path: Path, images_root: Path) -> Callable[..., Path]:
    """A function that trains the small network with overrides and returns the run's folder below `tmp_path`."""
    from oral_cancer.experiments import compose_settings
    from oral_cancer.settings import check
    from oral_cancer.training.run import Run, RunName
    from oral_cancer.training.train import train as train_one

    def run(
        *overrides: str, folder: str = "run", settings: Sequence[str] = SMALL_NETWORK, study: str | None = None
    ) -> Path:
        root = (f"source.root={images_root}", f"store={tmp_path / 'store'}")
        composed = compose_settings([*settings, "source=folder", *root, *overrides])
        check(composed)
        train_one(Run.of(composed, tmp_path / folder, RunName.of_path(Path(folder)), study))
        return tmp_path / folder

    return run


@pytest.fixture
def train(images_root: Path, tmp_path: Path) -> Callable[..., Path]:
    """See `training_below`."""
    return training_below(tmp_path, images_root)


@pytest.fixture(scope="session")
def trained(made_once: MadeOnce, images_root: Path) -> Path:
    """A study of two folds of M2, trained for a moment on small images."""

    def make(folder: Path) -> None:
        for fold in (0, 1):
            training_below(folder, images_root)(f"fold={fold}", "trainer.max_epochs=1", folder=f"study/m2/fold={fold}")

    return made_once("trained", make) / "study"


@pytest.fixture
def study(trained: Path, tmp_path: Path) -> Path:
    """A copy of `trained`, which a test may change."""
    return Path(shutil.copytree(trained, tmp_path / "study"))


@pytest.fixture
def exported(trained: Path, made_once: MadeOnce, tmp_path: Path) -> Path:
    """A copy of a study that has been exported."""
    from scripts import export

    def make(folder: Path) -> None:
        export.main([str(shutil.copytree(trained, folder / "study")), "experiment=m2"])

    return Path(shutil.copytree(made_once("exported", make) / "study", tmp_path / "exported"))


@pytest.fixture(scope="session")
def undisturbed(made_once: MadeOnce, images_root: Path) -> Path:
    """The folder in which a study of two models and two folds has run to its end."""
    from tests.study.processes import run  # which imports this module

    def make(cwd: Path) -> None:
        done = run(images_root, cwd, logger="wandb")
        assert done.returncode == 0, done.stderr

    return made_once("undisturbed", make)


@pytest.fixture
def again(undisturbed: Path, tmp_path: Path) -> Path:
    """A copy of `undisturbed`, in which a test may start the study again or harm it."""
    return Path(shutil.copytree(undisturbed, tmp_path / "again", symlinks=True))
