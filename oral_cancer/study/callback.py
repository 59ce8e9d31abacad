"""What happens around a Hydra multirun: the plan before it, the tables and the page after it."""

import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from oral_cancer.command import faults_in_one_line


class Study(Callback):
    """Freezes a study's plan before its first cell, and reports after its last one.

    While it runs, the study's folder is locked; the lock goes with the process, however that ends.
    """

    def __getstate__(self) -> dict[str, Any]:
        """Without the lock: a launcher sends this object to the cells' processes, and the lock stays here."""
        return {}

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Plan, lock, freeze; whatever is wrong ends the process before any cell starts."""
        with faults_in_one_line():
            from rich import print  # heavy from here on, and --help needs none of it

            from oral_cancer.study.plan import freeze, leave_constants_unnamed, plan_sweep
            from oral_cancer.study.search import freeze_search, is_search, plan_search

            folder = Path(config.hydra.sweep.dir)
            if folder.exists():
                self._lock(folder)  # now, lest planning is in vain; a folder that is not there waits for a sound plan
            leave_constants_unnamed(config)
            plan = plan_sweep(config)
            search = plan_search(config) if is_search(config) else None
            self._lock(folder)
            if search is not None:
                freeze_search(folder, search)
            if plan is not None:
                freeze(folder, plan)
                print(f"[bold]{folder.name}[/]: {len(plan.cells)} cells in {folder}")

    def _lock(self, folder: Path) -> None:
        """Take the study's folder, which is made if it is not there, until this process ends; or tell who has it."""
        from filelock import FileLock, Timeout

        from oral_cancer.errors import UserError
        from oral_cancer.files import write_json

        folder.mkdir(parents=True, exist_ok=True)
        holder = folder / ".holder.json"
        self.lock = FileLock(folder / ".lock", is_singleton=True)
        try:
            self.lock.acquire(blocking=False)
        except Timeout:
            who = json.loads(holder.read_text()) if holder.exists() else {}
            raise UserError(
                f"{folder} is being run by process {who.get('process')} on {who.get('host')}; "
                "wait for it, or choose another study.name"
            ) from None
        write_json(holder, {"host": socket.gethostname(), "process": os.getpid()})

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Make tables and page from what is there; exit code 1 if a cell lacks."""
        with faults_in_one_line():
            from hydra.utils import get_method

            from oral_cancer.study.aggregate import write_tables
            from oral_cancer.study.cells import read_study
            from oral_cancer.study.plan import FILE
            from oral_cancer.study.report import show_summary, write_page
            from oral_cancer.study.wandb_run import log_study
            from oral_cancer.training.loggers import wandb_logger

            folder = Path(config.hydra.sweep.dir)
            if not (folder / FILE).exists():
                return
            study = read_study(folder)
            tables = write_tables(study, folder / "tables")
            page = write_page(study, tables)
            if get_method(config.logger._target_) is wandb_logger:
                log_study(study, tables, page, config.logger)
            show_summary(study, tables, page)
        if study.lacking:
            sys.exit(1)
