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

from pytorch_lightning import Callback, Trainer

from oral_cancer.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM)
ECHO = 0.5  # seconds


class StopOnSignal(Callback):
    """Raises `Interrupted` after the batch during which a signal came, to this rank or to another one.

    Args:
        remedy: how to go on, for the message.
    """

    def __init__(self, remedy: str) -> None:
        self.remedy = remedy
        self.received: signal.Signals | None = None
        self.since = 0.0
        self.heeded: list[signal.Signals] = []

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Note signals meanwhile; one that came too late to stop anything is obeyed at the end."""
        if threading.current_thread() is not threading.main_thread():  # where Python gives no signals
            yield
            return
        former = {number: signal.getsignal(number) for number in SIGNALS}
        self.heeded = [number for number, handler in former.items() if handler is not signal.SIG_IGN]
        self._heed()
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

    def on_train_start(self, *_: Any) -> None:
        self._heed()

    def on_predict_start(self, *_: Any) -> None:
        self._heed()

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if trainer.strategy.reduce_boolean_decision(self.received is not None, all=False):
            self.received = self.received or signal.SIGTERM
            self.check()

    def on_validation_batch_end(self, trainer: Trainer, *_: Any) -> None:
        self._check_alone(trainer)

    def on_predict_batch_end(self, trainer: Trainer, *_: Any) -> None:
        self._check_alone(trainer)

    def _check_alone(self, trainer: Trainer) -> None:
        """Several ranks have not as many evaluation batches each, and could not agree after one."""
        if trainer.world_size == 1:
            self.check()

    def _heed(self) -> None:
        """Take the signals, also from Lightning, whose handler of SIGTERM would talk to the other ranks at once."""
        for number in self.heeded:
            signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.received is None:
            self.received, self.since = signal.Signals(number), time.monotonic()
        elif time.monotonic() - self.since > ECHO:
            raise KeyboardInterrupt
