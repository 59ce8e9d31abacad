"""What an agent of W&B's would type for a sweep of conf/sweeps is a training that can be started."""

from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml
from wandb.sdk.launch.sweeps.utils import create_sweep_command, create_sweep_command_args

from oral_cancer.command_line import faults_of
from oral_cancer.config_groups import CONF, SWEEPS
from oral_cancer.settings.callbacks import MEASURED
from oral_cancer.tracking.identity import in_sweep, run_id
from oral_cancer.training.loggers import summary
from tests.conftest import REPOSITORY

PATHS = sorted((CONF / SWEEPS).glob("*.yaml"))


def typed(sweep: dict[str, Any], values: dict[str, Any]) -> list[str]:
    """The words behind the program, as W&B's own agent makes them."""
    found = create_sweep_command_args({"args": {name: {"value": value} for name, value in values.items()}})
    known = found | {"env": ["env"], "interpreter": ["python"], "program": [sweep["program"]]}
    names = {f"${{{name}}}": words for name, words in known.items()}
    words = list(chain.from_iterable(names.get(word, [word]) for word in create_sweep_command(sweep["command"])))
    assert words[:3] == ["env", "python", "train.py"]
    return words[3:]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_value_of_a_sweep_can_be_trained_with(path: Path) -> None:
    sweep = yaml.safe_load(path.read_text())
    assert (REPOSITORY / sweep["program"]).is_file()
    ends = {name: one.get("values") or [one["min"], one["max"]] for name, one in sweep["parameters"].items()}
    for place in range(max(map(len, ends.values()))):
        words = typed(sweep, {name: values[place % len(values)] for name, values in ends.items()})
        assert len(words) >= len(ends)
        assert faults_of(words) == []
    assert faults_of([*words, "data.batch_size=none"])


def test_what_a_sweep_is_judged_by_is_in_the_summary() -> None:
    logged = summary({"val": {"homo": {"f1_macro": 0.5}, "hetero": {"rmse": 0.1}}})
    assert {yaml.safe_load(path.read_text())["metric"]["name"] for path in PATHS} <= set(logged)
    assert not set(logged) & set(MEASURED)


def test_in_a_sweep_a_run_has_its_agents_id_and_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_RUN_ID", "of_agent")
    monkeypatch.delenv("WANDB_SWEEP_ID", raising=False)
    assert (run_id("before"), in_sweep("m5")) == ("before", "m5")
    assert run_id(None) != run_id(None)
    monkeypatch.setenv("WANDB_SWEEP_ID", "sweep")
    assert (run_id("before"), run_id(None), in_sweep("m5")) == ("of_agent", "of_agent", "m5-of_agent")
