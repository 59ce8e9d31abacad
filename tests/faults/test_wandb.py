"""A W&B server that refuses, hangs or fails costs a training seconds at its start, and nothing else."""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import mean

import pytest

from tests.conftest import REPOSITORY
from tests.study.processes import arguments

pytestmark = pytest.mark.faults
DELAY = 20.0  # seconds that a start may take longer
SLOWER = 1.05
PAIRS = 2  # trainings without and with a server
TURN = 2.0  # seconds, of several epochs each, so that most epochs are without a stop


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


@contextmanager
def begun(images_root: Path, cwd: Path, **environment: str) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """A training that has come to its first step and is stopped there, and the seconds that this took."""
    cwd.mkdir()
    command = [option for option in arguments(images_root, logger="wandb") if not option.startswith("study")]
    command += ["trainer.max_epochs=60", "+callbacks.stopwatch={_target_: tests.faults.stopwatch.Stopwatch}"]
    env = {name: value for name, value in os.environ.items() if not name.startswith("WANDB")}
    env |= environment | {"PYTHONPATH": str(REPOSITORY)}
    started = time.monotonic()
    with open(cwd / "printed.txt", "wb") as printed:
        training = subprocess.Popen(command, cwd=cwd, env=env, stdout=printed, stderr=subprocess.STDOUT)
    try:
        while not (cwd / "first_step").exists():
            assert training.poll() is None, (cwd / "printed.txt").read_text()
            assert time.monotonic() < started + 120, (cwd / "printed.txt").read_text()
            time.sleep(0.01)
        seconds = time.monotonic() - started
        send(signal.SIGSTOP, training.pid)
        yield training, seconds
    finally:
        if training.poll() is None:
            send(signal.SIGKILL, training.pid)
            training.wait()


def send(number: signal.Signals, pid: int) -> None:
    """To a process and those that it has started, among them W&B's service."""
    children: list[str] = []
    for of_thread in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            children += of_thread.read_text().split()
    with suppress(ProcessLookupError):
        os.kill(pid, number)
    for child in children:
        send(number, int(child))


def run_in_turn(trainings: list[subprocess.Popen[bytes]]) -> None:
    """To their ends, one at a time, so that what else the machine does slows all alike."""
    deadline = time.monotonic() + 300
    while running := [training for training in trainings if training.poll() is None]:
        assert time.monotonic() < deadline
        for training in running:
            send(signal.SIGCONT, training.pid)
            with suppress(subprocess.TimeoutExpired):
                training.wait(TURN)
            if training.returncode is None:
                send(signal.SIGSTOP, training.pid)


@pytest.mark.parametrize("kind", ["refuses", "hangs", "fails"])
def test_a_server_that_does_not_serve_neither_fails_nor_slows_a_training(
    images_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    later, slower = [], []
    with server(kind) as address:
        there = {"WANDB_MODE": "online", "WANDB_BASE_URL": address, "WANDB_API_KEY": "0" * 40}
        for number in range(PAIRS):
            folders = tmp_path / f"offline{number}", tmp_path / f"online{number}"
            with (
                begun(images_root, folders[0], WANDB_MODE="offline") as (offline, soon),
                begun(images_root, folders[1], **there) as (online, late),
            ):
                run_in_turn([offline, online])
            for training, cwd in zip((offline, online), folders, strict=True):
                assert training.returncode == 0, (cwd / "printed.txt").read_text()
            epochs = [float((cwd / "seconds_an_epoch").read_text()) for cwd in folders]
            later.append(late - soon)
            slower.append(epochs[1] / epochs[0])
    with capsys.disabled():
        print(f"\nW&B server {kind}: first step later by {max(later):.1f} s, epochs {mean(slower):.3f} x")
    assert max(later) < DELAY
    assert mean(slower) < SLOWER
    (run,) = (tmp_path / "online0" / "outputs" / "wandb").glob("offline-run-*")
    (log,) = run.glob("run-*.wandb")
    assert log.stat().st_size > 10_000
    assert not list(run.parent.glob("run-*"))
