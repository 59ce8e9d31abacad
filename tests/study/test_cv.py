"""Which runs study=cv and study=paper plan, by what the data themselves say of folds."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import OmegaConf

from oral_cancer.settings import influential
from oral_cancer.study.planning import plan_jobs
from oral_cancer.training.run import Run
from tests.conftest import REPOSITORY

VARIED = ("plain", "balanced", "weighted", "smote", "cleaned")


@pytest.fixture(autouse=True)
def hydra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    with initialize_config_dir(str(REPOSITORY / "conf"), version_base="1.3"):
        yield


def planned_runs(*overrides: str) -> list[Run]:
    loader = GlobalHydra.instance().hydra
    assert loader is not None
    jobs = plan_jobs(loader.compose_config(config_name="train", overrides=list(overrides), run_mode=RunMode.MULTIRUN))
    return [job.run for job in jobs or ()]


def planned(*overrides: str) -> dict[str, list[object]]:
    """The folds of each experiment."""
    folds: dict[str, list[object]] = {}
    for run in planned_runs(*overrides):
        folds.setdefault(run.experiment, []).append(run.fold)
    return folds


def folder(*folders: str) -> str:
    for name in folders:
        Path("cells", name).mkdir(parents=True)
        Path("cells", name, "a.png").touch()
    return "source.root=cells"


def table(column: str, *values: object) -> str:
    Path("cells.csv").write_text("\n".join((f"file,label,{column}", *(f"{v}.png,{v % 2},{v}" for v in values))))
    for value in values:
        Path(f"{value}.png").touch()
    return "source.table=cells.csv"


@pytest.mark.slow
def test_each_treatment_by_five_folds() -> None:
    assert planned("study=cv", "source=folder", folder("A", "B")) == {name: [0, 1, 2, 3, 4] for name in VARIED}


def test_what_is_wanted() -> None:
    words = ("study=cv", "source=folder", folder("A", "B"), "study.vary=[plain]")
    assert planned(*words, "data.folds=3") == {"plain": [0, 1, 2]}
    assert planned(*words, "study.folds=[1]") == {"plain": [1]}


@pytest.mark.parametrize("study", ["study=cv", "study=paper"])
def test_a_given_part_that_validates_is_the_only_fold(study: str) -> None:
    root = folder("train/A", "train/B", "val/A", "val/B")
    assert set(map(tuple, planned(study, "source=folder", root).values())) == {(0,)}


def test_folds_of_the_data_are_those_of_the_study() -> None:
    words = ("source=table", table("fold", *range(7)), "study.vary=[plain]")
    assert planned("study=cv", *words) == {"plain": list(range(7))}


def test_a_probe_and_a_training_of_one_backbone_are_two_experiments() -> None:
    words = (
        "model=efficientnet_lite0,linear_probe",
        "source=folder",
        folder("A", "B"),
        "experiment=m1",
        "study.name=x",
    )
    assert planned(*words) == {"m1-efficientnet_lite0": [0], "m1-linear_probe": [0]}


def test_each_group_is_left_out() -> None:
    words = ("source=table", table("donor", 0, 1, 2, 3), "study.vary=[plain]", "study.folds=leave_one_group_out")
    assert planned("study=cv", *words) == {"plain": [0, 1, 2, 3]}


@pytest.mark.slow
def test_treatments_are_the_published_models_and_each_further_choice_by_its_name() -> None:
    names = OmegaConf.load(REPOSITORY / "conf" / "study" / "treatments.yaml").study.models
    assert planned("study=treatments", "source=simulated", "study.folds=[0]") == {name: [0] for name in names}
    everything = {path.stem for path in (REPOSITORY / "conf" / "experiment").glob("*.yaml")}
    assert set(names) == everything - {*VARIED, "m3_published", "ema"}


def test_the_small_network_is_a_moving_average_whatever_trains_it() -> None:
    words = ("study=treatments", "source=simulated", "study.models=[m2,ema]", "study.folds=[0]")
    m2, ema = (run.settings for run in planned_runs(*words))
    assert influential(m2) == influential(ema)


def test_nothing_is_simulated_to_know_the_folds() -> None:
    assert planned("study=demo", "study.models=[m1]") == {"m1": [0, 1, 2, 3, 4]}
    assert not Path("data").exists()
