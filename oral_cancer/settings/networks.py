"""Which networks timm has, told from its source: importing it takes seconds, with PyTorch."""

import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from functools import cache
from importlib.util import find_spec
from pathlib import Path

PLAIN_NAME = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)?")  # by another, timm fetches or opens files
_REGISTERED = re.compile(r"^@register_model\s*\ndef (\w+)\(", re.MULTILINE)
_FORMER = re.compile(r"register_model_deprecations\(__name__, \{(.*?)\}\)", re.DOTALL)
_KEY = re.compile(r"['\"]([\w.]+)['\"]\s*:")


@cache
def architectures() -> frozenset[str]:
    """The names that timm registers, those of former versions too."""
    return frozenset(_registered())


def _registered() -> Iterator[str]:
    package = find_spec("timm")
    assert package is not None
    assert package.origin is not None
    for path in Path(package.origin).with_name("models").glob("*.py"):
        source = path.read_text(encoding="utf-8")
        yield from _REGISTERED.findall(source)
        for former in _FORMER.findall(source):
            yield from _KEY.findall(former)


def is_network(architecture: str) -> bool:
    """As `timm.is_model`, of what timm itself brings."""
    return architecture in architectures()


def instead_of_network(name: str, is_known: Callable[[str], bool] = is_network) -> str:
    """What `model.backbone` must be instead of a name; "" for a network that timm has, whether it names weights or not.

    >>> instead_of_network("tf_efficientnet_b3.aa_in1k")
    ''
    >>> instead_of_network("resnet_18")
    'the name of a network that timm has; did you mean resnet18?'
    """
    architecture = name.partition(".")[0]
    if PLAIN_NAME.fullmatch(name) and is_known(architecture):
        return ""
    guess = get_close_matches(architecture, sorted(architectures()), n=1)
    remedy = f"did you mean {guess[0]}?" if guess else "timm.list_models() names those it has"
    return f"the name of a network that timm has; {remedy}"
