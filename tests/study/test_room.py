"""What will not fit the disk is refused before it begins."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from oral_cancer.errors import UserError
from oral_cancer.experiments import compose_settings
from oral_cancer.study.room import insist_on_room_for_runs, insist_on_room_for_trials
from oral_cancer.training.images import collected, open_images
from oral_cancer.training.run import Run, RunName
from tests.conftest import SMALL_NETWORK
from tests.study.made_up import write_run

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch):
    """Sets how many bytes are free on every disk."""
    return lambda number: monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 10**12 - number, number))


def runs(study: Path, *overrides: str) -> list[Run]:
    settings = compose_settings([*SMALL_NETWORK, *overrides])
    return [Run.of(settings, study / "m2" / f"fold={fold}", RunName("m2", fold)) for fold in range(3)]


def test_runs_that_do_not_fit_are_refused_with_the_numbers(tmp_path: Path, free) -> None:
    study = tmp_path / "study"
    free(10**9)
    insist_on_room_for_runs(study, runs(study), {"m2": 10**8 // 2})
    with pytest.raises(UserError) as refused:
        insist_on_room_for_runs(study, runs(study), {"m2": 10**9})
    (line,) = refused.value.lines
    assert line.startswith(f"{study}: what 3 runs leave needs about ")
    assert "1 GB are free there" in line
    assert "hydra.sweep.dir=" in line


def test_finished_runs_need_no_more_room(tmp_path: Path, free) -> None:
    for fold in range(3):
        write_run(tmp_path / "study", "m2", fold)
    free(0)
    insist_on_room_for_runs(tmp_path / "study", runs(tmp_path / "study"), {"m2": 10**9})


def test_trials_of_a_search_are_counted_as_runs_are(tmp_path: Path, free) -> None:
    (trial, *_) = runs(tmp_path)
    free(10**9)
    insist_on_room_for_trials(tmp_path, 3, trial, 10**8 // 2)
    insist_on_room_for_trials(tmp_path, 0, trial, 10**9)
    with pytest.raises(UserError, match=r"what 1 trial leaves needs about 7 GB, and 1 GB are free there"):
        insist_on_room_for_trials(tmp_path, 1, trial, 10**9)
    with pytest.raises(UserError, match=r"what 20 trials leave needs about "):
        insist_on_room_for_trials(tmp_path, 20, trial, 10**8 // 2)


def test_a_store_that_does_not_fit_is_refused_before_it_is_built(images_root: Path, tmp_path: Path, free) -> None:
    (run, *_) = runs(tmp_path, "source=folder", f"source.root={images_root}", f"store={tmp_path / 'store'}")
    free(1000)
    with pytest.raises(UserError, match=r"the image store needs about .* KB, and 1 KB are free there"):
        open_images(run, collected(run))
    assert not list((tmp_path / "store").rglob("*.npy"))
    free(10**9)
    assert len(open_images(run, collected(run)).images) == 168
