"""The links of pages in Markdown, and where each leads."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

MARKDOWN = MarkdownIt("commonmark").enable("table")
IN_HTML = re.compile(r"\b(?:href|src)=\"([^\"]*)\"")
NAMED = re.compile(r"^\(([\w-]+)\)=$", re.MULTILINE)  # a target of MyST's
INCLUDED = re.compile(r"^```\{include\} (\S+)$", re.MULTILINE)
OUTSIDE = re.compile(r"https://[\w-]+(\.[\w-]+)+(:\d+)?(/[^\s<>\"]*)?")


@dataclass(frozen=True)
class Link:
    """A link of a page, or a picture on it: the page, and the address as it stands there."""

    page: Path
    address: str

    @property
    def is_outside(self) -> bool:
        return bool(urlsplit(self.address).scheme)


def links(page: Path) -> list[Link]:
    """All links and pictures of a page; those of code are none."""
    return [Link(page, address) for address in _addresses(MARKDOWN.parse(page.read_text(encoding="utf-8")))]


def fault(link: Link) -> str:
    """What is wrong with a link; "" for one that leads to a file and an anchor that are there.

    Of one to another host no more than its form is looked at, so that none has to be reached.
    """
    if link.is_outside:
        return "" if OUTSIDE.fullmatch(link.address) else "is no whole https address"
    path, _, anchor = unquote(link.address).partition("#")
    target = link.page.parent / path if path else link.page
    if not target.exists():
        return f"{target.resolve()} does not exist"
    if anchor and anchor not in anchors(target):
        return f"{target.resolve()} has no heading #{anchor}"
    return ""


def anchors(page: Path) -> set[str]:
    """What links can name of a page: its headings, as GitHub and MyST call them, and its targets; of others nothing."""
    if page.suffix != ".md":
        return set()
    text = page.read_text(encoding="utf-8")
    found = set(NAMED.findall(text))
    for heading in _headings(MARKDOWN.parse(text)):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        found.add(next(name for name in _numbered(slug) if name not in found))
    return found.union(*(anchors(page.parent / other) for other in INCLUDED.findall(text)))


def _numbered(slug: str) -> Iterator[str]:
    yield slug
    number = 0
    while number := number + 1:
        yield f"{slug}-{number}"


def _headings(tokens: list[Token]) -> Iterator[str]:
    """The texts of the headings, without their markup."""
    for opened, within in pairwise(tokens):
        if opened.type == "heading_open":
            yield "".join(one.content for one in within.children or () if one.type in ("text", "code_inline"))


def _addresses(tokens: list[Token]) -> Iterator[str]:
    for token in tokens:
        for name in ("href", "src"):
            if address := token.attrGet(name):
                yield str(address)
        if token.type in ("html_block", "html_inline"):
            yield from IN_HTML.findall(token.content)
        yield from _addresses(token.children or [])
