"""How the user called this program, for messages that name a command to type."""

import shlex
import sys
from pathlib import Path

SCRIPTS = {"train": "train.py", "fetch": "scripts/fetch_data.py"} | {
    verb: f"scripts/{verb}.py" for verb in ("report", "predict", "explain", "export")
}
"""The verbs that have a door of their own in a clone."""
DOORS = {Path(script).name: script for script in SCRIPTS.values()}


def command(verb: str, *words: object) -> str:
    """What runs a verb for who has called as this process was called, quoted for a shell.

    Args:
        verb: of `oral-cancer`.
        words: that follow it.

    Returns:
        E.g. "oral-cancer report outputs/studies/paper", or where train.py or a script was called
        "python scripts/report.py outputs/studies/paper".
    """
    return " ".join([_verb(verb), *(shlex.quote(str(word)) for word in words)])


def _verb(verb: str) -> str:
    called = Path(sys.argv[0])
    if (called.name == "__main__.py" and called.parent.name == "oral_cancer") or sys.argv[0] == "-m":
        return f"python -m oral_cancer {verb}"
    if called.name in DOORS and verb in SCRIPTS:
        clone = called.absolute().parents[DOORS[called.name].count("/")]
        script = clone / SCRIPTS[verb]
        near = script.relative_to(Path.cwd()) if script.is_relative_to(Path.cwd()) else script
        return f"python {shlex.quote(str(near))}"
    return f"oral-cancer {verb}"
