"""Whatever an option is set to, it is refused by name with its range, or can be trained with; nothing else happens."""

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf

from oral_cancer.errors import UserError
from oral_cancer.experiments import compose_settings
from oral_cancer.settings import build, check
from tests.faults.harm import QUICK

# Options that have a range, each with whether a value lies in it, told apart from how the program tells it.
WHOLE = {
    "fold": (0, 4),
    "split_seed": (0, 2**32 - 1),
    "seed": (0, 2**32 - 1),
    "data.folds": (2, math.inf),
    "data.batch_size": (1, math.inf),
    "data.eval_batch_size": (1, math.inf),
    "data.workers": (0, math.inf),
    "model.image_size": (32, math.inf),
    "model.supersampling": (1, math.inf),
    "model.freeze": (0, math.inf),
    "trainer.max_epochs": (1, math.inf),
    "trainer.devices": (1, 1),
    "trainer.num_nodes": (1, 1),
    "launcher.jobs": (1, math.inf),
    "launcher.cells_per_gpu": (1, math.inf),
    "resampling.k_neighbors": (1, math.inf),
    "resampling.m_neighbors": (1, math.inf),
}
REAL = {
    "model.drop_path_rate": (0.0, math.nextafter(1, 0)),
    "model.label_smoothing": (0.0, math.nextafter(1, 0)),
    "model.mixup": (math.nextafter(0, 1), math.nextafter(math.inf, 0)),
    "model.focal.gamma": (0.0, math.nextafter(math.inf, 0)),
    "model.scheduler.factor": (math.nextafter(0, 1), math.nextafter(math.inf, 0)),
    "model.optimizer.eps": (math.nextafter(0, 1), math.nextafter(math.inf, 0)),
    "resampling.multiples.3_1": (0.0, math.nextafter(math.inf, 0)),
}
MAY_BE_NULL = {"data.eval_batch_size", "data.workers", "launcher.jobs", "model.drop_path_rate", "model.mixup"}
ODD = st.one_of(
    st.integers(-3, 400),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
    st.text(st.characters(exclude_characters="$\\", exclude_categories=["Cs"]), max_size=8),
    st.lists(st.integers(-1, 3), max_size=3),
    st.dictionaries(st.sampled_from("ab"), st.integers(), max_size=1),
)


@pytest.fixture(scope="module")
def settings() -> DictConfig:
    return compose_settings(["experiment=m3", "trainer=cpu", "hydra/launcher=local"])


def fits(option: str, value: Any) -> bool:
    if value is None:
        return option in MAY_BE_NULL
    least, most = (WHOLE | REAL)[option]
    if isinstance(value, list):
        return option == "trainer.devices" and len(value) == 1 and value[0] >= 0
    if option in WHOLE and type(value) is not int:
        return False
    return type(value) in (int, float) and least <= value <= most


def refusal(settings: DictConfig, option: str, value: Any) -> list[str]:
    changed = settings.copy()
    OmegaConf.update(changed, option, value, merge=False)
    try:
        check(changed)
    except UserError as fault:
        return list(fault.lines)
    return []


@pytest.mark.slow
@QUICK
@given(option=st.sampled_from(sorted(WHOLE | REAL)), value=ODD)
def test_a_value_out_of_its_range_is_refused_by_name(settings: DictConfig, option: str, value: Any) -> None:
    lines = refusal(settings, option, value)
    assert bool(lines) == (not fits(option, value)), lines
    for line in lines:
        assert "\n" not in line
    if lines:
        assert lines[0].startswith(f"{option}=")
        assert ": must be " in lines[0]


@pytest.mark.slow
@QUICK
@given(
    option=st.sampled_from(
        (
            "name",
            "store",
            "study.name",
            "fold",
            "data.train_sets",
            "model.scheduler.rates",
            "model.scheduler.milestones",
            "model.optimizer.betas",
            "resampling.pairs",
            "resampling.multiples",
            "trainer.devices",
        )
    ),
    value=ODD,
)
def test_no_value_provokes_anything_but_a_refusal(
    settings: DictConfig, tmp_path_factory: pytest.TempPathFactory, option: str, value: Any
) -> None:
    before = sorted(Path.cwd().iterdir())
    for line in refusal(settings, option, value):
        assert "\n" not in line
        assert option.partition(".")[0] in line
    assert sorted(Path.cwd().iterdir()) == before


@pytest.mark.slow
@QUICK
@given(name=st.text(max_size=30))
def test_a_name_that_passes_is_one_folder_below(settings: DictConfig, name: str) -> None:
    changed = settings.copy()
    changed.name = name.replace("$", "")
    try:
        check(changed)
    except UserError:
        return
    folder = Path("/outputs") / changed.name
    assert folder.parent == Path("/outputs")
    assert folder.name == changed.name
    assert "\0" not in changed.name


def test_what_passes_can_be_built(settings: DictConfig) -> None:
    assert build(settings, "resampling")
