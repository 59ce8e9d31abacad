"""The Hydra sweeper of a search for settings. Hydra takes sweepers from this folder, and from nowhere else."""

from typing import Any

from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class OptunaSweeper(Sweeper):
    """Trials one batch after the other, as `oral_cancer.study.search` says; its options are in conf/hydra/sweeper."""

    searches = True  # by which `oral_cancer.study.search.is_search` knows it

    def __init__(self, **_: Any) -> None:
        """The options are read from the configuration, before this object is there and after."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Make the launcher that runs the trials."""
        self.config = config
        self.hydra_context = hydra_context
        self.launcher = Plugins.instance().instantiate_launcher(
            config=config, hydra_context=hydra_context, task_function=task_function
        )

    def sweep(self, arguments: list[str]) -> None:
        """Run what lacks of the search, then make its table and its page."""
        from oral_cancer.study.search import run_search

        assert self.config is not None
        run_search(self.config, self.launcher)
