"""A W&B server that refuses, hangs or fails costs a training seconds at its start, and nothing else."""

import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.study.processes import arguments

pytestmark = pytest.mark.faults
DELAY = 20.0  # seconds that a start may take longer
SLOWER = 1.05
ROUNDS = 3  # at most, on machines that have other work


class Fails(BaseHTTPRequestHandler):
    def answer(self) -> None:
        self.send_response(500)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = do_PUT = answer

    def log_message(self, *_) -> None:
        pass


@contextmanager
def server(kind: str) -> Iterator[str]:
    """The address of a server that `refuses`, `hangs` or `fails`."""
    with ExitStack() as stack:
        if kind == "fails":
            http = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Fails))
            threading.Thread(target=http.serve_forever, daemon=True).start()
            stack.callback(http.shutdown)
            port = http.server_port
        else:
            listener = stack.enter_context(socket.socket())
            listener.bind(("127.0.0.1", 0))
            if kind == "hangs":
                listener.listen(100)  # and never accepts
            port = listener.getsockname()[1]
        yield f"http://127.0.0.1:{port}"


def train(images_root: Path, cwd: Path, **environment: str) -> tuple[float, float]:
    """Seconds to the first step, and seconds an epoch."""
    cwd.mkdir()
    command = [option for option in arguments(images_root, logger="wandb") if not option.startswith("study")]
    command += ["trainer.max_epochs=40", "+callbacks.stopwatch={_target_: tests.faults.stopwatch.Stopwatch}"]
    env = {name: value for name, value in os.environ.items() if not name.startswith("WANDB")}
    env |= environment | {"PYTHONPATH": str(REPOSITORY)}
    started = time.time()
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    first, epoch = json.loads((cwd / "seconds.json").read_text())
    return first - started, epoch


@pytest.mark.parametrize("kind", ["refuses", "hangs", "fails"])
def test_a_server_that_does_not_serve_neither_fails_nor_slows_a_training(
    images_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    offline: list[tuple[float, float]] = []
    online: list[tuple[float, float]] = []
    with server(kind) as address:
        there = {"WANDB_MODE": "online", "WANDB_BASE_URL": address, "WANDB_API_KEY": "0" * 40}
        for number in range(ROUNDS):  # in turn, since a machine changes its pace
            offline.append(train(images_root, tmp_path / f"offline{number}", WANDB_MODE="offline"))
            online.append(train(images_root, tmp_path / f"online{number}", **there))
            # The quickest of each: other work on the machine slows single trainings.
            slower = min(epoch for _, epoch in online) / min(epoch for _, epoch in offline)
            if slower < SLOWER:
                break
    later = max(start for start, _ in online) - min(start for start, _ in offline)
    with capsys.disabled():
        print(f"\nW&B server {kind}: first step later by {later:.1f} s, epochs {slower:.3f} x")
    assert later < DELAY
    assert slower < SLOWER
    (run,) = (tmp_path / "online0" / "outputs" / "wandb").glob("offline-run-*")
    (log,) = run.glob("run-*.wandb")
    assert log.stat().st_size > 10_000
    assert not list(run.parent.glob("run-*"))
