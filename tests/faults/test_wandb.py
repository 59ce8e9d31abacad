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
SLOWER = 0.05  # of the epochs' time, that W&B may take more than without a server
EPOCHS = 60


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


def trained(images_root: Path, cwd: Path, **environment: str) -> tuple[float, float]:
    """Seconds to a training's first step, and the share of its epochs' time that W&B takes, see `Stopwatch`."""
    cwd.mkdir()
    command = [option for option in arguments(images_root, logger="wandb") if not option.startswith("study")]
    command += [f"trainer.max_epochs={EPOCHS}", "+callbacks.stopwatch={_target_: tests.faults.stopwatch.Stopwatch}"]
    env = {name: value for name, value in os.environ.items() if not name.startswith("WANDB")}
    env |= environment | {"PYTHONPATH": str(REPOSITORY)}
    started = time.time()
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    seconds = json.loads((cwd / "seconds.json").read_text())
    assert seconds["waited"] > 0, "no figure was logged while it trained"
    assert seconds["beside"] > 0, "W&B's service did not run"
    share = (seconds["waited"] + seconds["beside"]) / seconds["training"]
    return (cwd / "first_step").stat().st_mtime - started, share


@pytest.fixture(scope="module")
def offline(images_root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[float, float]:
    """Of a training that asks no server."""
    return trained(images_root, tmp_path_factory.mktemp("without") / "offline", WANDB_MODE="offline")


@pytest.mark.parametrize("kind", ["refuses", "hangs", "fails"])
def test_a_server_that_does_not_serve_neither_fails_nor_slows_a_training(
    images_root: Path, tmp_path: Path, offline: tuple[float, float], capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    with server(kind) as address:
        there = {"WANDB_MODE": "online", "WANDB_BASE_URL": address, "WANDB_API_KEY": "0" * 40}
        online = trained(images_root, tmp_path / "online", **there)
    later, slower = online[0] - offline[0], online[1] - offline[1]
    with capsys.disabled():
        print(f"\nW&B server {kind}: first step later by {later:.1f} s; W&B takes {online[1]:.3f} of the epochs' time")
        print(f"instead of {offline[1]:.3f} without a server")
    assert later < DELAY
    assert slower < SLOWER
    (run,) = (tmp_path / "online" / "outputs" / "wandb").glob("offline-run-*")
    (log,) = run.glob("run-*.wandb")
    assert log.stat().st_size > 10_000
    assert not list(run.parent.glob("run-*"))
