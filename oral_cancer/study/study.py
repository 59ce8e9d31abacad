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
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.utils import get_class, get_method
from omegaconf import DictConfig
from rich import print

from oral_cancer.command import described
from oral_cancer.composing import faults_of_sweep
from oral_cancer.counting import counted
from oral_cancer.errors import UserError, refuse
from oral_cancer.experiments import Composed, composed_of, given_overrides, name_of, sweep_options
from oral_cancer.files import write_json, write_text
from oral_cancer.settings import build, check, faults, influential, number_of_ranks
from oral_cancer.study.fork_server import loading
from oral_cancer.study.journal import freeze_search
from oral_cancer.study.plan import FILE, Plan, freeze, read_plan
from oral_cancer.study.progress import counts, names_of, state_of
from oral_cancer.study.room import insist_on_room_for_runs
from oral_cancer.study.search import is_search, plan_search, trials_ended
from oral_cancer.training.manifest import RESULTS, changed_files, log_of, read_manifest, write_manifest
from oral_cancer.training.run import Run, RunName

if TYPE_CHECKING:
    from oral_cancer.data.store import ImageStore

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


@dataclass(frozen=True)
class Job:
    """A job of Hydra's multirun: its overrides, and the run that they are."""

    overrides: list[str]
    run: Run


def plan_jobs(config: DictConfig) -> list[Job] | None:
    """The runs of a Hydra multirun; None for a search, whose runs nobody knows beforehand.

    Raises:
        UserError: for settings that cannot be trained with, and a run that is planned twice.
    """
    sweeper: Any = get_class(config.hydra.sweeper._target_)
    if not hasattr(sweeper, "split_arguments"):
        return None
    study = Path(config.hydra.sweep.dir)
    params = [f"{key}={value}" for key, value in (config.hydra.sweeper.get("params") or {}).items()]
    words = [*params, *given_overrides(config.hydra, "task")]
    of_hydra, main = given_overrides(config.hydra, "hydra"), config.hydra.job.config_name
    refuse(faults_of_sweep(words, main, of_hydra))  # which needs not all combinations for it
    (batches,) = sweeper.split_arguments(OverridesParser.create().parse_overrides(words), None)
    composed = [composed_of([*of_hydra, *job], main) for job in batches]
    networks = {str(one.settings.model.backbone) for one in composed}
    several = {seed: len({one.settings[seed] for one in composed}) > 1 for seed in ("seed", "split_seed")}
    jobs, problems = [], []
    for overrides, one in zip(batches, composed, strict=True):
        experiment = name_of(one, with_network=len(networks) > 1, varied=sweep_options(words))
        seeds = {seed: one.settings[seed] if varies else None for seed, varies in several.items()}
        name = RunName(experiment, one.settings.fold, **seeds)
        settings = one.named(name.experiment)
        problems += faults(settings)
        jobs.append(Job(_of_tasks(overrides), Run.of(settings, study / name.path, name, study.name, one.overrides)))
    planned = Counter(job.run.name for job in jobs)
    refuse(
        [
            *dict.fromkeys(problems),
            *(
                f"study: {name} is planned twice; name each experiment, fold and seed once"
                for name, number in planned.items()
                if number > 1
            ),
        ]
    )
    return jobs


def _of_tasks(overrides: Iterable[str]) -> list[str]:
    """A job's overrides but for Hydra's own, as the job itself sees them."""
    return [word for word in overrides if not word.lstrip("+~").startswith("hydra")]


def freeze_plan(jobs: Sequence[Job]) -> tuple[Plan, "ImageStore"]:
    """All that the figures of a study depend on, and its images. Builds their store, so that no run has to.

    Raises:
        UserError: for data that cannot be read, and a mixture of data or of ImageNet and random starts.
    """
    runs = [job.run for job in jobs]
    by_experiment: dict[str, Run] = {}
    for run in runs:
        by_experiment.setdefault(run.experiment, run)
    _insist_on_options(by_experiment.values())
    weights = _starts(by_experiment, runs, _number_of_classes(runs[0]))
    data, store = _common_data(runs)
    plan = Plan(
        runs=[_without_none(run.name._asdict()) | {"config_hash": run.config_hash} for run in runs],
        data=data,
        weights=weights,
        settings={
            name: influential(run.settings) | dict.fromkeys(_without_none(run.name._asdict() | {"experiment": None}))
            for name, run in by_experiment.items()
        },
    )
    return plan, store


def _without_none(content: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in content.items() if value is not None}


def _insist_on_options(runs: Iterable[Run]) -> None:
    from oral_cancer.training.trainer import build_callbacks  # late, as no refusal of a wrong option needs it

    for run in runs:
        build_callbacks(run.settings)
        build(run.settings, "augmentation")


def _common_data(runs: Sequence[Run]) -> tuple[dict[str, Any], "ImageStore"]:
    """Facts about the data, of which there is one kind in a study, and no image in two roles of a run; and a store."""
    from oral_cancer.training.images import collected, data_facts, insist_on_labels, insist_on_roles, open_images

    by_store: dict[tuple[str, int], list[Run]] = defaultdict(list)
    for run in runs:
        by_store[str(run.settings.source), run.stored_size].append(run)
    facts = []
    for alike in by_store.values():
        collection = collected(alike[0])
        insist_on_labels(alike, collection)
        store = open_images(alike[0], collection)
        facts.append(data_facts(store))
        insist_on_roles(alike, store)
    sources = dict.fromkeys(str(fact["source"]) for fact in facts)
    if any(fact != facts[0] for fact in facts):
        raise UserError(f"study: the runs differ in their images ({', '.join(sources)}); give each source a study")
    return facts[0], store


def _number_of_classes(run: Run) -> int:
    from oral_cancer.training.images import collected

    return len(collected(run).labels.classes)


def _starts(by_experiment: dict[str, Run], runs: Sequence[Run], classes: int) -> dict[str, str]:
    """What the network of each experiment starts from; and their checkpoints fit the disk."""
    from oral_cancer.models.weights import build_backbone

    built = {}
    for experiment, run in by_experiment.items():
        model = run.settings.model
        built[experiment] = build_backbone(
            model.backbone, model.weights, classes, model.image_size, model.drop_path_rate
        )
    if len({start.kind for start in built.values()} & {"imagenet", "random"}) > 1:
        starts = ", ".join(f"{experiment} {start.kind}" for experiment, start in built.items())
        raise UserError(f"study: ImageNet and random starts would mix ({starts}); set model.weights for all alike")
    sizes = {experiment: start.size for experiment, start in built.items()}
    insist_on_room_for_runs(runs[0].folder.parents[1], runs, sizes)
    return {experiment: start.origin for experiment, start in built.items()}


def job_name(study: Path, overrides: Iterable[str]) -> RunName | None:
    """Which run a job of the present start trains; None of a search."""
    try:
        jobs = json.loads((study / JOBS).read_text(encoding="utf-8"))["jobs"]
    except FileNotFoundError:
        return None
    tasks = _of_tasks(overrides)
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
    val = json.loads((run.folder / "metrics.json").read_text(encoding="utf-8"))["val"]
    return float(val["hetero"]["rmse"] if "hetero" in val else val["homo"]["f1_macro"])


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
