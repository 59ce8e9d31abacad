"""A run's own record repeats it."""

import re
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.study.processes import Started


@pytest.mark.slow
def test_the_recorded_settings_repeat_a_cell_to_the_byte(undisturbed: Path, tmp_path: Path) -> None:
    run = undisturbed / "outputs" / "studies" / "paper" / "m4" / "fold=1"
    record = ("--config-dir", str(run / ".hydra"), "--config-name", "config")
    command = [sys.executable, str(REPOSITORY / "train.py"), *record]
    refused = Started(command, tmp_path).ended()
    assert refused.returncode == 1
    assert "give trust=true" in refused.stderr
    assert list(tmp_path.iterdir()) == []
    command.append("trust=true")
    done = Started(command, tmp_path).ended()
    assert done.returncode == 0, done.stderr
    again = tmp_path / "outputs" / "runs" / "m4" / "fold=1"
    for name in ("predictions.csv", "metrics.json", "splits.csv"):
        assert (again / name).read_bytes() == (run / name).read_bytes(), name
    for path in (again / "manifest.json", *(again / ".hydra").iterdir()):
        assert not re.search(r"trust\W+true", path.read_text()), path  # nobody else's word counts
    # What is given beside still counts.
    done = Started([*command, "fold=0", "trainer.max_epochs=1"], tmp_path).ended()
    assert done.returncode == 0, done.stderr
    assert len((again.with_name("fold=0") / "history.csv").read_text().splitlines()) == 2
