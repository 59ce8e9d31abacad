"""kill -9 at random moments loses nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

pytestmark = pytest.mark.faults


def test_kills_at_random_moments_lose_nothing(
    images_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], pytestconfig: pytest.Config
) -> None:
    kills = pytestconfig.getoption("kills")
    command = [sys.executable, "-m", "tests.faults.kills", "--images", str(images_root), "--out", str(tmp_path)]
    done = subprocess.run([*command, "--kills", str(kills)], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    with capsys.disabled():
        print(f"\nkill -9: {result}")
    assert result["kills"] == kills
    assert result["lost"] == 0
    assert len(result["moments"]) >= 4, "kills fell into few of a study's phases"
