"""How a command meets its user: faults in one line each, no traceback unless asked for."""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from oral_cancer.composing import in_our_words, is_hydras
from oral_cancer.config_groups import CONF
from oral_cancer.errors import Interrupted, UserError, refuse
from oral_cancer.quoting import for_hydra, mapping_in
from oral_cancer.settings import AS_TYPED, BY_NAME, PATTERNS, faults_of, options, resolved, unknown
from oral_cancer.settings.commands import COMMANDS
from oral_cancer.settings.rules import Section
from oral_cancer.settings.training import Training

if TYPE_CHECKING:
    from rich.console import RenderableType

FULL_ERROR = "HYDRA_FULL_ERROR"
UNBROKEN = 10_000  # columns, more than any row has
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
        users = isinstance(fault, UserError | OSError) or is_hydras(fault)
        if TRACEBACK_WANTED or not users:
            traceback.print_exc()
        else:
            for line in fault.lines if isinstance(fault, UserError) else [brief(fault)]:
                print(f"error: {line}", file=sys.stderr)
        sys.exit(1)  # and not `raise`: Hydra would swallow an exception that leaves one of its callbacks
    finally:
        if not already:
            del os.environ[FULL_ERROR]


def say(*lines: str, style: str = "", whole: bool = False) -> None:
    """Lines on standard output, taken as they are.

    In a terminal they are broken between words, but for those that name a file and are to be copied `whole`; in a pipe
    each stays on one line.
    """
    from rich import get_console  # late, as no refusal needs it

    console = get_console()
    for line in lines:
        console.print(line, style=style, markup=False, highlight=False, soft_wrap=whole or not console.is_terminal)


def show_table(table: "RenderableType") -> None:
    """A table, perhaps with lines below it, on standard output; in a pipe each row stays on one line."""
    from rich import get_console
    from rich.console import Console

    console = get_console()
    (console if console.is_terminal else Console(file=console.file, width=UNBROKEN)).print(table, soft_wrap=True)


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
    return in_our_words(error, sys.argv[1:])


def described(error: BaseException) -> str:
    """What a manifest says of an error: on one line, with its type where the user is not meant."""
    return brief(error) if isinstance(error, UserError) else f"{type(error).__name__}: {brief(error)}"


def settings_of(
    command: str, given: Sequence[str], further: Callable[[Any], Sequence[str]] = lambda _: ()
) -> DictConfig:
    """The settings of a command beside train.py: those of `conf/<command>.yaml`, and what is given as key=value.

    Hydra would take `experiment=m5` for a choice of conf/experiment; here it names a model of a study.

    Args:
        command: its name.
        given: what the user gives.
        further: what else is wrong with the settings, to be told with the rest.

    Raises:
        UserError: for what is no option, or is needed and not given, and for a `trust` that is neither true nor false.
    """
    settings = OmegaConf.load(CONF / f"{command}.yaml")
    assert isinstance(settings, DictConfig)
    section = COMMANDS[command]
    as_typed, by_name, listed = (set(options(section, mark)) for mark in (AS_TYPED, BY_NAME, PATTERNS))
    problems = []
    parsed = []
    for word in given:
        option, equals, value = word.partition("=")
        option, dot, name = option.partition(".") if option.partition(".")[0] in by_name else (option, "", "")
        if option not in settings.keys() or not equals:  # noqa: SIM118 - `in` leaves out what is still needed
            problems.append(unknown(option, section.model_fields, _where_it_belongs(option, section)))
        elif not value:
            problems.append(f"{word}: has no value; give one, or leave it out")
        elif option in as_typed:
            settings[option] = _as_typed(value)
        elif option in listed:
            settings[option] = _as_typed(value, listed=True)
        elif option in by_name:
            given = settings[option]
            if isinstance(given, str):
                problems.append(f"{word}: beside {option}={given}; give a table, or a path for each name, and not both")
            elif dot:
                settings[option] = given or {}
                settings[option][name] = _as_typed(value)
            else:
                settings[option] = mapping_in(value) or _as_typed(value)
        else:
            parsed.append(word)
    settings.merge_with(OmegaConf.from_dotlist(parsed))
    there = {name: value for name, value in resolved(settings).items() if name not in OmegaConf.missing_keys(settings)}
    refuse([*problems, *faults_of(section, there), *further(settings)])
    return settings


def _where_it_belongs(option: str, section: type[Section]) -> str:
    """What is said of an option that a command has not: that it is one of a training, or those that the command has."""
    if option.partition(".")[0] in Training.model_fields:
        return "it belongs to the training, and the runs keep theirs"
    return f"those there are {', '.join(section.model_fields)}"


def _as_typed(value: str, listed: bool = False) -> Any:
    """A value as it stands, or one in brackets as a list of such, but for those in Hydra's own quotes."""
    option = ["value"]
    (word,) = for_hydra([f"value={value}"], [] if listed else option, option if listed else [])
    return OverridesParser.create().parse_override(word).value()
