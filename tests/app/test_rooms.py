"""Temporary folders do not outlive their server."""

import subprocess
import sys
from pathlib import Path

from oral_cancer.app.rooms import temporary_room

KILLED = """
import os, sys
from pathlib import Path
from oral_cancer.app.rooms import temporary_room
with temporary_room(Path(sys.argv[1])) as room:
    (room / "image.png").write_bytes(b"x")
    os.kill(os.getpid(), 9)
"""


def test_a_room_goes_at_the_end_and_after_a_crash_at_the_next_start(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    (left,) = tmp_path.iterdir()
    assert (left / "image.png").exists()
    with temporary_room(tmp_path) as room:
        assert not left.exists()
        assert room.stat().st_mode & 0o777 == 0o700
        with temporary_room(tmp_path):
            assert room.exists()
    assert not list(tmp_path.iterdir())
