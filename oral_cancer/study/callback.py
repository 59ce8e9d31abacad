"""What Hydra calls around a multirun; `study` says what happens."""

from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from oral_cancer.command import faults_in_one_line


class Study(Callback):
    """Starts and finishes a study; imports late, since --help needs none of it."""

    def __getstate__(self) -> dict[str, Any]:
        """Without the lock: a launcher sends this object to the runs' processes, and the lock stays here."""
        return {}

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Before the first run."""
        with faults_in_one_line():
            from oral_cancer.study.study import start

            self.lock = start(config)

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """After the last run."""
        with faults_in_one_line():
            from oral_cancer.study.study import finish

            finish(config)
