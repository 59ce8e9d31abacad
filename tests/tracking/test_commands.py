"""`wandb sync` and `wandb leet` as docs/how-to/wandb.md shows them, with none, one and several offline runs."""

import fcntl
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path

import pytest

from oral_cancer.tracking.start import start_wandb
from tests.conftest import REPOSITORY
from tests.docs.pages import commands
from tests.tracking.conftest import RUN, of
from tests.tracking.stand_in import StandIn, stand_in

pytestmark = pytest.mark.slow
PAGE = REPOSITORY / "docs" / "how-to" / "wandb.md"
CURVE = re.compile(r"curves/val_rmse\s+\[x: *epoch")  # the head of a panel
WANDB = str(Path(sys.executable).parent / "wandb")


def shown(verb: str) -> list[str]:
    (words,) = (words for words in commands(PAGE) if words[:2] == ["wandb", verb])
    return [WANDB, *words[1:]]


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WANDB")}
    return kept | {"HOME": str(home)} | more


def sync(server: StandIn, cwd: Path, tmp_path: Path) -> str:
    env = environment(tmp_path, WANDB_BASE_URL=server.address, WANDB_API_KEY="0" * 40)
    done = subprocess.run(shown("sync"), cwd=cwd, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_sync_sends_all_that_is_there_once(open_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cwd = tmp_path / "cwd"
    (cwd / "outputs" / "wandb").mkdir(parents=True)
    made = of(open_folder).artifacts
    with stand_in() as server:
        assert "No runs to sync" in sync(server, cwd, tmp_path)
        shutil.copytree(open_folder / "outputs", cwd / "outputs", dirs_exist_ok=True, symlinks=True)
        assert "Syncing 1 run" in sync(server, cwd, tmp_path)
        sent = {one["artifactCollectionName"]: one for one in server.given("CreateArtifact")}
        assert set(made) <= set(sent)
        assert {one["artifactID"] for one in server.given("CommitArtifact")} == set(sent)
        used = {one["artifactID"] for one in server.given("UseArtifact")}
        assert used == {name for name, one in made.items() if one.use_after_commit}
        network = server.files["network-tracked-m2-fold-0/last.ckpt"]
        assert network == (open_folder / RUN / "checkpoints" / "last.ckpt").read_bytes()

        monkeypatch.chdir(cwd)
        for name in ("second", "third"):
            start_wandb("oral-cancer", "outputs", id=name).finish()
        server.asked.clear()
        assert "Syncing 2 run" in sync(server, cwd, tmp_path)
        assert {one["name"] for one in server.given("UpsertBucket")} == {"second", "third"}


def test_leet_shows_the_curves_and_takes_no_table_for_a_figure(open_folder: Path, tmp_path: Path) -> None:
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(open_folder)
        os.execve(WANDB, shown("leet"), environment(tmp_path, TERM="xterm-256color"))
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 70, 220, 0, 0))
    printed, deadline = b"", time.monotonic() + 60
    with suppress(OSError):  # by which a terminal ends
        while time.monotonic() < deadline and not CURVE.search(screen(printed)):
            printed += read(terminal)
        printed += read(terminal, 2)
        os.write(terminal, b"q")
        while read(terminal, 2):
            pass
    os.close(terminal)
    os.waitpid(process, 0)
    assert CURVE.search(screen(printed)), screen(printed)[-3000:]
    assert "nrows" not in screen(printed)


def read(terminal: int, wait: float = 0.5) -> bytes:
    return os.read(terminal, 65536) if select.select([terminal], [], [], wait)[0] else b""


def screen(printed: bytes) -> str:
    """What was printed, without the terminal's own codes."""
    return re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b" ", printed).decode(errors="replace")
