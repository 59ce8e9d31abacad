"""README and the pages of the site, and what is in them to type."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import REPOSITORY

PAGES = sorted(
    [
        REPOSITORY / "README.md",
        REPOSITORY / "CONTRIBUTING.md",
        *(path for path in (REPOSITORY / "docs").rglob("*.md") if "_build" not in path.parts),
    ]
)
BLOCK = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
COLUMNS = "docs/reference/columns.md"
SHELL = ("", "sh")
PROGRAMS = r"python train\.py|python scripts/\w+\.py|python -m benchmarks|oral-cancer|make|pip install"
TYPED = re.compile(rf"`((?:{PROGRAMS})(?:\s[^`]*)?)`")
NAMED = re.compile(r"^# (my_conf/\S+\.yaml)")  # a file that a block shows
OPEN = re.compile(r"\.\.\.|…|\b(?:VERB|FOLDER)\b")  # a command that is not whole


def text_of(page: str) -> str:
    """A page by its path below the repository."""
    return (REPOSITORY / page).read_text(encoding="utf-8")


def block(page: str, language: str, word: str) -> str:
    """The first block of code in a language that holds a word."""
    return next(code for found, code in BLOCK.findall(text_of(page)) if found == language and word in code)


def commands(page: Path) -> list[list[str]]:
    """The words of each command that a page shows whole, in blocks and in lines of text."""
    return [words for line in _lines(page) if (words := _words(line))]


def files(page: Path) -> dict[str, str]:
    """The files of settings that a page shows, by the path in their first line."""
    code = [content for language, content in BLOCK.findall(page.read_text(encoding="utf-8")) if language == "yaml"]
    return {named[1]: content for content in code if (named := NAMED.match(content))}


def _lines(page: Path) -> Iterator[str]:
    text = page.read_text(encoding="utf-8")
    for language, code in BLOCK.findall(text):
        if language in SHELL:
            yield from code.replace("\\\n", " ").splitlines()
    yield from (" ".join(line.split()) for line in TYPED.findall(BLOCK.sub("", text)) if not OPEN.search(line))


def _words(line: str) -> list[str]:
    """Without a comment, and what stands before the program."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters = True, ""
    words = list(lexer)
    end = next((place for place, word in enumerate(words) if word.startswith("#")), len(words))
    words = words[:end]
    while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
        words = words[1:]
    return [words[0].removeprefix(".venv/bin/"), *words[1:]] if words else []


def documented(table: str, classes: tuple[str, ...]) -> set[str]:
    """The columns that the reference has of a table, by the heading that names it."""
    of_table = re.search(rf"^### ([^\n]*\b{re.escape(table)}\b[^\n]*)\n(.*?)(?=^##|\Z)", text_of(COLUMNS), re.M | re.S)
    assert of_table, f"{table} is not in {COLUMNS}"
    cells = [row.split("|")[1] for row in of_table[2].splitlines() if row.startswith("| `")]
    names = [name for cell in cells for name in re.findall(r"`(.*?)`", cell)]
    return {name.replace("<class>", one) for name in names for one in (classes if "<class>" in name else ("",))}
