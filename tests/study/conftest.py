from pathlib import Path

import pytest

from tests.study.processes import run


@pytest.fixture(scope="session")
def undisturbed(images_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which a study of two models and two folds has run to its end."""
    cwd = tmp_path_factory.mktemp("undisturbed")
    done = run(images_root, cwd, logger="wandb")
    assert done.returncode == 0, done.stderr
    return cwd
