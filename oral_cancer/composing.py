"""Overrides as Hydra composes them, and all that it refuses of them, so that one fault hides no other."""

import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from itertools import zip_longest

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, RangeSweep
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from oral_cancer import errors
from oral_cancer.config_groups import CONF, SWEEPS
from oral_cancer.experiments import CONFIG, in_parts, whole_of
from oral_cancer.settings import faults, options, unknown
from oral_cancer.settings.commands import Sweeper
from oral_cancer.settings.training import Training

OF_A_STUDY = ("study.", "launcher.")
"""Options that a study has once, however many values others have in it."""
NAMED = re.compile(
    r"Could not (?:override|delete|append)[^']*'(?P<option>[^'@]+)"
    r"|Error merging override (?P<merged>.+)"
    r"|Override (?P<group>\S+) looks like a config group"
    r"|Sweep parameters '(?P<swept>.+)' requires"
    r"|Ambiguous value for argument '(?P<several>.+)'"
)
"""What Hydra's errors say of the override that they are about: its option, or all of it."""


def faults_of_sweep(overrides: Sequence[str], config: str = CONFIG, alike: Sequence[str] = ()) -> list[str]:
    """A line for everything that is wrong with the trainings of a sweep, each of whose values is tried at least once.

    Args:
        overrides: of which some may have several values, as Hydra's sweeps have.
        config: the name of the main configuration.
        alike: overrides of Hydra's own, which are in all trainings.
    """
    values = {word: _values(word) for word in overrides}
    shared = [word for word in overrides if len(values[word]) > 1 and _option(word).startswith(OF_A_STUDY)]
    jobs = each_once([values[word] for word in overrides if values[word] and word not in shared])
    lines = [f"{word}: is of the whole study, and has one value; a list is {_as_list(word)}" for word in shared]
    return [*lines, *faults_of_jobs(([*alike, *job] for job in jobs), config)]


def swept_by_choice(overrides: Iterable[str], config: str) -> list[str]:
    """The sweeps that a choice of a study brings, as overrides; none of a search, which has its own checks."""
    whole, _ = whole_of_known([word for word in overrides if len(_values(word)) == 1], config)
    params = {} if whole is None or "direction" in whole.hydra.sweeper else whole.hydra.sweeper.get("params") or {}
    return [f"{key}={value}" for key, value in params.items()]


def _values(word: str) -> list[str]:
    """An override for each of its values; none for a sweep without an end, which a search checks."""
    try:
        override = OverridesParser.create().parse_override(word)
    except HydraException:
        return [word]  # composing tells
    if not override.is_sweep_override():
        return [word]
    if not isinstance(override.value(), ChoiceSweep | RangeSweep):
        return []
    return [f"{override.get_key_element()}={value}" for value in override.sweep_string_iterator()]


def each_once(alternatives: Sequence[Sequence[str]]) -> Iterator[list[str]]:
    """As few choices of one alternative each as have every alternative at least once.

    >>> list(each_once([["a"], ["b=1", "b=2", "b=3"], ["c=1", "c=2"]]))
    [['a', 'b=1', 'c=1'], ['a', 'b=2', 'c=2'], ['a', 'b=3', 'c=1']]
    """
    for row in zip_longest(*alternatives):
        yield [of[0] if chosen is None else chosen for of, chosen in zip(alternatives, row, strict=True)]


def faults_of_jobs(jobs: Iterable[Sequence[str]], config: str = CONFIG) -> list[str]:
    """A line for everything that is wrong with trainings, each once."""
    lines: list[str] = []
    for job in jobs:
        whole, refused = whole_of_known(job, config)
        lines += refused + (faults(in_parts(whole).settings) if whole else [])
    return list(dict.fromkeys(lines))


def whole_of_known(overrides: Sequence[str], config: str = CONFIG) -> tuple[DictConfig | None, list[str]]:
    """What Hydra makes of overrides but for those that it refuses, and a line for each of those.

    None where it refuses what none of them says, such as a faulty file.
    """
    left, lines = list(overrides), list[str]()
    while True:
        try:
            return whole_of(left, config), lines
        except (HydraException, OmegaConfBaseException, ValueError) as error:
            lines.append(in_our_words(error, left))
            guilty = _guilty(error, left)
            if guilty is None:
                return None, lines
            left.remove(guilty)


def is_hydras(error: BaseException) -> bool:
    """Whether an error is Hydra's, which then is about what the user typed."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    raised_there = trace is not None and trace.tb_frame.f_globals["__name__"].startswith("hydra.")
    return raised_there or isinstance(error, HydraException | OmegaConfBaseException)


def in_our_words(error: BaseException, overrides: Sequence[str] = ()) -> str:
    """What Hydra refuses, on one line with a guess or a remedy; of other errors what they say.

    Args:
        error: that was raised.
        overrides: among which the refused one is looked for.
    """
    if isinstance(error, OverrideParseException):
        if "={" in str(error.override):
            return f"{error.override}: cannot be read; quote the names in it, \"key={{'1:3': 2}}\""
        return f"{error.override}: cannot be read; quote a value with special characters twice, 'key=\"value\"'"
    if isinstance(error, MissingConfigException) and error.options is not None and error.missing_cfg_file:
        group, _, choice = error.missing_cfg_file.rpartition("/")
        guess = get_close_matches(choice, error.options, n=1)
        meant = f"did you mean {guess[0]}? " if guess else ""
        return f"{group}={choice}: is no choice; {meant}there are {', '.join(error.options)}"
    said = str(error)
    if said.startswith("Config group override must be"):
        return f"{_guilty(error, overrides) or 'a group'}: a group takes the name of a choice; leave it out for none"
    named = NAMED.match(said)
    if named and said.startswith("Could not append"):
        return f"{named['option']}: is there already; give it without the +"
    if named and (named["option"] or named["group"]):
        return unknown(named["option"] or _option(named["group"]), _known())
    if named and (several := named["swept"] or named["several"]):
        return f"{several}: is several values; give -m for a training with each, or {_as_list(several)} for a list"
    if named:
        return f"{named['merged']}: is no value of this option; {said_by(error.__cause__ or error)}"
    return said_by(error)


def said_by(error: BaseException) -> str:
    """As `errors.brief`, without the places where Hydra looks for files."""
    return errors.brief(error).partition("Config search path:")[0].rstrip()


def _guilty(error: BaseException, overrides: Sequence[str]) -> str | None:
    """The override that an error is about."""
    if isinstance(error, OverrideParseException):
        return error.override if error.override in overrides else None
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, choice = error.missing_cfg_file.rpartition("/")
        return next((w for w in overrides if _option(w) == group and w.endswith(choice)), None)
    said = str(error)
    if said.startswith("Config group override must be"):
        return next((w for w in overrides if _option(w) in _groups() and w.partition("=")[2] in ("null", "")), None)
    if (named := NAMED.match(said)) is None:
        return None
    if named["option"]:
        return next((w for w in overrides if _option(w) == named["option"]), None)
    whole = next(text for text in named.groups() if text)
    return next((w for w in overrides if w == whole.strip()), None)


def _option(word: str) -> str:
    return word.lstrip("+~").partition("=")[0].partition("@")[0]


def _as_list(word: str) -> str:
    option, _, values = word.partition("=")
    return f"{option}=[{values}]"


def _groups() -> list[str]:
    return [path.relative_to(CONF).as_posix() for path in CONF.rglob("*") if path.is_dir() and path.name != SWEEPS]


def _known() -> list[str]:
    return [*options(Training), *options(Sweeper, before="hydra.sweeper."), *_groups()]
