"""What is wrong with settings, a line for each fault, in one wording: `option=value: must be <what is allowed>`."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args

from omegaconf import OmegaConf
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from oral_cancer.called import command
from oral_cancer.config_groups import CONF
from oral_cancer.errors import UserError
from oral_cancer.settings.rules import ByTarget, Section

AnySection = TypeVar("AnySection", bound=Section)
FORMER = {"trial": "split_seed"}  # what scripts of before may still say
SHOWN = 60  # characters of a faulty value
LACKING = object()  # what no file can say
WORDS = {"list_type": "a list", "dict_type": "values by name", "model_type": "options by name"}
"""What pydantic asks for where no rule of ours does, by its name of the fault."""


def checked(section: type[AnySection], values: Mapping[str, Any], before: str = "", after: str = "") -> AnySection:
    """Settings that are as their section says.

    Args:
        section: what they must be.
        values: as given, plain Python or OmegaConf's containers.
        before: what stands before their names in a refusal, such as "source.".
        after: a remedy, said at the end of each line.

    Raises:
        UserError: a line for each fault.
    """
    try:
        return section.model_validate({name: _plain(value) for name, value in values.items()})
    except ValidationError as refused:
        known = [before + option for option in options(section)]
        lines = [_line(fault, before, known) for fault in refused.errors(include_url=False)]
        raise UserError(*(line + after for line in lines)) from None


def checked_arguments(section: type[AnySection], arguments: Mapping[str, Any], before: str) -> AnySection:
    """As `checked`, of what an `__init__` is called with: its `locals()` before it has any of its own."""
    return checked(section, {name: value for name, value in arguments.items() if name != "self"}, before)


def _plain(value: Any) -> Any:
    """As YAML would give it."""
    if OmegaConf.is_config(value):
        return OmegaConf.to_object(value)
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return str(value) if isinstance(value, Path) else value


def faults_of(section: type[Section], values: Mapping[str, Any], before: str = "", after: str = "") -> list[str]:
    """The lines by which `checked` refuses; none for settings that are as their section says."""
    try:
        checked(section, values, before, after)
    except UserError as refused:
        return list(refused.lines)
    return []


def _line(fault: ErrorDetails, before: str, known: Iterable[str]) -> str:
    option = before + ".".join(str(part) for part in fault["loc"] if part != "[key]")
    if fault["loc"][-1:] == ("[key]",):
        return f"{option}: is no option; {fault['msg']}"
    if fault["type"] == "extra_forbidden":
        return unknown(option, known)
    if fault["type"] == "missing":
        return f"{option}: is needed: {option}=..."
    return f"{option}={shown(fault['input'])}: must be {WORDS.get(fault['type'], fault['msg'])}"


def shown(value: Any) -> str:
    """A value as a command line takes it, and not too long for a line."""
    if isinstance(value, list):
        text = f"[{','.join(map(shown, value))}]"
    elif value is None:
        text = "null"
    else:
        text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def unknown(option: str, known: Iterable[str], remedy: str | None = None) -> str:
    """The line for an option that there is not, with a guess at the one that was meant.

    >>> unknown("data.batchsize", ["data.batch_size", "model.compile"])
    'data.batchsize: is no option; did you mean data.batch_size?'
    >>> unknown("trainer.compile", ["trainer.precision", "model.compile"])
    'trainer.compile: is no option; did you mean model.compile?'
    """
    known = list(known)
    remedy = remedy or f"`{command('train', '--cfg', 'job')}` lists all"
    if option in known:
        others = " or ".join(choices_with(option))
        return f"{option}: is no option of what is chosen here; {f'it belongs to {others}' if others else remedy}"
    place, _, name = option.rpartition(".")
    beside = {one.rpartition(".")[2]: one for one in known if one.rpartition(".")[0] == place}
    close = [FORMER[option]] if option in FORMER else [beside[one] for one in get_close_matches(name, beside, n=1)]
    close = close or [one for one in known if one.rpartition(".")[2] == name]
    close = close or get_close_matches(option, known, n=1, cutoff=0.75)
    return f"{option}: is no option; " + (f"did you mean {close[0]}?" if close else remedy)


def choices_with(option: str) -> list[str]:
    """The choices of an option's config group that have it.

    >>> choices_with("source.table"), choices_with("source.group_by"), choices_with("seed")
    (['source=table'], ['source=folder', 'source=table'], [])
    >>> choices_with("launcher.jobs")
    ['hydra/launcher=local']
    """
    group, *names = option.split(".")
    found = []
    for folder, place in ((group, names), (f"hydra/{group}", [group, *names])):  # Hydra's groups bring options of ours
        for path in sorted((CONF / folder).glob("*.yaml")):
            content: Any = OmegaConf.to_container(OmegaConf.load(path))
            for name in place:
                content = content.get(name, LACKING) if isinstance(content, dict) else LACKING
            if names and content is not LACKING:
                found.append(f"{folder}={path.stem}")
    return found


def options(section: type[BaseModel], marked: str | None = None, before: str = "") -> Iterator[str]:
    """The options of a section and of those within it, whichever classes are chosen; all, or those with a mark."""
    for name, field in section.model_fields.items():
        if marked is None or marked in field.metadata:
            yield before + name
        for inner in _sections(field):
            yield from options(inner, marked, f"{before}{name}.")


def _sections(field: FieldInfo) -> Iterator[type[Section]]:
    for rule in field.metadata:
        if isinstance(rule, ByTarget):
            yield from (*rule.sections, rule.other)
    if (own := section_of(field, {})) is not None and not any(isinstance(rule, ByTarget) for rule in field.metadata):
        yield own


def section_of(field: FieldInfo, value: Any) -> type[Section] | None:
    """The section that a value of a field is; None where it is a plain value."""
    for rule in field.metadata:
        if isinstance(rule, ByTarget):
            return rule.of(value)
    kinds = get_args(field.annotation) if isinstance(field.annotation, UnionType) else [field.annotation]
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Section)), None)


def without(mark: str, section: type[Section], content: Mapping[str, Any]) -> dict[str, Any]:
    """Settings but for those that have a mark."""
    kept: dict[str, Any] = {}
    for name, value in content.items():
        field = section.model_fields.get(name)
        inner = section_of(field, value) if field and isinstance(value, Mapping) else None
        if field is None or mark not in field.metadata:
            kept[name] = without(mark, inner, value) if inner else value
    return kept
