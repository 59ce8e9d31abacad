"""Ctrl-C and SIGTERM, obeyed between two steps of a training.

An exception raised wherever a signal happens to arrive may get lost (Python drops those of a finaliser) or cut a write
short. So a signal is only noted, and a training asks after every batch. A second one, later than the echo of the
first that a terminal and a parent process may both send, acts at once.
"""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from pytorch_lightning import Callback

from oral_cancer.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM)
ECHO = 0.5  # seconds


class StopOnSignal(Callback):
    """Raises `Interrupted` after the batch during which a signal came.

    Args:
        remedy: how to go on, for the message.
    """

    def __init__(self, remedy: str) -> None:
        self.remedy = remedy
        self.received: signal.Signals | None = None
        self.since = 0.0

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Note signals meanwhile; one that came too late to stop anything is obeyed at the end."""
        if threading.current_thread() is not threading.main_thread():  # where Python gives no signals
            yield
            return
        heeded = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        former = {number: signal.signal(number, self._note) for number in heeded}
        try:
            yield
            self.check()
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)

    def check(self) -> None:
        """Raise if a signal has come."""
        if self.received:
            raise Interrupted(self.received, self.remedy)

    def on_train_batch_end(self, *_: Any) -> None:
        self.check()

    def on_validation_batch_end(self, *_: Any) -> None:
        self.check()

    def on_predict_batch_end(self, *_: Any) -> None:
        self.check()

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.received is None:
            self.received, self.since = signal.Signals(number), time.monotonic()
        elif time.monotonic() - self.since > ECHO:
            raise KeyboardInterrupt
