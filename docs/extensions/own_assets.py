"""Refuses a site that would load anything from another host when it is read."""

import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

ELSEWHERE = re.compile(
    r"<(?:script|img|iframe|source|video)\b[^>]*\bsrc=[\"']?(?:https?:)?//[^\s>]*"
    r"|<link\b[^>]*\bhref=[\"']?(?:https?:)?//[^\s>]*"
    r"|(?:url\(|@import\s)\s*[\"']?(?:https?:)?//[^\s)]*"
)


def refuse_elsewhere(app: Sphinx, error: Exception | None) -> None:
    """Name what pages and styles load from elsewhere.

    Raises:
        ExtensionError: a line for each file and address.
    """
    if error or app.builder.name != "html":
        return
    pages = [path for path in Path(app.outdir).rglob("*") if path.suffix in (".html", ".css")]
    found = [f"{path}: {match[0]}" for path in pages for match in ELSEWHERE.finditer(path.read_text(encoding="utf-8"))]
    if found:
        raise ExtensionError("\n".join(["loaded from another host:", *found]))
