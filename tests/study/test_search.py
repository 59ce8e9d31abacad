"""A search for settings: what it minimises, and what it must not see."""

import subprocess
import sys
from pathlib import Path

import yaml

from tests.conftest import REPOSITORY, SMALL_NETWORK


def test_a_search_minimises_the_validation_rmse(images_root: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(REPOSITORY / "train.py"), "hparams_search=optuna", "hydra.sweeper.n_trials=2"]
    command += [*SMALL_NETWORK, "source=folder", f"source.root={images_root}", "study.name=search"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

    search = tmp_path / "outputs" / "studies" / "search"
    best = yaml.safe_load((search / "optimization_results.yaml").read_text())
    rmses = []
    for trial in ("trial=0", "trial=1"):
        metrics = yaml.safe_load((search / trial / "fold=0" / "metrics.json").read_text())
        assert metrics["val"]["hetero"]["rmse"] != metrics["test"]["hetero"]["rmse"]
        rmses.append(metrics["val"]["hetero"]["rmse"])
    assert best["best_value"] == min(rmses)
    assert {"model.scheduler.factor", "data.batch_size", "resampling.multiples.3_1"} <= set(best["best_params"])
