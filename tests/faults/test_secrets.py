"""No secret of the environment reaches anything that is written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.study.processes import arguments

SECRETS = {
    "WANDB_API_KEY": "5ecret" + "0" * 34,
    "AWS_SECRET_ACCESS_KEY": "5ecret-of-the-cloud",
    "HF_TOKEN": "hf_5ecret",
    "MY_PASSWORD": "5ecret-of-mine",
}


@pytest.mark.slow
def test_no_secret_is_written_or_shown(images_root: Path, tmp_path: Path) -> None:
    command = arguments(
        images_root, "study.models=[m1]", "trainer.max_epochs=1", "hydra/launcher=local", logger="wandb"
    )
    # One run fails, since errors say the most.
    command += ["study.folds=[0,1]", "+callbacks.fault={_target_: tests.faults.test_memory.Greedy}"]
    env = os.environ | SECRETS | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, timeout=300)
    assert done.returncode == 1
    study = tmp_path / "outputs" / "studies" / "paper"
    assert (study / "report.html").exists()
    assert (study / "m1" / "fold=0" / "error.txt").exists()
    assert list(tmp_path.glob("outputs/wandb/offline-run-*/run-*.wandb"))
    report = [sys.executable, str(Path(__file__).parents[2] / "scripts" / "report.py"), str(study)]
    again = subprocess.run(report, env=env, capture_output=True)
    written = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    shown = {"standard output": done.stdout + again.stdout, "standard error": done.stderr + again.stderr}
    assert [str(where) for where, content in (written | shown).items() if b"5ecret" in content] == []
