"""A study from its plan to its page: plan, lock, freeze, launch, tables, page.

Hydra's callback calls `start` before the first run and `finish` after the last one; between them each job of Hydra's
multirun calls `run_job`, in whatever process a launcher has put it.
"""

import json
import logging
import os
import socket
import sys
import traceback
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from hydra.utils import get_method
from omegaconf import DictConfig
from rich import print

from oral_cancer.command import described
from oral_cancer.counting import counted
from oral_cancer.errors import UserError
from oral_cancer.experiments import Composed
from oral_cancer.files import write_json, write_text
from oral_cancer.settings import check, number_of_ranks
from oral_cancer.study.fork_server import loading
from oral_cancer.study.journal import freeze_search
from oral_cancer.study.plan import FILE, Plan, freeze, read_plan
from oral_cancer.study.planning import freeze_plan, of_tasks, plan_jobs
from oral_cancer.study.progress import counts, names_of, state_of, validated
from oral_cancer.study.search import is_search, plan_search, trials_ended
from oral_cancer.training.manifest import RESULTS, changed_files, log_of, read_manifest, write_manifest
from oral_cancer.training.run import Run, RunName

HOLDER = ".holder.json"  # in a study's folder: the process that has begun it
JOBS = ".jobs.json"  # in a study's folder: which run each job of the present start trains
log = logging.getLogger(__name__)


def start(config: DictConfig) -> FileLock:
    """Plan, lock, freeze; whatever is wrong ends the study before any run starts.

    Args:
        config: a multirun's settings with Hydra's own.

    Returns:
        The lock of the study's folder, which goes with the process that holds it, however that ends.

    Raises:
        UserError: with all that is wrong.
    """
    folder = Path(config.hydra.sweep.dir)
    held = lock(folder) if folder.exists() else None  # now, lest planning is in vain
    if there := _what_is_there(folder, config):
        print(f"[bold]{folder.name}[/]: {there}", flush=True)
    jobs = plan_jobs(config)
    if jobs is not None:
        loading(config)
    plan, store = freeze_plan(jobs) if jobs is not None else (None, None)
    search = plan_search(config) if is_search(config) else None
    held = held or lock(folder)  # a folder that is not there has waited for a sound plan
    if search is not None:
        freeze_search(folder, search)
    if jobs is not None and plan is not None and store is not None:
        from oral_cancer.study.runs import SIMULATED  # late, as pandas comes with it
        from oral_cancer.study.yardsticks import keep_statistics

        freeze(folder, plan)
        keep_statistics(folder, store)
        write_json(folder / JOBS, {"jobs": [{"overrides": job.overrides, **job.run.name._asdict()} for job in jobs]})
        simulated = " on simulated micrographs" if plan.data["source"] == SIMULATED else ""
        print(f"[bold]{folder.name}[/]: {counted(len(plan.runs), 'run')}{simulated} in {folder}")
    return held


def _what_is_there(folder: Path, config: DictConfig) -> str:
    """How far former starts have come; empty before the first."""
    if read_plan(folder):
        return counts([state_of(folder, name) for name in names_of(folder)])
    if is_search(config) and (ended := trials_ended(folder)):
        return f"{ended} of {counted(max(ended, config.hydra.sweeper.n_trials), 'trial')} done"
    return ""


def lock(folder: Path) -> FileLock:
    """Take a study's folder, which is made if it is not there, until this process ends; or tell who has it."""
    folder.mkdir(parents=True, exist_ok=True)
    held = FileLock(folder / ".lock", is_singleton=True)
    try:
        held.acquire(blocking=False)
    except Timeout:
        who = _holder(folder)
        raise UserError(
            f"{folder} is being run by process {who.get('process')} on {who.get('host')}; "
            "wait for it, or choose another study.name"
        ) from None
    write_json(folder / HOLDER, _this_process())
    return held


def _holder(study: Path) -> dict[str, Any]:
    """The process that has begun a study, or is the last that did."""
    try:
        found: dict[str, Any] = json.loads((study / HOLDER).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found


def _this_process() -> dict[str, Any]:
    return {"host": socket.gethostname(), "process": os.getpid()}


def job_name(study: Path, overrides: Iterable[str]) -> RunName | None:
    """Which run a job of the present start trains; None of a search."""
    try:
        jobs = json.loads((study / JOBS).read_text(encoding="utf-8"))["jobs"]
    except FileNotFoundError:
        return None
    tasks = of_tasks(overrides)
    names = (RunName(*(job[field] for field in RunName._fields)) for job in jobs if job["overrides"] == tasks)
    return next(names, None)


def run_job(composed: Composed, study: Path, folder: Path) -> float | None:
    """Train the run that a job is, unless it is finished; an error is left in its manifest.

    A trial of a search is a run that belongs to no plan.

    Args:
        composed: the job's settings.
        study: the study's folder.
        folder: the job's, of a search.

    Returns:
        The `validation_figure`, by which a search judges; None for a run that failed.
    """
    from oral_cancer.study.monitor import output_to, shown

    planned = job_name(study, composed.overrides)
    plan = read_plan(study) if planned else None
    name = planned or RunName(folder.parent.name, composed.settings.fold)
    settings = composed.named(name.experiment)
    run = Run.of(settings, study / name.path if planned else folder, name, study.name, composed.overrides)
    if is_finished(run, plan):
        return validation_figure(run)
    begun_here = _holder(study) == _this_process()  # and is none that a launcher has started, which shows all of them
    with shown(study) if begun_here else nullcontext(), output_to(log_of(run.folder)):
        return _train(run, plan)


def _train(run: Run, plan: Plan | None) -> float | None:
    from oral_cancer.training.ranks import is_first
    from oral_cancer.training.train import train

    expected = {}
    if plan is not None:
        expected = {name: plan.data[name] for name in ("fingerprint", "labelled")}
        expected["weights"] = plan.weights[run.experiment]
    try:
        check(run.settings)  # a plan's runs have passed, a trial's values between those tried beforehand have not
        train(run, expected)
        return validation_figure(run) if is_first() else None
    except Exception as error:
        if not is_first():
            raise
        _record_failure(run, error)
        return None


def _record_failure(run: Run, error: Exception) -> None:
    """Leave an error in a run's manifest and log; raise it again where other ranks wait for this one."""
    from oral_cancer.training.ranks import must_be_started

    ours = {"config_hash": run.config_hash}
    before = read_manifest(run.folder) or {}
    manifest = before if before.get("config_hash") == ours["config_hash"] else ours
    said = described(error)
    write_manifest(run.folder, manifest | {"status": "failed", "error": said})
    write_text(run.folder / "error.txt", traceback.format_exc())
    log.error("%s fails: %s (error.txt there says where)", run.folder, said)
    if number_of_ranks(run.settings) > 1 and not must_be_started(run.settings):
        raise error


def validation_figure(run: Run) -> float:
    """What a finished run's validation images are judged by: the mixtures' RMSE, or macro F1 where nothing mixes."""
    figures = validated(run.folder)
    return figures["rmse"] if "rmse" in figures else figures["f1_macro"]


def is_finished(run: Run, plan: Plan | None) -> bool:
    """Whether a run's folder holds a complete training with its settings on the plan's data, undamaged."""
    manifest = read_manifest(run.folder) or {}
    if (
        manifest.get("status") != "complete"
        or manifest.get("config_hash") != run.config_hash
        or (plan is not None and any(manifest.get(name) != plan.data[name] for name in ("fingerprint", "labelled")))
    ):
        return False
    damaged = changed_files(run.folder, manifest, RESULTS)
    for fault in damaged:
        log.warning("%s; the run is trained again", fault)
    return not damaged


def finish(config: DictConfig) -> None:
    """Make tables and page from what is there; exit code 1 if a run lacks."""
    from oral_cancer.study.report import show_summary, write_report
    from oral_cancer.study.runs import read_study
    from oral_cancer.study.wandb_run import log_study
    from oral_cancer.training.loggers import wandb_logger

    folder = Path(config.hydra.sweep.dir)
    if not (folder / FILE).exists():
        return
    study = read_study(folder)
    tables, page = write_report(study)
    if get_method(config.logger._target_) is wandb_logger:
        log_study(study, tables, page, config.logger)
    show_summary(study, tables, page)
    if study.lacking:
        sys.exit(1)
