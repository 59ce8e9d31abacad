"""A study of several seeds, from its plan to its page, and what each command makes of it."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from oral_cancer.cli import main
from oral_cancer.errors import UserError
from oral_cancer.evaluation.yardsticks import BASELINE
from oral_cancer.files import sealed
from oral_cancer.inference.members import choose_runs, networks_in_words
from oral_cancer.study.plan import read_plan
from oral_cancer.study.runs import find_runs, read_study
from oral_cancer.study.yardsticks import FILE as STATISTICS
from oral_cancer.training.manifest import CHECKPOINT
from oral_cancer.training.run import RunName
from tests.conftest import MadeOnce
from tests.published import CLASSES, SPLIT_FOLDERS
from tests.study.made_up import few_resamples, write_run, write_study
from tests.study.processes import run

OPTIONS = ("study.models=[m1]", "study.seeds=[0,1,2]", "study.name=seeds", "trainer.max_epochs=1")


@pytest.fixture(scope="module")
def trained(images_root: Path, made_once: MadeOnce) -> Path:
    """A study of two folds and three seeds that has run to its end."""

    def make(cwd: Path) -> None:
        done = run(images_root, cwd, *OPTIONS)
        assert done.returncode == 0, done.stderr

    return made_once("seeds", make) / "outputs" / "studies" / "seeds"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("m5/fold=0", RunName("m5", 0)),
        ("m5/fold=all,seed=3", RunName("m5", "all", 3)),
        ("m5/fold=1,split_seed=2", RunName("m5", 1, None, 2)),
        ("m5/fold=1,split_seed=2,seed=0", RunName("m5", 1, 0, 2)),
    ],
)
def test_a_run_is_called_as_its_folder(path: str, name: RunName) -> None:
    assert name.path == path
    assert RunName.of_path(Path("outputs", path)) == name


@pytest.mark.parametrize(
    "folder", ["fold=0.1", "fold=0,seed=1.2", "fold=0,seed=", "fold=0,seed=1,split_seed=0", "seed=1"]
)
def test_other_folders_are_no_runs(folder: str) -> None:
    assert RunName.of_path(Path("m5", folder)) is None


@pytest.mark.parametrize("run", [{"fold": 0, "seed": "../../x"}, {"fold": "../x"}, {"fold": 0, "split_seed": -1}])
def test_a_plan_names_no_run_elsewhere(tmp_path: Path, run: dict[str, object]) -> None:
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(sealed({"runs": [{"experiment": "m1"} | run]})))
    with pytest.raises(UserError, match="is no folder of the study"):
        read_plan(tmp_path)


@pytest.mark.slow
def test_each_fold_is_trained_from_each_seed_and_found_again(trained: Path, images_root: Path) -> None:
    names = {f"fold={fold},seed={seed}" for fold in (0, 1) for seed in (0, 1, 2)}
    assert {path.name for path in (trained / "m1").iterdir() if path.is_dir()} == names
    predictions = read_study(trained).predictions
    assert predictions.groupby(["fold", "seed"]).ngroups == 6
    of_seeds = [part[list(CLASSES)].to_numpy() for _, part in predictions.query("fold == 0").groupby("seed")]
    assert not np.array_equal(of_seeds[0], of_seeds[1])
    written = pd.read_csv(trained / "m1" / "fold=1,seed=2" / "predictions.csv")
    assert set(written["seed"]) == {2}
    assert (trained / STATISTICS).is_file()
    assert {BASELINE} < set(pd.read_csv(trained / "tables" / "yardsticks.csv")["experiment"])

    before = {path: path.stat().st_mtime_ns for path in trained.glob("*/*/predictions.csv")}
    again = run(images_root, trained.parents[2], *OPTIONS)
    assert again.returncode == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    other = run(images_root, trained.parents[2], *OPTIONS, "study.seeds=[0,1,3]")
    assert "run m1 fold 0 seed 3 was not part of the study, and is now" in other.stderr


@pytest.mark.slow
def test_the_commands_follow(
    trained: Path,
    images_root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(trained.parents[2])
    study = str(trained)
    main(["status", study])
    assert "m1/fold=1,seed=2" in capsys.readouterr().out
    main(["list", "outputs"])
    assert "6 of 6" in capsys.readouterr().out
    main(["report", "--verify", study])
    assert "m1/fold=0,seed=1: 6 files and metrics as trained" in capsys.readouterr().out

    images = f"images={images_root / SPLIT_FOLDERS['hetero', 'test']}"
    by_seed = []
    for seed in (None, 0, 1, 2):
        chosen = [] if seed is None else [f"seed={seed}"]
        main(["predict", study, images, f"out={tmp_path / str(seed)}", "workers=1", *chosen])
        said = capsys.readouterr().out
        assert ("6 networks: 2 folds, seeds 0, 1, 2" if seed is None else f"2 networks: 2 folds, seed {seed}") in said
        by_seed.append(pd.read_csv(tmp_path / str(seed) / "predictions.csv")[list(CLASSES)].to_numpy())
    np.testing.assert_allclose(by_seed[0], np.mean(by_seed[1:], axis=0), atol=1e-6)
    with pytest.raises(SystemExit):
        main(["predict", study, images, "seed=7"])
    assert f"seed=7: {study} has no such finished run; choose 0, 1, 2, or null for all" in capsys.readouterr().err

    main(["explain", study, "per_class=1", "wandb=false", f"out={tmp_path / 'why'}"])
    main(["explain", study, "per_class=1", "wandb=false", f"out={tmp_path / 'why'}", "seed=2"])
    assert {path.name for path in (tmp_path / "why" / "m1").iterdir()} == {"fold=0,seed=0", "fold=0,seed=2"}
    main(["compare", f"{study}/m1/fold=0,seed=0", f"{study}/m1/fold=0,seed=1"])
    assert "seed" in capsys.readouterr().out

    copy = Path(shutil.copytree(trained, tmp_path / "copy"))
    (copy / "m1" / "fold=0,seed=1.1").mkdir()
    main(["clean", str(copy), "--checkpoints", "--yes"])
    assert "moved aside" in capsys.readouterr().out
    assert not list(copy.glob("*/*/" + CHECKPOINT.as_posix()))
    assert not (copy / "m1" / "fold=0,seed=1.1").exists()


@pytest.mark.slow
def test_the_networks_are_exported_by_fold_and_seed(trained: Path, tmp_path: Path) -> None:
    main(["export", str(trained), f"out={tmp_path}", "seed=1"])
    assert {path.name for path in tmp_path.glob("*.onnx")} == {
        "ensemble.onnx",
        "fold=0,seed=1.onnx",
        "fold=1,seed=1.onnx",
    }
    card = (tmp_path / "MODEL_CARD.md").read_text()
    assert "2 networks (2 networks: 2 folds, seed 1)" in card


def test_runs_of_several_seeds_come_in_order(tmp_path: Path) -> None:
    for fold, seed in ((1, 10), (0, 10), (1, 9), ("all", 9)):
        write_run(tmp_path, "m1", fold, seed=seed)
    assert [run.run.training for run in find_runs(tmp_path)] == [
        "fold=1,seed=9", "fold=all,seed=9", "fold=0,seed=10", "fold=1,seed=10",
    ]  # fmt: skip


def test_one_seed_of_several_can_be_chosen(tmp_path: Path) -> None:
    for fold, seed in ((0, 0), (1, 0), (0, 1), (1, 1)):
        write_run(tmp_path, "m1", fold, seed=seed)
    assert networks_in_words(choose_runs(tmp_path, None)[1]) == "4 networks: 2 folds, seeds 0, 1"
    study, runs = choose_runs(tmp_path, None, seed=1)
    assert [run.seed for run in runs] == [1, 1]
    assert set(study.predictions["seed"]) == {1}


def test_a_study_of_before_has_the_seed_that_its_manifests_say(tmp_path: Path) -> None:
    study = write_study(tmp_path, ["m1"], [0], config={"seed": 5, "split_seed": 2})
    (found,) = read_study(study).complete
    assert (found.seed, found.split_seed, found.name) == (5, 2, "m1/fold=0")
    assert set(read_study(study).predictions["seed"]) == {5}


def test_compare_tests_over_seeds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for model in ("m1", "m2"):
        for fold in (0, 1):
            for seed in (0, 1, 2):
                write_run(tmp_path, model, fold, seed=seed, config={"seed": seed, "fold": fold})
    with few_resamples():
        main(["compare", str(tmp_path / "m1"), str(tmp_path / "m2")])
    said = capsys.readouterr().out
    assert "over 3 seeds" in " ".join(said.split())
    assert "the same settings" in said
