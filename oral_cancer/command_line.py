"""The command line of a training, before Hydra reads it: its order, whom it trusts, and all that is wrong with it."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from hydra._internal.utils import get_args_parser

from oral_cancer.called import command
from oral_cancer.composing import faults_of_jobs, faults_of_sweep, swept_by_choice
from oral_cancer.errors import UserError, refuse
from oral_cancer.experiments import CONFIG

MANY = ("study=", "hparams_search=", "hydra/launcher=", "hydra.mode=MULTIRUN")
"""How a multirun begins where no -m is given."""
SEARCHED = "hydra.searchpath"
FOREIGN = {"--config-dir": "config_dir", "--config-path": "config_path", "--experimental-rerun": "experimental_rerun"}
"""Options of `train` that take settings from elsewhere than `conf/`, by which Hydra's parser calls them."""


def options_first(words: Sequence[str]) -> list[str]:
    """The words of a command line with Hydra's own options, such as -m, before the settings, as its parser wants them.

    Raises:
        UserError: for an option that Hydra does not have.
    """
    settings = _parsed(words).overrides
    options = list(words)
    for setting in settings:
        options.remove(setting)
    return [*options, *settings]


def insist_on_trust(arguments: list[str]) -> None:
    """Refuse settings from elsewhere than `conf/`, unless `trust=true` is among the arguments.

    Whatever such files name as `_target_`, or as a handler of logging, is imported and run, some of it by Hydra itself
    before any code of ours; so this looks at nothing but the command line. No record of a run repeats that its settings
    were trusted, and records of before do not know the option: it is taken out of the arguments.

    Args:
        arguments: of `train`, which is told nothing more of `trust`.

    Raises:
        UserError: a line for each place that is not trusted, and for a `trust` that is neither true nor false.
    """
    given = _parsed(arguments)
    said = [word for word in given.overrides if word.lstrip("+").partition("=")[0] == "trust"]
    refuse([f"{word}: must be trust=true or trust=false" for word in said if not word.endswith(("=true", "=false"))])
    places = [f"{option} {place}" for option, name in FOREIGN.items() if (place := getattr(given, name)) is not None]
    places += [word for word in given.overrides if word.lstrip("+").partition("=")[0] == SEARCHED]
    if not (said and said[-1].endswith("=true")):
        refuse(
            [
                f"{place}: whatever the files there name is imported and run; read them, and give trust=true if they "
                "are yours, or of somebody whose code you would run"
                for place in places
            ]
        )
    arguments[:] = [word for word in arguments if word not in said]


def faults_of(words: Sequence[str]) -> list[str]:
    """A line for everything that is wrong with the settings of a command line that Hydra has refused."""
    given = _parsed(words)
    alike = [searched(Path(given.config_dir))] if given.config_dir else []
    config = given.config_name or CONFIG
    many = given.multirun or any(word.startswith(MANY) for word in given.overrides)
    if not many:
        return faults_of_jobs([[*alike, *given.overrides]], config)
    return faults_of_sweep([*swept_by_choice([*alike, *given.overrides], config), *given.overrides], config, alike)


def searched(folder: Path) -> str:
    """The override with which Hydra looks for settings in a folder, too."""
    return f"{SEARCHED}=['file://{folder.resolve()}']"


def _parsed(words: Sequence[str]) -> argparse.Namespace:
    parser = get_args_parser()
    parser.error = _refuse  # type: ignore[method-assign]
    given, left = parser.parse_known_intermixed_args(words)
    if left:
        _refuse(f"{next((word for word in left if word.startswith('-')), left[0])}: is no option")
    return given


def _refuse(message: str) -> NoReturn:
    raise UserError(f"{message}; `{command('train', '--help')}` shows what there is")
