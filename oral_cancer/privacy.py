"""What `private=true` keeps out of W&B, pages and cards: absolute paths, names of computers, and pictures of images."""

import re
import socket
from collections.abc import Mapping
from typing import Any

TO_LAST_PART = re.compile(r"""(^|[\s=:,;'"`(\[{<>@|])(?:~?/(?=\S)|[A-Za-z]:[\\/]|\\\\)(?:.*[\\/])?""")
THIS_COMPUTER = "this computer"


def is_private(config: Any) -> bool:
    """Whether the settings of a run, as its manifest has them, ask for it."""
    return isinstance(config, Mapping) and config.get("private") is True


def redacted(content: Any, *hosts: str) -> Any:
    """Plain content with every text in it redacted: of an absolute path the last part stays, of a computer nothing.

    From where an absolute path begins, all goes up to the last separator of the line: folders may hold any character,
    and rather too much is lost than too little.

    Args:
        content: texts, numbers, and lists and mappings of these; keys stay.
        hosts: names of computers, beside this one's.

    >>> redacted({"root": "/home/ann/cells", "error": "/home/ann b/cells/a.png: is empty"})
    {'root': 'cells', 'error': 'a.png: is empty'}
    """
    if isinstance(content, str):
        names = filter(None, (socket.gethostname(), *hosts))
        return re.sub(
            rf"(?<![\w-])(?:{'|'.join(map(re.escape, names))})(?![\w-])",
            THIS_COMPUTER,
            TO_LAST_PART.sub(r"\1", content),
        )
    if isinstance(content, Mapping):
        return {key: redacted(value, *hosts) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return type(content)(redacted(value, *hosts) for value in content)
    return content
