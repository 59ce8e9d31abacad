"""A search for settings: trials that Optuna suggests, each one training, judged by its validation images.

Everything that a search knows lies in its folder, see `journal`. The test images have no say: of a trial only the RMSE
of the mixtures, or where nothing mixes the macro F1, of its validation images is read, and why it failed.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.utils import JobReturn
from hydra.utils import get_class, instantiate
from omegaconf import DictConfig, OmegaConf

from oral_cancer.command import described
from oral_cancer.composing import each_once, faults_of_jobs
from oral_cancer.errors import UserError, refuse
from oral_cancer.experiments import Composed, composed_of, given_overrides
from oral_cancer.settings import checked, influential, resolved
from oral_cancer.settings.commands import Sweeper
from oral_cancer.study.fork_server import loading
from oral_cancer.study.journal import BATCH, ERROR, OBJECTIVES, SECONDS, Search, flat, open_journal, quiet, read_search
from oral_cancer.study.parameters import Parameter, overrides_of, parameters_of
from oral_cancer.study.progress import names_of, state_of
from oral_cancer.study.room import insist_on_room_for_trials
from oral_cancer.training.manifest import read_manifest
from oral_cancer.training.run import Run

if TYPE_CHECKING:
    from optuna import Study
    from optuna.study import StudyDirection
    from optuna.trial import FrozenTrial

NOT_REPEATED = ("hparams_search", "study.name", "launcher")  # of a search, where a trial is trained alone


def is_search(config: DictConfig) -> bool:
    """Whether a multirun is a search."""
    sweeper: Any = get_class(config.hydra.sweeper._target_)
    return getattr(sweeper, "searches", False)


def plan_search(config: DictConfig) -> Search:
    """What a multirun is to search, once every value at the ends of the parameters has passed the checks of a training.

    Builds the image store, so that no trial has to.

    Args:
        config: the multirun's settings with Hydra's own.

    Raises:
        UserError: for parameters that cannot be searched, settings that cannot be trained with and data that cannot be
            read.
    """
    checked(Sweeper, resolved(config.hydra.sweeper), "hydra.sweeper.")
    parameters, fixed = _parameters(config)
    if _is_grid(config) and (endless := [option for option, each in parameters.items() if each.size is None]):
        raise UserError(f"hydra/sweeper/sampler=grid: {endless[0]} has endless values; give it as a choice or a range")
    first = [f"{option}={each.extremes[0]}" for option, each in parameters.items()]
    tried = each_once([[f"{option}={value}" for value in each.extremes] for option, each in parameters.items()])
    of_hydra = given_overrides(config.hydra, "hydra")
    refuse(faults_of_jobs(([*of_hydra, *fixed, *job] for job in tried), config.hydra.job.config_name))
    loading(config)
    run = _run(_composed(config, [*fixed, *first]))
    folder = Path(config.hydra.sweep.dir)
    number = int(min(config.hydra.sweeper.n_trials, _number_in_grid(config, parameters)))
    data, weights, objective = _starting_point(run, folder, max(0, number - trials_ended(folder)))
    return Search(
        parameters={option: str(each) for option, each in parameters.items()},
        direction=config.hydra.sweeper.direction or OBJECTIVES[objective].direction,
        sampler=resolved(config.hydra.sweeper.sampler),
        command=_command(config, fixed, first),
        data=data,
        weights=weights,
        settings=influential(run.settings),
        objective=objective,
        private=run.private,
    )


def run_search(config: DictConfig, launcher: Any) -> None:
    """Run the trials that lack, a batch at a time, then make table and page.

    Raises:
        UserError: if no trial succeeded.
    """
    from oral_cancer.study.search_page import write_search_report

    folder = Path(config.hydra.sweep.dir)
    parameters, fixed = _parameters(config)
    search = read_search(folder)
    assert search is not None
    study = open_journal(folder, config.hydra.sweeper.direction or search.direction)
    _refuse_alive(folder, study)
    n_trials = min(config.hydra.sweeper.n_trials, _number_in_grid(config, parameters))
    at_once = config.hydra.sweeper.n_jobs or getattr(launcher, "at_once", 1)
    while batch := next_batch(study, parameters, config.hydra.sweeper.sampler, n_trials, at_once):
        overrides = [[*fixed, *(f"{key}={value}" for key, value in overrides_of(trial).items())] for trial in batch]
        returns = launcher.launch(overrides, initial_job_idx=batch[0].number)
        for trial, returned in zip(batch, returns, strict=True):
            _record(study, trial, returned)
            print(f"{folder.name}: {_in_words(study, trial.number, n_trials, search.judged_by)}", flush=True)
    write_search_report(folder)


def _refuse_alive(folder: Path, study: "Study") -> None:
    """Raise a `UserError` where a trial that is to be taken up still trains, started by a process that is gone."""
    from filelock import FileLock, Timeout

    for trial in study.trials:
        if trial.state.is_finished():
            continue
        for path in folder.glob(f"trial={trial.number}/.*.lock"):
            try:
                with FileLock(path).acquire(blocking=False):
                    pass
            except Timeout:
                raise UserError(
                    f"{path.parent} still trains; wait for it or end it, then start the search again"
                ) from None


def next_batch(
    study: "Study", parameters: Mapping[str, Parameter], sampler: DictConfig, n_trials: int, at_once: int
) -> list["FrozenTrial"]:
    """The trials to run next, noted in the journal as running; none where all are there.

    Those that ran when the process was killed are taken up first, in the batch that they were part of.
    """
    from optuna.trial import TrialState

    trials = study.trials
    running = [trial for trial in trials if trial.state == TrialState.RUNNING]
    first = running[0].user_attrs[BATCH] if running else len(trials)
    untold = len(running) == len(trials) - first
    while untold and len(running) < at_once and len(trials) < n_trials:
        study.add_trial(_suggested(trials, parameters, sampler, study.direction, first))
        trials = study.trials
        running.append(trials[-1])
    return running[:at_once]


def _suggested(
    trials: Sequence["FrozenTrial"],
    parameters: Mapping[str, Parameter],
    sampler: DictConfig,
    direction: "StudyDirection",
    first: int,
) -> "FrozenTrial":
    """The trial after these, which depends on nothing else: a search that goes on ends as one that never stopped."""
    import numpy as np
    import optuna

    seed = np.random.SeedSequence([sampler.seed, len(trials)]).generate_state(1)[0]
    distributions = {option: parameter.distribution() for option, parameter in parameters.items()}
    with quiet():
        scratch = optuna.create_study(sampler=instantiate(sampler, seed=int(seed)), direction=direction)
        scratch.add_trials(trials)
        return optuna.trial.create_trial(
            state=optuna.trial.TrialState.RUNNING,
            params=scratch.ask(distributions).params,
            distributions=distributions,
            user_attrs={BATCH: first},
        )


def _record(study: "Study", trial: "FrozenTrial", returned: JobReturn) -> None:
    """Note in the journal what came of a trial."""
    from optuna.trial import TrialState

    value, error, seconds = _outcome(returned)
    storage, identity = study._storage, trial._trial_id
    if seconds is not None:
        storage.set_trial_user_attr(identity, SECONDS, seconds)
    if value is None:
        storage.set_trial_user_attr(identity, ERROR, error)
        study.tell(trial.number, state=TrialState.FAIL)
    else:
        study.tell(trial.number, value)


def _outcome(returned: JobReturn) -> tuple[float | None, str, float | None]:
    """A trial's value or error, and its seconds. An error that its run met is in the run's manifest."""
    run = OmegaConf.select(returned.hydra_cfg, "hydra.runtime.output_dir") if returned.hydra_cfg else None
    manifest = (read_manifest(Path(run)) if run else None) or {}
    seconds = manifest.get("seconds")
    value = returned._return_value  # `return_value` would print and raise an error
    if isinstance(value, BaseException):
        return None, described(value), seconds
    if value is None:
        return None, str(manifest.get("error") or "it gave no value"), seconds
    if not math.isfinite(value):
        return None, f"its value is {value}", seconds
    return float(value), "", seconds


def _in_words(study: "Study", number: int, n_trials: int, judged_by: str) -> str:
    trial = study.trials[number]
    if trial.value is None:
        return f"trial {number} ({number + 1} of {n_trials}) failed: {trial.user_attrs[ERROR]}"
    return f"trial {number} ({number + 1} of {n_trials}): {judged_by} {trial.value:.4f}, best {study.best_value:.4f}"


def _parameters(config: DictConfig) -> tuple[dict[str, Parameter], list[str]]:
    params = [f"{option}={sweep}" for option, sweep in config.hydra.sweeper.params.items()]
    return parameters_of(params, given_overrides(config.hydra, "task"))


def _is_grid(config: DictConfig) -> bool:
    return str(config.hydra.sweeper.sampler._target_).endswith(".BruteForceSampler")


def _number_in_grid(config: DictConfig, parameters: Mapping[str, Parameter]) -> float:
    """How many trials a grid has; endless for other samplers, which may suggest something twice."""
    return math.prod(each.size or 1 for each in parameters.values()) if _is_grid(config) else math.inf


def _composed(config: DictConfig, job: Sequence[str]) -> Composed:
    return composed_of([*given_overrides(config.hydra, "hydra"), *job], config.hydra.job.config_name)


def _run(composed: Composed) -> Run:
    """A trial alone, wherever it may lie."""
    return Run.of(composed.named("trial"))


def trials_ended(folder: Path) -> int:
    """How many trials have run to their end, well or not, by their folders."""
    return sum(state_of(folder, name).status in ("complete", "failed") for name in names_of(folder))


def _starting_point(run: Run, folder: Path, lacking: int) -> tuple[dict[str, Any], str, str]:
    """Facts about the images, what the network starts from, and the objective; the trials that lack fit the disk."""
    from oral_cancer.models.weights import start_of
    from oral_cancer.training.images import collected, data_facts, in_roles, insist_on_labels, open_images
    from oral_cancer.training.trainer import build_callbacks

    build_callbacks(run.settings)
    model, collection = run.settings.model, collected(run)
    classes = len(collection.labels.classes)
    start = start_of(model, classes)
    insist_on_room_for_trials(folder, lacking, run, start.size)
    insist_on_labels([run], collection)
    store = open_images(run, collection)
    mixed = len(in_roles(run, store.collection).hetero_val) > 0
    return data_facts(store), start.origin, "rmse" if mixed else "f1_macro"


def _repeatable(cfg: DictConfig) -> dict[str, Any]:
    """The settings that repeat a training, by name: those that figures depend on, and where its images are."""
    return dict(flat(influential(cfg) | {"source": resolved(cfg)["source"]}))


def _command(config: DictConfig, fixed: Sequence[str], first: Sequence[str]) -> list[str]:
    """What gives the settings of a trial on a command line without the search, beside the trial's parameters."""
    words = [word for word in given_overrides(config.hydra, "hydra") if word.startswith("hydra.searchpath")]
    words += [word for word in fixed if not word.lstrip("+~").startswith(NOT_REPEATED)]
    name = config.hydra.job.config_name
    trial = _composed(config, [*fixed, *first])
    wanted, choices = _repeatable(trial.settings), _choices(trial)
    while group := _first_difference(name, [*words, *first], choices):
        words.append(f"{group}={choices[group]}")
    given = _repeatable(composed_of([*words, *first], name).settings)
    searched = {word.partition("=")[0] for word in first}
    words += [
        f"{'' if option in given else '+'}{option}={_value(value)}"
        for option, value in wanted.items()
        if option not in searched and (option not in given or given[option] != value)
    ]
    return words


def _first_difference(name: str, words: Sequence[str], choices: Mapping[str, str]) -> str | None:
    """The config group for which a command line chooses otherwise; first the experiment, which chooses others."""
    chosen = [word for word in words if word.lstrip("+").partition("=")[0] in choices or word.startswith("hydra.")]
    found = _choices(composed_of(chosen, name))
    groups = sorted(choices, key=lambda group: group != "experiment")
    return next((group for group in groups if choices[group] != found.get(group)), None)


def _choices(composed: Composed) -> dict[str, str]:
    """The choice of each config group of ours."""
    return {
        str(group): choice
        for group, choice in composed.choices.items()
        if choice is not None and not str(group).startswith(("hydra/", *NOT_REPEATED, "study"))
    }


def _value(value: Any) -> str:
    from hydra.core.override_parser.types import Quote, QuotedString, Transformer

    if isinstance(value, str):
        return QuotedString(value, Quote.single).with_quotes()
    return Transformer.str(value)
