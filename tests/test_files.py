"""Files that are whole or absent."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from oral_cancer.files import replacing, write_text

WRITER = """
import sys
from pathlib import Path
from oral_cancer.files import replacing
with replacing(Path(sys.argv[1])) as beside:
    beside.write_text("half")
    print(flush=True)
    sys.stdin.read()
"""


def _writer(path: Path) -> subprocess.Popen[bytes]:
    """A process that has written half of a file and waits."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], **pipes)
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"\n"
    return writer


def test_what_a_killed_writer_left_goes_with_the_next_write(tmp_path: Path) -> None:
    path = tmp_path / "figures [1].csv"
    with _writer(path) as killed:
        os.kill(killed.pid, signal.SIGKILL)
    assert len(list(tmp_path.iterdir())) == 1, "a killed writer cannot tidy up"
    write_text(path, "whole")
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert path.read_text() == "whole"


def test_what_another_process_is_writing_stays(tmp_path: Path) -> None:
    path = tmp_path / "figures.csv"
    with _writer(path) as other:
        write_text(path, "ours")
        assert path.read_text() == "ours"
        other.communicate()
    assert other.returncode == 0
    assert path.read_text() == "half", "the last to end has written the file"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "figures.csv"
    write_text(path, "before")
    with pytest.raises(TypeError), replacing(path) as beside:
        beside.write_text("half") + "of it"  # type: ignore
    assert path.read_text() == "before"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
