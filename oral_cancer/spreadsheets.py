"""What a spreadsheet would take for a formula, and so run, when it opens a CSV file.

Names in tables are those of files, on which people join tables: nothing is put into them. Excel and its like take for a
formula what begins with =, +, - or @, or with white space before one of these; so

- a path that begins so is written as `./<path>`, which names the same file, and which no other path is written as;
- a name that the user chooses, such as an experiment's, may not begin so;
- neither may hold what would begin a cell so where cells end at semicolons, as in countries with decimal commas, or at
  tabs and line ends: it is refused.
"""

import re

_BEGINS = r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]"  # the last four are the wide forms of the East
_FIRST = re.compile(rf"{_BEGINS}|[\t\r\n]")
_WITHIN = re.compile(rf"[;\t\r\n]{_BEGINS}|\r")

REASON = "a spreadsheet would take the name, or what follows a semicolon, tab or line end in it, for a formula"


def is_formula(text: str) -> bool:
    """Whether a spreadsheet would take a text, or a part that it splits off, for a formula.

    >>> [is_formula(text) for text in ("-1", "a;=b", "a-1", "a=b", "./-1")]
    [True, True, False, False, False]
    """
    return _FIRST.match(text) is not None or _WITHIN.search(text) is not None


def harmless_path(path: str) -> str:
    """A relative path that begins like no formula: as it is, or with `./` before.

    >>> harmless_path("plate/-1.png"), harmless_path("-1.png")
    ('plate/-1.png', './-1.png')
    """
    return f"./{path}" if _FIRST.match(path) else path
