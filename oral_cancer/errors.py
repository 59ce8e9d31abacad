"""Errors that are the user's to mend: shown as lines of text, without a traceback."""

from collections.abc import Sequence


class UserError(Exception):
    """A fault in options or files. Each line names the option or file, what is wrong, and the remedy."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def refuse(problems: Sequence[str]) -> None:
    """Raise one `UserError` that lists every problem, if there is any."""
    if problems:
        raise UserError(*problems)
