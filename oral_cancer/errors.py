"""Errors that are the user's to mend: shown as lines of text, without a traceback."""

import errno
import re
import signal
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

REMEDIES = {
    errno.ENOENT: "give one that exists",
    errno.ENOSPC: "make room there",
    errno.EACCES: "make it one that you may read and write",
    errno.EROFS: "choose a place that can be written",
    errno.ENOTDIR: "choose a place below a folder",
}


class UserError(Exception):
    """A fault in options or files. Each line names the option or file, what is wrong, and the remedy.

    Line breaks and other characters that do not print, which only come from what a user gave, are shown as escapes.
    """

    def __init__(self, *lines: str) -> None:
        self.lines = tuple(_printable(line) for line in lines)
        super().__init__("\n".join(self.lines))


def _printable(line: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in line)


class Interrupted(BaseException):
    """The process was told to stop, by Ctrl-C or by SIGTERM, and has left everything in order.

    No `Exception`, lest it be taken for a failure, and no `KeyboardInterrupt`, which Lightning turns into another.
    """

    def __init__(self, number: signal.Signals, remedy: str) -> None:
        self.cause = f"interrupted by {number.name}"
        super().__init__(f"{self.cause}; {remedy}")
        self.exit_code = 128 + number


SHOWN = 3  # files with the same fault that are told one by one


def gathered(root: Path, faults: Iterable[tuple[str, str]]) -> list[str]:
    """A line for each file with a fault, or one for all that have the same fault if these are many.

    Args:
        root: the folder that the files' paths start from.
        faults: path and reason of each.
    """
    by_reason: dict[str, list[str]] = defaultdict(list)
    for path, reason in faults:
        by_reason[reason].append(path)
    lines = []
    for reason, paths in by_reason.items():
        if len(paths) <= SHOWN:
            lines += [f"{root / path}: {reason}" for path in paths]
        else:
            lines.append(f"{root}: {len(paths)} images, such as {', '.join(paths[:SHOWN])}: {reason}")
    return lines


def brief(error: BaseException) -> str:
    """What an error says, on one line: of a file also its name and the remedy, of what Hydra builds the option."""
    if error.__cause__ and (key := re.search(r"full_key: (\S+)", str(error))):
        return f"{key[1]}: {brief(error.__cause__)}"
    if isinstance(error, OSError) and error.filename is not None:
        remedy = REMEDIES.get(error.errno or 0, "choose another, or mend this one")
        return f"{error.filename}: {error.strerror}; {remedy}"
    return " ".join(str(error).split()) or type(error).__name__


def refuse(problems: Sequence[str]) -> None:
    """Raise one `UserError` that lists every problem, if there is any."""
    if problems:
        raise UserError(*problems)
