"""What a study is to train: its runs, and all that their figures depend on, before the first of them begins."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.utils import get_class
from omegaconf import DictConfig

from oral_cancer.composing import faults_of_sweep
from oral_cancer.errors import UserError, refuse
from oral_cancer.experiments import (
    composed_of,
    declares_network,
    given_overrides,
    name_of,
    network_of,
    sweep_options,
)
from oral_cancer.settings import build, faults, influential
from oral_cancer.settings.learning import MSE
from oral_cancer.study.plan import Plan
from oral_cancer.study.room import insist_on_room_for_runs
from oral_cancer.training.run import Run, RunName

if TYPE_CHECKING:
    from oral_cancer.data.resizing import Resizing
    from oral_cancer.data.store import ImageStore
    from oral_cancer.models.weights import Backbone


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
    networks = {network_of(one) for one in composed if not declares_network(one.choices.get("experiment"))}
    several = {seed: len({one.settings[seed] for one in composed}) > 1 for seed in ("seed", "split_seed")}
    called = any(one.given("name") is not None for one in composed)
    jobs, problems = [], []
    for overrides, one in zip(batches, composed, strict=True):
        experiment = name_of(one, with_network=len(networks) > 1, varied=sweep_options(words))
        seeds = {seed: one.settings[seed] if varies else None for seed, varies in several.items()}
        name = RunName(experiment, one.settings.fold, **seeds)
        settings = one.named(name.experiment)
        problems += faults(settings)
        jobs.append(Job(of_tasks(overrides), Run.of(settings, study / name.path, name, study.name, one.overrides)))
    planned = Counter(job.run.name for job in jobs)
    refuse(
        [
            *dict.fromkeys(problems),
            *(
                f"study: {name} is planned twice; name each experiment, fold and seed once"
                + (", and leave out name=, which is of a single training" if called else "")
                for name, number in planned.items()
                if number > 1
            ),
        ]
    )
    return jobs


def of_tasks(overrides: Iterable[str]) -> list[str]:
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
        private=any(run.private for run in runs),
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

    by_store: dict[tuple[str, Resizing], list[Run]] = defaultdict(list)
    for run in runs:
        by_store[str(run.settings.source), run.resizing].append(run)
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
    from oral_cancer.models.weights import start_of

    built = {}
    for experiment, run in by_experiment.items():
        model = run.settings.model
        built[experiment] = start_of(model, classes)
    if len({start.kind for start in built.values()} & {"imagenet", "random"}) > 1:
        starts = ", ".join(f"{experiment} {start.kind}" for experiment, start in built.items())
        raise UserError(f"study: ImageNet and random starts would mix ({starts}); set model.weights for all alike")
    sizes = {experiment: start.size for experiment, start in built.items()}
    insist_on_room_for_runs(runs[0].folder.parents[1], runs, sizes)
    return {experiment: start.origin for experiment, start in built.items()}


def start_of(model: Any, classes: int) -> "Backbone":
    """What a network with some settings starts from, before anything trains.

    Raises:
        UserError: for a network that there is not, stages that it has not, and a loss of other classes.
    """
    from oral_cancer.models.freezing import freeze
    from oral_cancer.models.losses import loss_of
    from oral_cancer.models.weights import build_backbone

    start = build_backbone(model.backbone, model.weights, classes, model.image_size, model.drop_path_rate)
    freeze(start.network, model.get("freeze", 0))
    loss_of(model.get("loss", MSE), classes, model.get("focal"))
    return start
