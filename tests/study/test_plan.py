"""What a study's plan holds against a later start, and what may differ."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from oral_cancer.errors import UserError
from oral_cancer.experiments import compose_settings
from oral_cancer.files import sealed
from oral_cancer.settings import influential, settings_hash
from oral_cancer.study.plan import FILE, Plan, freeze, read_plan

DATA = {"source": "/a", "root": "/a", "fingerprint": "f" * 8, "images": 3, "reading": None}


def plan(*overrides: str, **data: Any) -> Plan:
    settings = compose_settings(overrides)
    runs = [{"experiment": "m2", "fold": 0, "config_hash": settings_hash(settings)}]
    return Plan(runs, DATA | data, {"m2": "random"}, {"m2": influential(settings) | {"fold": None}})


@pytest.mark.parametrize(
    "overrides",
    [
        ("data.eval_batch_size=4", "trainer.log_every_n_steps=5"),
        ("data.workers=2", "logger=csv", "store=elsewhere"),
        ("hydra/launcher=local", "launcher.jobs=2"),
        ("source.root=/b",),
    ],
)
def test_what_changes_no_figure_may_differ_between_starts(tmp_path: Path, overrides: tuple[str, ...]) -> None:
    freeze(tmp_path, plan())
    frozen = (tmp_path / FILE).read_bytes()
    freeze(tmp_path, plan(*overrides))
    freeze(tmp_path, plan(*overrides, root="/b", source="/b"))
    assert (tmp_path / FILE).read_bytes() == frozen


def test_what_changes_figures_is_told_all_at_once(tmp_path: Path) -> None:
    freeze(tmp_path, plan())
    with pytest.raises(UserError) as refused:
        freeze(
            tmp_path, plan("data.batch_size=8", "split_seed=1", "data.eval_batch_size=4", fingerprint="g", root="/b")
        )
    *lines, remedy = refused.value.lines
    assert [line.partition(": ")[2] for line in lines] == [
        f"data.fingerprint was {'f' * 8}, now g",
        "settings.m2.split_seed was 0, now 1",
        "settings.m2.data.batch_size was 16, now 8",
    ]
    assert "choose another study.name" in remedy


def test_what_differs_alike_in_several_experiments_is_told_once(tmp_path: Path) -> None:
    def of_three(*overrides: str) -> Plan:
        one = plan(*overrides)
        return replace(one, settings=dict.fromkeys(("m1", "m2", "m3"), one.settings["m2"]))

    freeze(tmp_path, of_three())
    with pytest.raises(UserError) as refused:
        freeze(tmp_path, of_three("data.batch_size=8"))
    assert refused.value.lines[0] == f"{tmp_path / FILE}: settings.{{m1,m2,m3}}.data.batch_size was 16, now 8"
    assert len(refused.value.lines) == 2


@pytest.mark.parametrize("comes", [True, False])
def test_a_run_that_comes_or_goes_is_told_in_words(tmp_path: Path, comes: bool) -> None:
    fewer, more = plan(), replace(plan(), runs=[*plan().runs, {"experiment": "m9", "fold": 2, "config_hash": "x"}])
    before, now = (fewer, more) if comes else (more, fewer)
    freeze(tmp_path, before)
    with pytest.raises(UserError) as refused:
        freeze(tmp_path, now)
    said = "was not part of the study, and is now" if comes else "was part of the study, and is not now"
    assert refused.value.lines[0] == f"{tmp_path / FILE}: run m9 fold 2 {said}"


def test_a_plan_of_before_is_read_and_not_gone_on_with(tmp_path: Path) -> None:
    before = {"cells": [{"model": "m2", "fold": 0, "config_hash": "x"}], "data": DATA}
    (tmp_path / FILE).write_text(yaml.safe_dump(sealed(before)))
    read = read_plan(tmp_path)
    assert read is not None
    assert [str(name) for name in read.names] == ["m2/fold=0"]
    with pytest.raises(UserError, match="written by a version of before: such a study is reported and predicted from"):
        freeze(tmp_path, plan())
