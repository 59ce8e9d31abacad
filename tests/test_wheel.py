"""The wheel holds all that the program needs, wherever it is run."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, SMALL_NETWORK, MadeOnce

pytestmark = pytest.mark.slow
SIMULATED = ("source=simulated", "source.per_class=6", "source.per_mixture=6", "data.folds=2", "trainer.max_epochs=1")


@pytest.fixture(scope="module")
def site(made_once: MadeOnce) -> Path:
    """A folder in which the wheel is installed, and nothing else; its dependencies are those of this environment."""
    return made_once("wheel", install) / "site"


def install(folder: Path) -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    for name in filter(None, tracked.stdout.split("\0")):  # as a fresh clone has them
        if (REPOSITORY / name).is_file():
            (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, folder / "source" / name)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(folder / "source")]
    subprocess.run([*pip, *build], check=True, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", str(folder / "site"), str(wheel)], check=True, cwd=folder)


def test_a_study_from_another_folder(site: Path, tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(site)}

    def oral_cancer(*arguments: str) -> str:
        command = [str(site / "bin" / "oral-cancer"), *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    where = "import oral_cancer, oral_cancer.config_groups as c; print(oral_cancer.__file__, c.CONF)"
    found = subprocess.run([sys.executable, "-c", where], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert found.stdout.split() == [str(site / "oral_cancer" / name) for name in ("__init__.py", "conf")]

    launcher = ("hydra/launcher=local", "launcher.jobs=2")  # which the wheel brings as well
    oral_cancer("train", "-m", "experiment=m1,m2", "fold=0,1", "study.name=tiny", *launcher, *SMALL_NETWORK, *SIMULATED)
    study = tmp_path / "outputs" / "studies" / "tiny"
    page = (study / "report.html").read_bytes()
    (study / "report.html").unlink()
    oral_cancer("report", str(study))
    assert (study / "report.html").read_bytes() == page
    assert "4 of 4 runs done" in oral_cancer("status", str(study))
    assert "4 of 4" in oral_cancer("list")
    assert "m2" in oral_cancer("compare", str(study / "m1"), str(study / "m2"))
    images = next((tmp_path / "data" / "simulated").iterdir())
    oral_cancer("predict", str(study), f"images={images}", "out=predicted")
    assert (tmp_path / "predicted" / "predictions.csv").exists()


def test_every_file_of_settings_and_pages_is_in_the_wheel(site: Path) -> None:
    def of(folder: Path, *patterns: str) -> set[Path]:
        return {path.relative_to(folder) for pattern in patterns for path in folder.rglob(pattern)}

    assert of(site / "oral_cancer" / "conf", "*.yaml") == of(REPOSITORY / "conf", "*.yaml")
    assert of(site / "hydra_plugins", "*.py") == of(REPOSITORY / "hydra_plugins", "*.py")
    kinds = ("*.j2", "*.css", "*.py", "py.typed")
    assert of(site / "oral_cancer", *kinds) == of(REPOSITORY / "oral_cancer", *kinds)


def test_the_wheel_of_a_folder_without_git_has_a_version_and_the_licence(site: Path) -> None:
    (about,) = site.glob("oral_cancer-*.dist-info")
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["setuptools_scm"]
    assert about.name == f"oral_cancer-{settings['fallback_version']}.dist-info"
    assert (about / "licenses" / "LICENSE").read_text() == (REPOSITORY / "LICENSE").read_text()
