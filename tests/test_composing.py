"""All that is wrong with a command line is told, whatever Hydra stumbles over first."""

import subprocess
import sys
from pathlib import Path

import pytest

from oral_cancer.command_line import faults_of, options_first
from oral_cancer.composing import faults_of_jobs, faults_of_sweep
from oral_cancer.errors import UserError
from oral_cancer.experiments import composed_of, name_of
from tests.conftest import REPOSITORY

STOP = "+callbacks.stop={_target_: pytorch_lightning.callbacks.EarlyStopping, monitor: val/rmse}"
RATES = "+callbacks.rates={_target_: pytorch_lightning.callbacks.LearningRateMonitor}"
LATE = """
import sys
from oral_cancer.train import main
for words in sys.argv[1:]:
    try:
        main(words.split("|"))
    except SystemExit as end:
        assert end.code == 1, words
heavy = sorted({"torch", "pytorch_lightning", "timm", "imblearn", "pandas"} & set(sys.modules))
assert not heavy, heavy
"""


def test_one_fault_hides_no_other() -> None:
    words = ["foo=1", "model=efficientnet_lite", "model.backbone=resnet_18", "data=null", "+seed=3", "~nothing"]
    lines = faults_of([*words, "fold=9", "logger=none", STOP, RATES, "trainer.max_epochs=0", "+trainer.max_steps=3"])
    begins = [
        "model=efficientnet_lite: is no choice; did you mean efficientnet_lite",
        "data=null: a group takes the name of a choice",
        "foo: is no option; ",
        "seed: is there already; ",
        "nothing: is no option; ",
        "trainer.max_epochs=0: must be ",
        "model.backbone=resnet_18: must be the name of a network that timm has; did you mean resnet18?",
        "fold=9: must be ",
        "trainer.max_steps=3: ",
        "callbacks.stop: monitor=val/rmse: nothing of this name is measured; did you mean val_rmse? ",
        "callbacks.rates: LearningRateMonitor needs a logger; ",
    ]
    assert [any(line.startswith(begin) for line in lines) for begin in begins] == [True] * len(begins), lines
    assert len(lines) == len(begins)


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("experiment=m55", "experiment=m55: is no choice; did you mean m5? there are adamw, balanced, "),
        ("hydra/launcherr=local", "hydra/launcherr: is no option; did you mean hydra/launcher?"),
        ("fold=0,1", "fold=0,1: is several values; give -m for a training with each, or fold=[0,1] for a list"),
        ("name=[a", "name=[a: cannot be read; "),
        ("fold.x=1", "fold.x"),
        ("launcher.jobs=2", "launcher.jobs: is no option of what is chosen here; it belongs to hydra/launcher=local"),
    ],
)
def test_what_hydra_refuses_is_told_in_our_words(word: str, line: str) -> None:
    (said,) = faults_of([word])
    assert said.startswith(line)
    assert "\n" not in said


def test_every_value_of_a_sweep_is_tried() -> None:
    lines = faults_of_sweep(["fold=-1,0,7", "seed=1,-3", "experiment=m1,m99,m2", "data.batch_size=interval(1,2)"])
    assert [line.partition(":")[0] for line in lines] == ["fold=-1", "experiment=m99", "seed=-3", "fold=7"]


def test_a_study_has_one_value_of_what_is_its_own() -> None:
    lines = faults_of_sweep(["study=paper", "study.models=m1,m4", "fold=9"])
    assert lines[0] == "study.models=m1,m4: is of the whole study, and has one value; a list is study.models=[m1,m4]"
    assert [line.partition(":")[0] for line in lines[1:]] == ["fold=9"]


def test_what_a_study_sweeps_is_tried_too() -> None:
    lines = faults_of(["study=paper", "study.models=[m1,nope]", "study.folds=[0,9]", "foo=3"])
    assert [line.partition(":")[0] for line in lines] == ["foo", "experiment=nope", "fold=9"]


def test_settings_that_can_be_trained_with_have_no_fault() -> None:
    assert faults_of_jobs([["experiment=m5"], ["experiment=m3", "logger=csv", RATES]]) == []
    assert faults_of(["study=demo"]) == []
    assert faults_of(["hparams_search=optuna"]) == []


@pytest.mark.parametrize(
    ("given", "ordered"),
    [
        ("fold=0 -m seed=1,2", "-m fold=0 seed=1,2"),
        ("fold=0 seed=1 --multirun", "--multirun fold=0 seed=1"),
        ("fold=0 --cfg job seed=1", "--cfg job fold=0 seed=1"),
        (
            "fold=1 --config-dir mine seed=1 -m --config-name own",
            "--config-dir mine -m --config-name own fold=1 seed=1",
        ),
        ("a=1 a=1", "a=1 a=1"),
    ],
)
def test_options_of_hydras_stand_anywhere(given: str, ordered: str) -> None:
    assert options_first(given.split()) == ordered.split()


def test_an_option_that_there_is_not_is_one_line() -> None:
    with pytest.raises(UserError, match=r"^--fold: is no option; `.* --help` shows what there is$"):
        options_first(["seed=1", "--fold", "fold=1"])


@pytest.mark.slow
def test_no_refusal_waits_for_a_library_of_networks(tmp_path: Path) -> None:
    cases = (
        "foo=1|fold=9",
        "experiment=m55",
        "model.backbone=nonsense|source=simulated",
        STOP,
        f"{RATES}|logger=none",
        "trainer.max_epochs=0|resampling=enn_ros|resampling.multiples.3_1=-1",
        "source=folder|source.root=/nowhere",
        "study=paper|study.models=m1,m4",
        "fold=0|-m|experiment=m1,m99",
        "hparams_search=optuna|data.batch_size=0,4",
        "study.name==1+1|study=demo",
    )
    command = [sys.executable, "-c", LATE, *cases]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("error: ") == 13, done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_the_names_of_a_study_and_of_an_experiment_have_one_rule() -> None:
    for option in ("name", "study.name"):
        (line,) = faults_of_jobs([[f"{option}='=1+1'"]])
        assert line.startswith(f"{option}==1+1: must be ")
        assert line.endswith("which a spreadsheet would take for a formula")


def test_a_name_made_of_options_has_it_too() -> None:
    composed = composed_of(["resampling=ros", "resampling._target_=mine.Own", "+resampling.path=a/b"])
    with pytest.raises(UserError, match=r"^name=homo_hetero-ros,.*: must be null or a name that a folder can have"):
        composed.named(name_of(composed))


def test_a_misplaced_m_trains_as_ever(tmp_path: Path) -> None:
    command = [sys.executable, str(REPOSITORY / "train.py"), "seed=0", "-m", "fold=7,8"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (1, "")
    assert [line.partition(": must")[0] for line in done.stderr.splitlines()] == ["error: fold=7", "error: fold=8"]
