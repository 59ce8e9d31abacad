"""The verb `train`: one training, or a study of many, by Hydra's command line."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from oral_cancer.command import faults_in_one_line, no_empty_folder
from oral_cancer.command_line import faults_of, insist_on_trust, options_first, searched
from oral_cancer.composing import faults_of_jobs, is_hydras
from oral_cancer.config_groups import CONF
from oral_cancer.errors import UserError, refuse
from oral_cancer.experiments import CONFIG, Composed, compose_settings, name_of
from oral_cancer.quoting import for_hydra
from oral_cancer.settings import AS_TYPED, PATTERNS, check, options
from oral_cancer.settings.training import Training
from oral_cancer.tracking.identity import in_sweep

LITERAL = (*options(Training, AS_TYPED), "hydra.run.dir", "hydra.sweep.dir")
PATTERNED = tuple(options(Training, PATTERNS))
"""Options whose values are taken as the shell passes them, see `quoting`."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, or run a study or a search.

    Args:
        arguments: `[-m] [group=choice] [key=value]` and Hydra's options; None for those of the process.
    """
    with faults_in_one_line():
        words = options_first(sys.argv[1:] if arguments is None else arguments)
        insist_on_trust(words)
        sys.argv[1:] = for_hydra(words, LITERAL, PATTERNED)  # where Hydra looks
        try:
            run()
        except Exception as error:
            if is_hydras(error):  # which tells of the first fault; here are all
                refuse(faults_of(sys.argv[1:]))
            raise


@hydra.main(version_base="1.3", config_path=str(CONF), config_name=CONFIG)
def run(settings: DictConfig) -> float | None:
    """What Hydra calls with the settings of a training."""
    of_hydra = HydraConfig.get()
    runtime: Any = OmegaConf.to_container(of_hydra.runtime, resolve=False)  # a path may hold "${"
    folder = Path(runtime["output_dir"])
    # What follows is imported late, since neither --help nor a refusal needs it.
    if of_hydra.mode == RunMode.MULTIRUN:
        from oral_cancer.study.study import run_job

        return run_job(Composed.of(settings, of_hydra), Path(of_hydra.sweep.dir), folder)
    with faults_in_one_line(), no_empty_folder(folder.resolve()):
        check(settings)
        composed = Composed.of(settings, of_hydra)
        named = composed.named(in_sweep(name_of(composed)))
        print("loading ...", flush=True)
        from oral_cancer.training.run import Run
        from oral_cancer.training.train import train

        chosen = any(word.startswith("hydra.run.dir=") for word in of_hydra.overrides.hydra)
        train(Run.of(named, folder if chosen else None, overrides=composed.overrides))
    return None


def checked_settings(given: Sequence[str], config_dir: Path | None = None) -> DictConfig:
    """The settings of one training that a command line gives, named.

    Args:
        given: `[group=choice] [key=value]`.
        config_dir: of the user's own settings, which need `trust=true` among what is given.

    Raises:
        UserError: a line for each fault.
    """
    if config_dir and not config_dir.is_dir():
        raise UserError(f"--config-dir {config_dir}: is no folder; give one with choices of groups, such as source/")
    words = [*(["--config-dir", str(config_dir)] if config_dir else []), *given]
    insist_on_trust(words)
    overrides = for_hydra(words[2 if config_dir else 0 :], LITERAL, PATTERNED)
    if config_dir:
        overrides.append(searched(config_dir))
    refuse(faults_of_jobs([overrides]))
    return compose_settings(overrides)


def completions(words: Sequence[str]) -> list[str]:
    """What the last of these words can become: groups, choices and settings, as Hydra's own completion has them."""
    from hydra import initialize_config_dir
    from hydra._internal.core_plugins.bash_completion import BashCompletion
    from hydra.core.global_hydra import GlobalHydra

    with initialize_config_dir(str(CONF), version_base="1.3"):
        return BashCompletion(GlobalHydra.instance().config_loader())._query(CONFIG, " ".join(words))
