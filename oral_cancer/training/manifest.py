"""What became of a run, as its folder says."""

import json
from pathlib import Path
from typing import Any

FILE = "manifest.json"


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest in a run's folder, or None where there is none that can be read."""
    try:
        content: dict[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content
