"""The page of all settings, made of the models that check them and of the comments beside their values in conf/."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import yaml
from omegaconf import OmegaConf
from pydantic.fields import FieldInfo

from oral_cancer.config_groups import CONF
from oral_cancer.experiments import compose_settings
from oral_cancer.settings.commands import COMMANDS, Sweeper
from oral_cancer.settings.refusals import section_of, shown
from oral_cancer.settings.rules import OF_HYDRA, WITHOUT_INFLUENCE, ByTarget, OpenSection, Rule, Section
from oral_cancer.settings.training import Training

GROUPS = ("data", "source", "resampling", "model", "augmentation", "trainer", "logger", "callbacks", "study")
PRESETS = ("experiment", "hparams_search")
"""Config groups whose choices have no options of their own: they choose in the other groups."""
KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "values by name",
}
HEAD = ("option", "must be", "value", "what it is for")
FIGURES = "figures"
LINES = "\n"  # of a cell
Values = Mapping[str, str]
"""The values of options as a command line takes them, by name."""


@dataclass(frozen=True)
class Option:
    """What there is to say of an option whatever is chosen.

    Attributes:
        name: as a command line has it, such as `model.scheduler.factor`.
        allowed: what it must be, as a refusal says it.
        counts: whether a figure can depend on it.
        default: where no file of conf/ gives a value.
    """

    name: str
    allowed: str
    counts: bool
    default: str


def settings_page() -> str:
    """All settings in Markdown: those of a training by config group, of a search, and of the other commands."""
    every = list(options_below(Training))
    of_group = {group: [one for one in every if one.name.startswith(f"{group}.")] for group in GROUPS}
    alone = [option for option in every if option.name.partition(".")[0] not in GROUPS]
    parts = ["## Of no group", _of_file(CONF / "train.yaml", alone, with_figures=True)]
    for group, options in of_group.items():
        parts += [f"## {group}", _choices(group), _of_group(group, options)]
    for group in PRESETS:
        parts += [f"## {group}", _choices(group)]
    path = CONF / "hydra" / "sweeper" / "optuna.yaml"
    of_search = [one for one in options_below(Sweeper, "hydra.sweeper.") if one.name != "hydra.sweeper.params"]
    parts += ["## hydra.sweeper", "Of a search, `hparams_search=...`.", _of_file(path, of_search, "hydra.sweeper.")]
    for name, section in COMMANDS.items():
        path = CONF / f"{name}.yaml"
        parts += [f"## {name}", _escaped(header(path)), _of_file(path, list(options_below(section)))]
    return "\n\n".join(parts)


def options_below(section: type[Section], before: str = "") -> Iterator[Option]:
    """The options of a section and of the sections within it, each once, whichever classes are chosen."""
    told: set[str] = set()
    for option in _options(section, before, True):
        if option.name not in told:
            told.add(option.name)
            yield option


def _options(section: type[Section], before: str, counts: bool) -> Iterator[Option]:
    for name, field in section.model_fields.items():
        counting = counts and WITHOUT_INFLUENCE not in field.metadata
        inner = list(_sections(field))
        if not inner:
            default = None if field.is_required() else field.get_default(call_default_factory=True)
            yield Option(before + name, allowed(field), counting, "" if field.is_required() else shown(default))
        for one in inner:
            yield from _options(one, f"{before}{name}.", counting)


def _sections(field: FieldInfo) -> Iterator[type[Section]]:
    by_target = [rule for rule in field.metadata if isinstance(rule, ByTarget)]
    for rule in by_target:
        yield from (one for one in (*rule.sections, rule.other) if one is not OpenSection)
    if not by_target and (own := section_of(field, {})) is not None:
        yield own


def allowed(field: FieldInfo) -> str:
    """What a value must be, in the words of its refusal; by its type where no rule has any."""
    if field.description:
        return field.description
    words = next((rule.allowed for rule in field.metadata if isinstance(rule, Rule)), None)
    nullable = NoneType in get_args(field.annotation)
    return ("null or " if nullable else "") + (words or _kind(field.annotation))


def _kind(annotation: Any) -> str:
    if get_origin(annotation) in (Union, UnionType):
        return " or ".join(dict.fromkeys(_kind(one) for one in get_args(annotation) if one is not NoneType))
    return KINDS.get(get_origin(annotation) or annotation, "what its class takes")


@cache
def comments(path: Path) -> dict[str, str]:
    """What a file of conf/ says of each of its options: the comment behind the value, or the lines above it."""
    lines = path.read_text(encoding="utf-8").splitlines()
    root = yaml.compose("\n".join(lines))
    return dict(_comments(root, lines, "")) if root else {}


def _comments(node: Any, lines: Sequence[str], before: str) -> Iterator[tuple[str, str]]:
    if not isinstance(node, yaml.MappingNode) or node.flow_style:
        return
    for key, value in node.value:
        own = lines[key.start_mark.line]
        if found := re.search(r"(?<=\s)#\s*(.*)$", own):
            yield before + key.value, found[1]
        elif above := _above(lines, key.start_mark.line):
            yield before + key.value, above
        yield from _comments(value, lines, f"{before}{key.value}.")


def _above(lines: Sequence[str], line: int) -> str:
    """The comment that ends above a line, where it is not the file's own."""
    first = line
    while first and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    return " ".join(text.strip("# ") for text in lines[first:line]) if first else ""


def header(path: Path) -> str:
    """The comment that a file of conf/ begins with."""
    said = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        if not line.startswith("# @package"):
            said.append(line.strip("# "))
    return " ".join(said)


def _choices(group: str) -> str:
    rows = [(f"`{group}={path.stem}`", header(path)) for path in sorted((CONF / group).glob("*.yaml"))]
    return _markdown(("choice", "what it is"), rows)


def _of_group(group: str, options: Sequence[Option]) -> str:
    values, said = {}, {}
    for path in sorted((CONF / group).glob("*.yaml")):
        values[path.stem] = _composed(f"{group}={path.stem}")
        before = "" if group == "study" else f"{group}."  # whose files set options of several groups
        said[path.stem] = {before + name: comment for name, comment in comments(path).items()}
    return _table(options, values, said, with_figures=group not in ("logger", "study"))


def _of_file(path: Path, options: Sequence[Option], before: str = "", with_figures: bool = False) -> str:
    content = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    values = {before + name: value for name, value in _flat(content).items()}
    said = {before + name: comment for name, comment in comments(path).items()}
    return _table(options, {"": values}, {"": said}, with_figures)


@cache
def _composed(choice: str) -> dict[str, str]:
    return _flat(OmegaConf.to_container(compose_settings([choice]), resolve=False))


def _flat(content: Any, before: str = "") -> dict[str, str]:
    """Values by dotted name, those of sections among them."""
    found: dict[str, str] = {}
    for name, value in content.items():
        if name in OF_HYDRA:
            continue
        found[before + str(name)] = _in_words(value)
        if isinstance(value, dict):
            found |= _flat(value, f"{before}{name}.")
    return found


def _in_words(value: Any) -> str:
    """As a command line takes it; of a reference what it refers to."""
    if isinstance(value, str) and (of := re.fullmatch(r"\$\{(?:oc\.select:)?([\w.]+)(?:,\w+)?\}", value)):
        return f"that of {of[1]}"
    return shown(value)


def _table(
    options: Sequence[Option], values: Mapping[str, Values], said: Mapping[str, Values], with_figures: bool = False
) -> str:
    """A row an option.

    Args:
        options: of the section.
        values: by choice of the group, "" where there is none to choose.
        said: what each option is for, likewise.
        with_figures: whether a column says which of them figures depend on.
    """
    head = (*HEAD, FIGURES) if with_figures else HEAD
    rows = []
    for option in options:
        row = [f"`{option.name}`", option.allowed, _value(option, values), _meaning(option, said)]
        rows.append([*row, "yes" if option.counts else "no"] if with_figures else row)
    return _markdown(head, rows)


def _value(option: Option, values: Mapping[str, Values]) -> str:
    given = {choice: f"`{own[option.name]}`" for choice, own in values.items() if option.name in own}
    return _by_choice(given).replace("`???`", "none: it is needed") or (f"`{option.default}`" if option.default else "")


def _meaning(option: Option, said: Mapping[str, Values]) -> str:
    """The comments of all choices, or those of the option of this name in the section around, which a choice fills."""
    group, last = option.name.partition(".")[0], option.name.rpartition(".")[2]
    for name in (option.name, f"{group}.{last}"):
        if found := {choice: own[name] for choice, own in said.items() if name in own}:
            return re.sub(r"\bpaper$", "as in the paper", _by_choice(found))
    return ""


def _by_choice(texts: Mapping[str, str]) -> str:
    """The text of all choices, or of each its own."""
    if len(set(texts.values())) <= 1:
        return next(iter(texts.values()), "")
    choices = {text: [choice for choice, own in texts.items() if own == text] for text in texts.values()}
    return LINES.join(f"{', '.join(of)}: {text}" for text, of in choices.items())


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = [[_escaped(text).replace("|", "\\|").replace(LINES, "<br>") for text in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *cells))


def _escaped(text: str) -> str:
    """No word in angle brackets is HTML; code spans are left as they are."""
    return "`".join(part if i % 2 else part.replace("<", "&lt;") for i, part in enumerate(text.split("`")))
