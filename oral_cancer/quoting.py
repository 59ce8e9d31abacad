"""Paths, patterns and names as the shell passes them, for Hydra, in whose grammar much of them means something else.

Of such options a value is taken as it stands: spaces, commas, `=`, brackets, backslashes and `${` are part of it, with
`-m` too. A value in quotes of Hydra's own ('...' or "...") keeps Hydra's meaning; `null` is no value, and `???` one
that lacks, as ever: a file called so is `./???`.

Of any option, a mapping in braces may have names in quotes, as in YAML: `{'1:3': 2, "naïve T": 1}`. Hydra's grammar has
none, and no letters beyond ASCII in a name; so such a mapping goes as text to a resolver of ours.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, unquote

import yaml
from hydra.core.override_parser.types import Quote, QuotedString

WORD = re.compile(r"(?P<option>\+{0,2}(?P<name>[^=~+]+)=)(?P<value>.*)", re.DOTALL)
QUOTED_NAMES = re.compile(r"""\{.*['"]\s*:.*\}""", re.DOTALL)
PASSED_ON = re.compile(r"\$\{mapping:([^}]*)\}")
LISTED = re.compile(r"""\s*('(?:\\'|[^'])*'|"(?:\\"|[^"])*"|[^,]*)\s*(?:,|$)""")


def for_hydra(words: Iterable[str], literal: Iterable[str], patterns: Iterable[str] = ()) -> list[str]:
    """Arguments of a command line in Hydra's grammar, in which paths and patterns are what the shell has passed.

    Args:
        words: the arguments.
        literal: options that are a path or a name.
        patterns: options that are a list of names or patterns, of which `[a,b]` are two and any other value is one;
            `{a: b}`, which some of them take, is Hydra's.

    >>> for_hydra(["root=/my images, [1]", "fold=0,1", "leave_out=a,b"], ["root"], ["leave_out"])
    ["root='/my images, [1]'", 'fold=0,1', "leave_out=['a,b']"]
    """
    literal, patterns = frozenset(literal), frozenset(patterns)
    said = []
    for word in words:
        match = WORD.fullmatch(word)
        if match and match["name"] not in literal and (mapping := _mapping(match["value"])):
            word = match["option"] + mapping
        elif match and match["name"] in literal:
            word = match["option"] + _quoted(match["value"])
        elif match and match["name"] in patterns:
            word = match["option"] + _listed(match["value"])
        said.append(word)
    return said


def without_references(content: Any) -> Any:
    """Plain settings in which no text is a reference to OmegaConf, whatever `${` it holds; the rest is as it was."""
    if isinstance(content, Mapping):
        return {key: without_references(value) for key, value in content.items()}
    if isinstance(content, list):
        return [without_references(value) for value in content]
    return _escaped(content) if isinstance(content, str) else content


def mapping_in(value: str) -> dict[Any, Any] | None:
    """The mapping that a value in braces is, its texts as they stand; None for any other value.

    >>> mapping_in("{a: /my images, '1:3': b}"), mapping_in("a: b")
    ({'a': '/my images', '1:3': 'b'}, None)
    """
    try:
        content = yaml.safe_load(value) if value.startswith("{") and value.endswith("}") else None
    except yaml.YAMLError:
        return None
    return without_references(content) if isinstance(content, dict) else None


def mapping_of(text: str) -> Any:
    """What `${mapping:...}` stands for, with which `for_hydra` passes a mapping on."""
    return json.loads(unquote(text))


def as_typed(word: str) -> str:
    """An argument that `for_hydra` has made, with a mapping in it as JSON again."""
    return PASSED_ON.sub(lambda match: unquote(match[1]), word)


def _mapping(value: str) -> str | None:
    """A mapping with names in quotes as text for `mapping_of`; None for any other value, or one that is no YAML."""
    if not QUOTED_NAMES.fullmatch(value):
        return None
    try:
        content = yaml.safe_load(value)
    except yaml.YAMLError:
        return None
    text = json.dumps(content, ensure_ascii=False, default=str)
    return f"${{mapping:{quote(text, safe='').replace('~', '%7E')}}}"


def _quoted(value: str) -> str:
    if value in ("", "null") or _is_quoted(value):
        return value
    return QuotedString(_escaped(value), Quote.single).with_quotes()


def _listed(value: str) -> str:
    if value.startswith("{") and value.endswith("}") and ":" in value:
        return value
    if not (value.startswith("[") and value.endswith("]")):
        return value if value in ("", "null") else f"[{_quoted(value)}]"
    inner = value[1:-1]
    return f"[{','.join(_quoted(match[1].strip()) for match in LISTED.finditer(inner) if match[0])}]"


def _is_quoted(value: str) -> bool:
    return len(value) > 1 and value[0] == value[-1] and value[0] in "'\""


def _escaped(text: str) -> str:
    """As OmegaConf must have a text that is none of its references: each `${` escaped, and backslashes before it."""
    return re.sub(r"(\\*)\$\{", lambda match: match[1] * 2 + "\\${", text)
