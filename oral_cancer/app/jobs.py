"""Work that takes a while: one job after the other, with progress, a time left and a way to stop."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal

from oral_cancer.errors import UserError, brief

State = Literal["waiting", "running", "done", "failed", "cancelled"]
LOG = logging.getLogger(__name__)


class Cancelled(Exception):
    """The job is not wanted any more."""


@dataclass(eq=False)
class Job:
    """A piece of work of one person.

    Attributes:
        words: what it does, e.g. "predicting".
        total: images.
        state: where it stands.
        done: images that are.
        line: why it failed.
    """

    words: str
    total: int = 0
    state: State = "waiting"
    done: int = 0
    line: str = ""
    _begun: float = 0.0
    _stop: threading.Event = field(default_factory=threading.Event)

    @property
    def is_active(self) -> bool:
        return self.state in ("waiting", "running")

    @property
    def is_stopping(self) -> bool:
        """Whether it was cancelled, and has not noticed yet: it does between two batches of images."""
        return self.is_active and self._stop.is_set()

    def begin(self, total: int) -> None:
        """Say how many images there are to do, from now on."""
        self.total, self.done, self._begun = total, 0, time.monotonic()
        self.go_on()

    def advance(self, _: object = None) -> None:
        """Count one more image.

        Raises:
            Cancelled: where the job is not wanted any more.
        """
        self.done += 1
        self.go_on()

    def go_on(self) -> None:
        """Raise `Cancelled` where the job is not wanted any more."""
        if self._stop.is_set():
            raise Cancelled

    def cancel(self) -> None:
        self._stop.set()
        if self.state == "waiting":
            self.state = "cancelled"

    @property
    def seconds_left(self) -> float | None:
        """By the images done so far; None before the first."""
        if not self.done or self.state != "running":
            return None
        return (time.monotonic() - self._begun) * (self.total - self.done) / self.done


class Queue:
    """Jobs of everybody, one at a time in their order."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._jobs: list[Job] = []
        self._lock = threading.Lock()

    def submit(self, job: Job, work: Callable[[Job], None]) -> None:
        """Do it once those before are done."""
        with self._lock:  # without it two people at once could lose one job of the list, and its order
            self._jobs = [*(one for one in self._jobs if one.is_active), job]
            self._pool.submit(_run, job, work)

    def ahead(self, job: Job) -> int:
        """How many jobs must end before this one begins."""
        active = [one for one in self._jobs if one.is_active]
        return active.index(job) if job in active else 0

    def close(self) -> None:
        """Stop all, and wait until the one that runs has noticed."""
        for job in self._jobs:
            job.cancel()
        self._pool.shutdown()


def _run(job: Job, work: Callable[[Job], None]) -> None:
    try:
        job.go_on()
        job.state = "running"
        work(job)
        job.state = "done"
    except Cancelled:
        job.state = "cancelled"
    except Exception as error:
        users = isinstance(error, UserError | OSError)
        if not users:
            LOG.exception("%s failed", job.words)
        lines = error.lines if isinstance(error, UserError) else (brief(error),)
        job.line = "; ".join(lines) if users else f"{type(error).__name__}: {brief(error)}"
        job.state = "failed"
