"""How a command meets its user: faults in one line each, no traceback unless asked for."""

import os
import re
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import ConfigCompositionException, HydraException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from oral_cancer import errors
from oral_cancer.config_groups import CONF
from oral_cancer.errors import Interrupted, UserError, refuse
from oral_cancer.quoting import for_hydra
from oral_cancer.settings import AS_TYPED, faults_of, options, resolved, unknown
from oral_cancer.settings.commands import COMMANDS, Sweeper
from oral_cancer.settings.training import Training

FULL_ERROR = "HYDRA_FULL_ERROR"
TRACEBACK_WANTED = os.environ.get(FULL_ERROR) == "1"


@contextmanager
def faults_in_one_line() -> Iterator[None]:
    """End the process with one line on standard error for each fault that is the user's, and exit code 1.

    An interrupted process says so and exits with 128 + the signal's number, as shells expect. A traceback is shown of
    faults that are not the user's, and with HYDRA_FULL_ERROR=1 in the environment of all.
    """
    already = FULL_ERROR in os.environ
    os.environ[FULL_ERROR] = "1"  # Hydra passes errors on instead of printing them its own way
    try:
        yield
    except Interrupted as stop:
        print(stop, file=sys.stderr)
        sys.exit(stop.exit_code)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)
    except Exception as error:
        fault = error.__cause__ if isinstance(error.__cause__, UserError) else error  # Hydra wraps what it calls
        users = isinstance(fault, UserError | HydraException | OmegaConfBaseException | OSError) or _is_hydras(fault)
        if TRACEBACK_WANTED or not users:
            traceback.print_exc()
        else:
            for line in fault.lines if isinstance(fault, UserError) else [brief(fault)]:
                print(f"error: {line}", file=sys.stderr)
        sys.exit(1)  # and not `raise`: Hydra would swallow an exception that leaves one of its callbacks
    finally:
        if not already:
            del os.environ[FULL_ERROR]


def say(*lines: str, style: str = "") -> None:
    """Lines on standard output, taken as they are; in a pipe each stays on one line."""
    from rich import get_console  # late, as no refusal needs it

    console = get_console()
    for line in lines:
        console.print(line, style=style, markup=False, highlight=False, soft_wrap=not console.is_terminal)


@contextmanager
def no_empty_folder(folder: Path) -> Iterator[None]:
    """Where nothing comes of a command, take away the folders that Hydra made for it, unless something is in them."""
    try:
        yield
    except BaseException:
        with suppress(OSError):
            while folder not in (Path.cwd(), *Path.cwd().parents):
                folder.rmdir()
                folder = folder.parent
        raise


def brief(error: BaseException) -> str:
    """As `errors.brief`, which knows nothing of Hydra: the option too, and where Hydra knows one, the remedy."""
    if isinstance(error, OverrideParseException):
        if "={" in str(error.override):
            return f"{error.override}: cannot be read; quote the names in it, \"key={{'1:3': 2}}\""
        return f"{error.override}: cannot be read; quote a value with special characters twice, 'key=\"value\"'"
    if str(error).startswith("Config group override must be"):
        nothing = ", ".join(given for given in sys.argv[1:] if given.partition("=")[2] in ("null", ""))
        return f"{nothing}: a group takes the name of a choice; leave it out to choose nothing"
    if isinstance(error, ConfigCompositionException) and (match := re.match("Could not override '(.+?)'", str(error))):
        return unknown(
            match[1],
            [
                *options(Training),
                *options(Sweeper, before="hydra.sweeper."),
                *(path.name for path in CONF.iterdir() if path.is_dir()),
            ],
        )
    return errors.brief(error).partition("Config search path:")[0].rstrip()


def described(error: BaseException) -> str:
    """What a manifest says of an error: on one line, with its type where the user is not meant."""
    return brief(error) if isinstance(error, UserError) else f"{type(error).__name__}: {brief(error)}"


def _is_hydras(error: BaseException) -> bool:
    """Whether Hydra itself raised an error, which then is about what the user typed."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_globals["__name__"].startswith("hydra.")


SEARCHED = "hydra.searchpath"
FOREIGN = {"--config-dir": "config_dir", "--config-path": "config_path", "--experimental-rerun": "experimental_rerun"}
"""Options of train.py that take settings from elsewhere than `conf/`, by which Hydra's parser calls them."""


def insist_on_trust(arguments: list[str]) -> None:
    """Refuse settings from elsewhere than `conf/`, unless `trust=true` is among the arguments.

    Whatever such files name as `_target_`, or as a handler of logging, is imported and run, some of it by Hydra itself
    before any code of ours; so this looks at nothing but the command line. No record of a run repeats that its settings
    were trusted, and records of before do not know the option: it is taken out of the arguments.

    Args:
        arguments: of train.py, which is told nothing more of `trust`.

    Raises:
        UserError: a line for each place that is not trusted, and for a `trust` that is neither true nor false.
    """
    given = get_args_parser().parse_args(arguments)
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


def settings_of(command: str, given: Sequence[str]) -> DictConfig:
    """The settings of a command beside train.py: those of `conf/<command>.yaml`, and what is given as key=value.

    Hydra would take `experiment=m5` for a choice of conf/experiment; here it names a model of a study.

    Raises:
        UserError: for what is no option, or is needed and not given, and for a `trust` that is neither true nor false.
    """
    settings = OmegaConf.load(CONF / f"{command}.yaml")
    assert isinstance(settings, DictConfig)
    section = COMMANDS[command]
    as_typed = set(options(section, AS_TYPED))
    problems = []
    parsed = []
    for word in given:
        option, equals, value = word.partition("=")
        if option not in settings.keys() or not equals:  # noqa: SIM118 - `in` leaves out what is still needed
            problems.append(unknown(option, section.model_fields, f"those there are {', '.join(section.model_fields)}"))
        elif not value:
            problems.append(f"{word}: has no value; give one, or leave it out")
        elif option in as_typed:
            (quoted,) = for_hydra([word], as_typed)
            settings[option] = OverridesParser.create().parse_override(quoted).value()
        else:
            parsed.append(word)
    settings.merge_with(OmegaConf.from_dotlist(parsed))
    there = {name: value for name, value in resolved(settings).items() if name not in OmegaConf.missing_keys(settings)}
    refuse([*problems, *faults_of(section, there)])
    return settings
