"""A search for settings: what it tries, that it goes on where it stopped, and what it must not see."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from filelock import FileLock
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.utils import JobReturn, JobStatus
from hydra.types import RunMode
from omegaconf import DictConfig

from oral_cancer.errors import UserError
from oral_cancer.experiments import Composed, compose_settings, composed_of
from oral_cancer.settings import influential
from oral_cancer.study.journal import JOURNAL, Search, freeze_search, open_journal
from oral_cancer.study.parameters import Choice, Span, parameters_of
from oral_cancer.study.search import _outcome, plan_search, run_search
from oral_cancer.study.search_page import TABLE, importances, write_search_report
from oral_cancer.study.study import run_job, validation_figure
from oral_cancer.training.manifest import file_hashes, write_manifest
from oral_cancer.training.run import Run, RunName
from tests.conftest import REPOSITORY, SMALL_NETWORK
from tests.study.processes import Started
from tests.study.test_report import Page
from tests.test_any_cells import Cells

FACTOR = "model.scheduler.factor"
MIXTURES = ("3_1", "1_3", "2_1", "1_2")
SEARCH = Search({}, "minimize", {"_target_": "optuna.samplers.TPESampler"}, [], {}, "none", {})


@contextmanager
def multirun(*overrides: str, kind: str = "m5") -> Iterator[DictConfig]:
    """The settings of a search with Hydra's own, as its callback and its sweeper get them."""
    with initialize_config_dir(str(REPOSITORY / "conf"), version_base="1.3"):
        yield GlobalHydra.instance().hydra.compose_config(
            config_name="train", overrides=[f"hparams_search={kind}", *overrides], run_mode=RunMode.MULTIRUN
        )


class Made:
    """A launcher that trains nothing: values are a function of the settings; it may be cut off, or fail."""

    def __init__(self, at_once: int = 1, dies_at: int | None = None, fails: Sequence[int] = ()) -> None:
        self.at_once, self.dies_at, self.fails = at_once, dies_at, fails
        self.numbers: list[int] = []

    def launch(self, jobs: Sequence[Sequence[str]], initial_job_idx: int) -> list[JobReturn]:
        numbers = range(initial_job_idx, initial_job_idx + len(jobs))
        if self.dies_at in numbers:
            raise KeyboardInterrupt
        self.numbers += numbers
        return [self._ran(job, number) for job, number in zip(jobs, numbers, strict=True)]

    def _ran(self, job: Sequence[str], number: int) -> JobReturn:
        if number in self.fails:
            return JobReturn(_return_value=ValueError("no\nroom"), status=JobStatus.FAILED)
        settings = dict(word.split("=", 1) for word in job)
        value = abs(float(settings[FACTOR]) - 1.3) + 0.1 * int(settings["data.batch_size"])
        return JobReturn(_return_value=value, status=JobStatus.COMPLETED)


def _params(config: DictConfig) -> list[str]:
    return [f"{option}={sweep}" for option, sweep in config.hydra.sweeper.params.items()]


@pytest.fixture
def search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., pd.DataFrame]:
    """A function that runs a search through a made-up launcher and returns its table."""
    monkeypatch.chdir(tmp_path)

    def run(launcher: Made, *overrides: str, name: str = "s") -> pd.DataFrame:
        folder = tmp_path / "outputs" / "studies" / name
        folder.mkdir(parents=True, exist_ok=True)
        with multirun(f"study.name={name}", *overrides) as config:
            parameters, _ = parameters_of(_params(config), config.hydra.overrides.task)
            freeze_search(folder, replace(SEARCH, parameters=dict.fromkeys(parameters, "")))
            run_search(config, launcher)
        return pd.read_csv(folder / "tables" / f"{TABLE}.csv")

    return run


@pytest.mark.parametrize(
    ("given", "parameter"),
    [
        ("a=choice(8,true,'x y',[1,2])", Choice(("8", "True", "x\\ y", "[1,2]"))),
        ("a=m1,m5", Choice(("m1", "m5"))),
        ("a=interval(0.2,5)", Span(0.2, 5.0)),
        ("a=tag(log,interval(0.2,5))", Span(0.2, 5.0, None, True)),
        ("a=tag(log,int(interval(4,64)))", Span(4, 64, 1, True)),
        ("a=range(1,8,3)", Span(1, 7, 3)),
        ("a=range(0.5,1.25,0.25)", Span(0.5, 1.0, 0.25)),
    ],
)
def test_hydras_sweeps_are_parameters(given: str, parameter: Any) -> None:
    found, fixed = parameters_of(["a=choice(1,2)"], [given, "b=1"])
    assert found == {"a": parameter}
    assert fixed == ["b=1"]
    low, *_, high = parameter.extremes
    distribution = parameter.distribution()
    assert distribution._contains(distribution.to_internal_repr(type(getattr(parameter, "low", ""))(low)))
    assert str(parameter)
    assert low != high


def test_a_value_on_the_command_line_is_not_searched() -> None:
    found, fixed = parameters_of(["a=choice(1,2)", "b=choice(1,2)"], ["a=3"])
    assert list(found) == ["b"]
    assert fixed == ["a=3"]


@pytest.mark.parametrize(
    "given",
    [
        "a=interval(5,0.2)",
        "a=tag(log,interval(0,1))",
        "a=tag(lgo,interval(1,2))",
        "a=tag(log,choice(1,2))",
        "a=range(3,3)",
        "a=glob(*)",
    ],
)
def test_what_cannot_be_searched_is_refused_in_a_line(given: str) -> None:
    with pytest.raises(UserError) as refused:
        parameters_of([], [given])
    (line,) = refused.value.lines
    assert line.startswith(f"{given}: ")


def test_nothing_to_search_is_refused() -> None:
    with pytest.raises(UserError, match="needs something to search"):
        parameters_of([], ["a=1"])


@pytest.mark.parametrize(
    ("sampler", "at_once"),
    [("tpe hydra.sweeper.sampler.n_startup_trials=3", 1), ("tpe", 3), ("random", 3), ("grid", 3)],
)
def test_a_search_cut_off_ends_as_one_undisturbed(
    search: Callable[..., pd.DataFrame], tmp_path: Path, sampler: str, at_once: int
) -> None:
    options = [
        "hydra.sweeper.n_trials=8",
        *f"hydra/sweeper/sampler={sampler}".split(),
        "data.batch_size=choice(1,2,3,4)",
    ]
    options += [
        f"{FACTOR}=range(0.5,2.5,0.5)",
        *(f"resampling.multiples.{key}=1" for key in MIXTURES),
    ]
    whole = search(Made(at_once, fails=[2]), *options, name="whole")
    for dies_at in (0, 5, 7):
        with pytest.raises(KeyboardInterrupt):
            search(Made(at_once, dies_at, fails=[2]), *options)
        journal = tmp_path / "outputs" / "studies" / "s" / JOURNAL
        with journal.open("a") as file:
            file.write('{"op_code": 4, "half a li')
    last = Made(at_once, fails=[2])
    table = search(last, *options)
    assert min(last.numbers) == 7 // at_once * at_once
    pd.testing.assert_frame_equal(table, whole)
    assert table["number"].tolist() == list(range(8))
    if sampler == "grid":
        assert not table.duplicated([FACTOR, "data.batch_size"]).any()


@pytest.mark.slow
def test_a_batch_half_told_is_ended_before_the_next(search: Callable[..., pd.DataFrame], tmp_path: Path) -> None:
    options = ["hydra.sweeper.n_trials=6", "hydra.sweeper.n_jobs=3", f"{FACTOR}=interval(0.2,5)"]
    whole = search(Made(), *options, name="whole")
    with pytest.raises(KeyboardInterrupt):
        search(Made(dies_at=3), *options)
    told = whole["value"][3]
    open_journal(tmp_path / "outputs" / "studies" / "s", "minimize").tell(3, told)
    last = Made()
    pd.testing.assert_frame_equal(search(last, *options), whole)
    assert last.numbers == [4, 5]


def test_more_trials_add_to_a_search(search: Callable[..., pd.DataFrame]) -> None:
    few = search(Made(), "hydra.sweeper.n_trials=3")
    again = Made()
    pd.testing.assert_frame_equal(search(again, "hydra.sweeper.n_trials=3"), few)
    assert again.numbers == []
    more = Made()
    table = search(more, "hydra.sweeper.n_trials=5")
    assert more.numbers == [3, 4]
    pd.testing.assert_frame_equal(table[:3], few, check_dtype=False)


def test_a_grid_ends_with_its_last_combination(search: Callable[..., pd.DataFrame]) -> None:
    options = [f"{FACTOR}=choice(1,2)", *(f"resampling.multiples.{key}=1" for key in MIXTURES)]
    table = search(Made(4), "hydra/sweeper/sampler=grid", *options)
    assert sorted(zip(table[FACTOR], table["data.batch_size"], strict=True)) == [
        (factor, batch) for factor in (1, 2) for batch in (8, 16, 32)
    ]


def test_failed_trials_are_recorded_and_passed_over(search: Callable[..., pd.DataFrame], capsys: Any) -> None:
    table = search(Made(fails=[0, 2]), "hydra.sweeper.n_trials=4")
    assert table["state"].tolist() == ["failed", "complete", "failed", "complete"]
    assert table["error"][0] == "ValueError: no room"
    assert "2 of 4 trials failed" in capsys.readouterr().out


def test_where_all_fail_this_is_said(search: Callable[..., pd.DataFrame], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no trial of 2 succeeded \\(ValueError: no room\\)"):
        search(Made(fails=range(2)), "hydra.sweeper.n_trials=2")
    page = Page(tmp_path / "outputs" / "studies" / "s" / "report.html")
    assert "No trial succeeded." in page.text


def test_the_greatest_value_where_that_is_wanted(search: Callable[..., pd.DataFrame], capsys: Any) -> None:
    table = search(Made(), "hydra.sweeper.n_trials=4", "hydra.sweeper.direction=maximize")
    assert f"best: trial {table['value'].idxmax()}," in capsys.readouterr().out


def test_the_page(search: Callable[..., pd.DataFrame], tmp_path: Path) -> None:
    options = ["hydra.sweeper.n_trials=12", f"{FACTOR}=tag(log,interval(0.2,5))", "resampling.multiples.1_2=1"]
    table = search(Made(fails=[3]), *options)
    folder = tmp_path / "outputs" / "studies" / "s"
    path = folder / "report.html"
    page, content = Page(path), path.read_bytes()
    best = table.loc[table["value"].idxmin()]
    assert f"Trial {best['number']}, with a validation RMSE of {best['value']:.4f}" in page.text
    assert f"{FACTOR}={best[FACTOR]}" in page.text
    assert "11 complete, 1 failed" in page.text
    assert "ValueError: no room" in page.text
    assert not re.search(rb"https?://", content)
    assert [link for link in page.links if not link.startswith("#")] == [f"tables/{TABLE}.csv"]
    shares = importances(open_journal(folder, "minimize"))
    assert next(iter(shares)) == "data.batch_size"
    assert sum(shares.values()) == pytest.approx(1)
    write_search_report(folder)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("hydra.sweeper.n_trials=0", "hydra.sweeper.n_trials=0: must be a whole number of at least 1"),
        ("hydra.sweeper.direction=least", "hydra.sweeper.direction=least: must be null or one of minimize, maximize"),
        ("hydra/sweeper/sampler=grid", f"hydra/sweeper/sampler=grid: {FACTOR} has endless values"),
        (f"{FACTOR}=choice(1,-1)", f"{FACTOR}=-1: must be a positive finite number"),
    ],
)
def test_options_are_checked_before_work(tmp_path: Path, monkeypatch: Any, override: str, said: str) -> None:
    monkeypatch.chdir(tmp_path)
    with multirun(override) as config, pytest.raises(UserError) as refused:
        plan_search(config)
    (line,) = refused.value.lines
    assert line.startswith(said)
    assert not list(tmp_path.iterdir())


def planned(images_root: Path, *overrides: str, kind: str = "m5") -> Search:
    with multirun(*SMALL_NETWORK, "source=folder", f"source.root={images_root}", *overrides, kind=kind) as config:
        return plan_search(config)


@pytest.mark.slow
def test_another_search_in_the_same_folder_is_refused_in_a_line(
    images_root: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    first = planned(images_root)
    freeze_search(tmp_path, first)
    freeze_search(tmp_path, planned(images_root, "hydra.sweeper.n_trials=7", "hydra.sweeper.n_jobs=2"))
    fixed = planned(images_root, "data.batch_size=8", "trainer.max_epochs=9")
    others = {
        "parameters.data.batch_size was 8, 16, 32, now not there": fixed,
        "settings.trainer.max_epochs was 2, now 9": replace(fixed, parameters=first.parameters),
        "direction was minimize, now maximize": replace(first, direction="maximize"),
        "sampler.seed was 0, now 3": replace(first, sampler=first.sampler | {"seed": 3}),
    }
    for said, other in others.items():
        with pytest.raises(UserError) as refused:
            freeze_search(tmp_path, other)
        (line,) = refused.value.lines
        assert line.endswith(
            f"search.yaml: {said}; a search does not change: choose another study.name, or what was there before"
        )


@pytest.mark.slow
def test_any_data_can_be_searched_for_settings_and_for_a_treatment(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    Cells({"T cell": 14, "B cell": 10}).write(tmp_path / "images")
    search = planned(tmp_path / "images", "experiment=plain,balanced,smote,cleaned", kind="optuna")
    assert search.parameters == {
        FACTOR: "0.2 to 5.0, log",
        "data.batch_size": "8, 16, 32",
        "experiment": "plain, balanced, smote, cleaned",
    }
    assert (search.objective, search.direction) == ("f1_macro", "maximize")
    trial = ["experiment=cleaned", f"{FACTOR}=1", "data.batch_size=8"]
    settings = composed_of([*shlex.split(shlex.join(search.command)), *trial]).settings
    assert (settings.resampling.pairs, settings.source.root) == ("auto", str(tmp_path / "images"))


def test_the_command_gives_the_settings_of_the_trial(images_root: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf" / "hparams_search").mkdir(parents=True)
    (tmp_path / "conf" / "hparams_search" / "mine.yaml").write_text(
        "# @package _global_\ndefaults: [m5, override /augmentation: none]\nseed: 7\nsource: {leave_out: ['a b.png']}\n"
    )
    own = f"hydra.searchpath=[file://{tmp_path / 'conf'}]"
    images = shutil.copytree(images_root, tmp_path / "images")
    one = next(images.rglob("*.png"))
    shutil.copy(one, one.with_name("a b.png"))
    search = planned(images, own, kind="mine")
    assert search.command[-4:] == ["experiment=m5", "augmentation=none", "seed=7", "source.leave_out=[a\\ b.png]"]
    words = shlex.split(shlex.join(search.command))
    words += [f"{FACTOR}=0.2", "data.batch_size=8", *(f"resampling.multiples.{key}=0" for key in MIXTURES)]
    settings = composed_of(words).settings
    assert influential(settings) == search.settings


class ValidationOnly(dict):
    """The figures of a training, of which those of the test images must not be asked for."""

    def __getitem__(self, key: str) -> Any:
        assert key != "test"
        return super().__getitem__(key)


def test_no_test_figure_is_read(tmp_path: Path, monkeypatch: Any, search: Callable[..., pd.DataFrame]) -> None:
    figures = {"val": {"hetero": {"rmse": 0.25}}, "test": {"hetero": {"rmse": 0.1}}}
    (tmp_path / "metrics.json").write_text(json.dumps(figures))
    with monkeypatch.context() as patched:
        patched.setattr("oral_cancer.study.study.json.loads", lambda _: ValidationOnly(figures))
        assert validation_figure(Run.of(compose_settings([]), tmp_path)) == 0.25

    folder = tmp_path / "outputs" / "studies" / "s" / "trial=0" / "fold=0"
    folder.mkdir(parents=True)
    for name in ("metrics.json", "predictions.csv"):
        (folder / name).write_text("{}")
    opened: list[str] = []
    sys.addaudithook(lambda event, arguments: opened.append(str(arguments[0])) if event == "open" else None)
    search(Made(), "hydra.sweeper.n_trials=2")
    assert any(name.endswith(JOURNAL) for name in opened)
    assert not any(name.endswith(("metrics.json", "predictions.csv")) for name in opened)


def trial_in(folder: Path) -> tuple[Composed, Run]:
    """A trial of a search as a launcher starts it, and the run that it is."""
    composed = composed_of([*SMALL_NETWORK, "data.batch_size=8"])
    folder.mkdir(parents=True)
    name = RunName(folder.parent.name, 0)
    return composed, Run.of(composed.named(name.experiment), folder, name, "s")


def test_a_finished_trial_is_not_trained_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one that ended while the process that waited for it was gone."""
    composed, trial = trial_in(tmp_path / "trial=0" / "fold=0")
    (trial.folder / "metrics.json").write_text('{"val": {"hetero": {"rmse": 0.25}}}')
    facts = {"status": "complete", "config_hash": trial.config_hash, "files": file_hashes(trial.folder)}
    write_manifest(trial.folder, facts)
    monkeypatch.setattr("oral_cancer.training.train.train", None)
    assert run_job(composed, tmp_path, trial.folder) == 0.25


def test_what_ended_a_trial_is_told_by_its_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def train(*_: Any) -> None:
        raise UserError("model.backbone=nope: there is no such network")

    composed, trial = trial_in(tmp_path / "trial=0" / "fold=0")
    monkeypatch.setattr("oral_cancer.training.train.train", train)
    value = run_job(composed, tmp_path, trial.folder)
    own = DictConfig({"hydra": {"runtime": {"output_dir": str(trial.folder)}}})
    returned = JobReturn(_return_value=value, status=JobStatus.COMPLETED, hydra_cfg=own)
    assert _outcome(returned) == (None, "model.backbone=nope: there is no such network", None)
    assert "UserError" in (trial.folder / "error.txt").read_text()


def test_a_trial_that_still_trains_is_not_taken_up(search: Callable[..., pd.DataFrame], tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        search(Made(dies_at=1))
    trial = tmp_path / "outputs" / "studies" / "s" / "trial=1"
    trial.mkdir()
    with FileLock(trial / ".fold=0.lock"), pytest.raises(UserError, match="trial=1 still trains; wait for it"):
        search(Made())
    assert len(search(Made(), "hydra.sweeper.n_trials=2")) == 2


def command(images_root: Path, *overrides: str) -> list[str]:
    fixed = [f"resampling.multiples.{key}=1" for key in ("3_1", "1_3", "2_1", "1_2")]
    return [
        *(sys.executable, str(REPOSITORY / "train.py"), "hparams_search=m5", *SMALL_NETWORK, *fixed),
        *("source=folder", f"source.root={images_root}", "study.name=search", "data.batch_size=16", *overrides),
    ]


def run(images_root: Path, cwd: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    return Started(command(images_root, *overrides), cwd).ended(300)


@pytest.mark.slow
def test_a_search_killed_goes_on_with_trials_side_by_side(images_root: Path, tmp_path: Path) -> None:
    options = ("model.backbone=test_byobnet,test_resnet", "hydra/sweeper/sampler=grid", f"{FACTOR}=1")
    options += ("trainer.max_epochs=8",)
    folder = tmp_path / "outputs" / "studies" / "search"
    started = Started(command(images_root, *options), tmp_path)
    os.kill(_training(folder), signal.SIGKILL)
    started.ended()
    (running,) = open_journal(folder, "minimize").trials
    assert not running.state.is_finished()

    done = run(images_root, tmp_path, *options, "hydra/launcher=local", "launcher.jobs=2")
    assert done.returncode == 0, done.stderr
    assert f"python {REPOSITORY / 'train.py'} " in done.stdout
    table = pd.read_csv(folder / "tables" / f"{TABLE}.csv")
    assert table["model.backbone"][0] == running.params["model.backbone"]
    assert sorted(table["model.backbone"]) == ["test_byobnet", "test_resnet"]
    processes = set()
    for row in table.to_dict("records"):
        trial = folder / f"trial={row['number']}"
        metrics, manifest = (json.loads((trial / "fold=0" / f).read_text()) for f in ("metrics.json", "manifest.json"))
        assert row["value"] == metrics["val"]["hetero"]["rmse"] != metrics["test"]["hetero"]["rmse"]
        assert row["seconds"] == manifest["seconds"]
        processes.add(manifest["process"])
        assert {path.name for path in trial.glob("fold*")} == {"fold=0", "fold=0.log"}
    assert len(processes) == 2


def test_wrong_grammar_leaves_one_line_and_no_folder(images_root: Path, tmp_path: Path) -> None:
    done = run(images_root, tmp_path, f"{FACTOR}=interval(5,1)")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line == f"error: {FACTOR}=interval(5,1): must go from a finite number to a greater one"
    assert not (tmp_path / "outputs").exists()


def _training(folder: Path) -> int:
    """The process that trains a trial, once it has written its first epoch."""
    for _ in range(1200):
        for history in folder.glob("trial=*/fold=0/history.csv"):
            manifest = json.loads((history.parent / "manifest.json").read_text())
            if history.read_text().count("\n") > 1 and manifest["status"] == "running":
                return int(manifest["process"])
        time.sleep(0.05)
    raise AssertionError(f"nothing trains in {folder}")
