"""Processes that start within a moment, from a server that has imported once all that a training needs.

The server is that of multiprocessing: a process of its own that does nothing but import and fork. It has one thread
and never touches a GPU, so each of its children is as a fresh process would be: environment, working folder, threads
and streams are its own. Children that outlive the process that asked for them are told to stop.
"""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing import connection, forkserver
from pathlib import Path
from typing import Any

import cloudpickle
from hydra.utils import get_class
from omegaconf import DictConfig

from oral_cancer.errors import Interrupted

PRELOADED = (
    "oral_cancer.study.study",
    "oral_cancer.training.train",
    "torch._dynamo",  # from here on what a training would import on its way
    "torch.distributed.elastic.multiprocessing",
    "sklearn.model_selection",
    "imblearn",
    "wandb.sdk.launch",
)
"""Modules that the server imports."""

CODE = str(Path(__file__).parents[2])
_context = multiprocessing.get_context("forkserver")


def loading(config: DictConfig) -> None:
    """Say that a study begins with loading, and let the server load too, if its launcher will fork."""
    print("loading ...", flush=True)
    if getattr(get_class(config.hydra.launcher._target_), "forks", False):
        warm_up()


def warm_up() -> None:
    """Start the server, unless it runs; it imports while this process goes on."""
    _context.set_forkserver_preload(list(PRELOADED))
    with _single_threaded():
        forkserver.ensure_running()


class Forked:
    """A function that runs in a process of its own.

    Args:
        function: takes nothing.
        environment: variables beside those of this process.
        threads: that PyTorch and BLAS may use.
    """

    def __init__(self, function: Callable[[], Any], environment: Mapping[str, str], threads: int) -> None:
        warm_up()
        self._receiver, sender = _context.Pipe(duplex=False)
        task = cloudpickle.dumps(function)
        self.process = _context.Process(
            target=_run, args=(task, dict(os.environ) | dict(environment), threads, sender), daemon=False
        )
        self.process.start()
        sender.close()

    def result(self) -> Any:
        """What the function returned; None where its process ended without a word."""
        returned = None
        with suppress(EOFError, OSError):
            if self._receiver.poll():
                returned = cloudpickle.loads(self._receiver.recv_bytes())
        self.process.join()
        return returned

    def stop(self) -> None:
        """Ask it to end, with everything in order."""
        self.process.terminate()

    @staticmethod
    def first_to_end(several: Iterable["Forked"]) -> list["Forked"]:
        """Wait until one of several has returned, or its process is gone; that one, and others that have meanwhile."""
        ends: dict[Any, Forked] = {end: each for each in several for end in (each._receiver, each.process.sentinel)}
        return list(dict.fromkeys(ends[end] for end in connection.wait(list(ends))))


def _run(task: bytes, environment: dict[str, str], threads: int, sender: connection.Connection) -> None:
    """What a child does."""
    import torch
    from threadpoolctl import threadpool_limits

    os.environ.clear()
    os.environ.update(environment)
    threadpool_limits(threads)
    torch.set_num_threads(threads)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        returned = cloudpickle.dumps(cloudpickle.loads(task)())
    except (Interrupted, KeyboardInterrupt):  # whoever asked for this process says so
        sys.exit(1)
    with suppress(OSError):  # it may be gone
        sender.send_bytes(returned)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _single_threaded() -> Iterator[None]:
    """What the server finds in its environment: this code, and nothing that would give it a second thread."""
    meanwhile = {
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, [CODE, os.environ.get("PYTHONPATH")])),
    }
    before = {name: os.environ.get(name) for name in meanwhile}
    os.environ |= meanwhile
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
