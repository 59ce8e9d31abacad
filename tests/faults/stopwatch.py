"""A callback for trainings in processes of their own; apart from tests, whose import changes the environment."""

import json
import threading
import time
from pathlib import Path

import psutil
import wandb
from pytorch_lightning import Callback


class Stopwatch(Callback):
    """Leaves a file `first_step` at the first step, and at the end `seconds.json`, of what comes between.

    They are the training's by the clock, those that it waits for W&B, and those of a core that W&B takes beside it.
    """

    def __init__(self) -> None:
        self.waited = 0.0

    def on_train_start(self, *_) -> None:
        Path("first_step").touch()
        self.started, self.beside = time.monotonic(), seconds_beside()
        wandb.Run.log = self.timed(wandb.Run.log)

    def timed(self, log):
        def timed_log(*args, **kwargs) -> None:
            begun = time.monotonic()
            log(*args, **kwargs)
            self.waited += time.monotonic() - begun

        return timed_log

    def on_train_end(self, *_) -> None:
        seconds = {
            "training": time.monotonic() - self.started,
            "waited": self.waited,
            "beside": seconds_beside() - self.beside,
        }
        Path("seconds.json").write_text(json.dumps(seconds))


def seconds_beside() -> float:
    """Of a core, that the processes and the Python threads which this process has started have taken."""
    here = psutil.Process()
    threads = {thread.native_id for thread in threading.enumerate()} - {here.pid}  # the main one
    processes = [process.cpu_times() for process in here.children(recursive=True)]
    return sum(one.user + one.system for one in processes) + sum(
        one.user_time + one.system_time for one in here.threads() if one.id in threads
    )
