import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from oral_cancer.cli import build_parser, main
from oral_cancer.config_groups import CONF
from oral_cancer.train import completions
from tests.conftest import REPOSITORY
from tests.study.made_up import write_study

VERBS = (
    *("train", "check", "report", "predict", "explain", "export", "plan", "wandb", "app", "fetch"),
    *("status", "list", "compare", "clean"),
)
LIGHT = """
import sys
from oral_cancer.cli import main
study = sys.argv[1]
for words in (
    ["status", study], ["list", study], ["clean", study, "--yes"],
    ["compare", f"{study}/m1", f"{study}/m2"], ["plan", study, "width=0.5"],
    ["report", study], ["report", study, "--verify"],
):
    try:
        main(words)
    except SystemExit as end:
        assert words[-1] == "--verify" and end.code == 1, words  # made up: its metrics are not there
from oral_cancer.data import published
heavy = sorted({"torch", "pytorch_lightning", "lightning_fabric"} & set(sys.modules))
assert not heavy, heavy
"""
NETWORKS = """
import sys
from oral_cancer.cli import main
study, images, out = sys.argv[1:]
main(["predict", study, f"images={images}", f"out={out}/predicted"])
main(["explain", study, "per_class=1", "wandb=false", f"out={out}/explained"])
main(["export", study, f"out={out}/exported"])
from oral_cancer.explain import wandb_run
heavy = sorted({"pytorch_lightning", "lightning_fabric"} & set(sys.modules))
assert not heavy, heavy
"""
HELP = """
import sys
from oral_cancer.cli import main
for words in ([], ["--help"], ["--version"], ["predict", "--help"]):
    try:
        main(words)
    except SystemExit as end:
        assert not end.code
heavy = sorted({"torch", "hydra", "omegaconf", "numpy", "pandas", "rich"} & set(sys.modules))
assert not heavy, heavy
"""


def python(code: str, *arguments: str | Path) -> str:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_help_waits_for_no_library() -> None:
    said = python(HELP)
    assert all(f"\n    {verb} " in said for verb in VERBS)
    assert "oral-cancer 0." in said
    assert "images: ???" in said


@pytest.mark.slow
def test_verbs_that_read_tables_import_no_torch(tmp_path: Path) -> None:
    said = python(LIGHT, write_study(tmp_path / "paper", ("m1", "m2"), (0, 1)))
    assert "4 of 4 runs done" in said
    assert (tmp_path / "paper" / "report.html").exists()


@pytest.mark.slow
def test_verbs_that_train_nothing_import_no_lightning(study: Path, images_root: Path, tmp_path: Path) -> None:
    python(NETWORKS, study, next(images_root.iterdir()), tmp_path)
    assert (tmp_path / "exported" / "MODEL_CARD.md").exists()


@pytest.mark.slow
def test_as_a_module_and_by_the_doors() -> None:
    for command in (["-m", "oral_cancer", "status"], ["scripts/report.py"]):
        done = subprocess.run([sys.executable, *command, "nowhere"], cwd=REPOSITORY, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("error: nowhere: there is no such folder"), done.stderr


def test_a_wrong_verb_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["trane"])
    assert "invalid choice: 'trane'" in capsys.readouterr().err


def test_every_verb_says_what_it_does() -> None:
    (verbs,) = (action for action in build_parser()._actions if action.dest == "command" or action.choices)
    assert set(verbs.choices) == set(VERBS)
    for name, parser in verbs.choices.items():
        assert name == "train" or parser.description


def test_the_help_of_every_verb_fits_a_terminal_of_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    (verbs,) = (action for action in build_parser()._actions if action.dest == "command" or action.choices)
    helps = {name: parser.format_help() for name, parser in verbs.choices.items() if name != "train"}
    long = {name: line for name, said in helps.items() for line in said.splitlines() if len(line) > 80}
    assert not long
    assert "width: ???         # of a 95 % interval of a proportion" in helps["plan"]
    assert "folder that holds\n                   # images is one population\n" in helps["predict"]


def test_the_help_of_train_fits_a_terminal_of_80_columns() -> None:
    template = yaml.safe_load((CONF / "hydra" / "help" / "train.yaml").read_text(encoding="utf-8"))["template"]
    lines = template.replace("${called:train}", "oral-cancer train").splitlines()
    assert max(map(len, lines)) <= 80


def test_hydra_completes_what_train_takes() -> None:
    assert set(completions(["model="])) >= {"model=efficientnet_b3", "model=efficientnet_lite0"}
    assert "trainer.max_epochs=" in completions(["experiment=m5", "trainer.max_e"])
