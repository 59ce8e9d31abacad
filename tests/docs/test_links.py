"""Every link leads to a file, and to a heading in it, that is there."""

from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.docs.links import Link, anchors, fault, links
from tests.docs.pages import PAGES

MADE = {"in_python.ipynb"}
"""What `make docs` writes beside a page."""
PAGE = """# One & `two`: *three*

## Again
## Again

(named)=
Text with a [link](other.md#again-1 "title"), a [reference][one], <https://example.org/a>, ![a picture](there.png), and
`[code](nowhere.md)`.

```
[code](nowhere.md)
```

| a | b |
|---|---|
| [in a table](there.png) | <a href="there.png">html</a> |

[one]: other.md
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    (tmp_path / "there.png").touch()
    (tmp_path / "other.md").write_text(PAGE)
    (tmp_path / "page.md").write_text(PAGE)
    return tmp_path / "page.md"


def test_every_link_leads_somewhere() -> None:
    found = [link for page in (*PAGES, REPOSITORY / "CHANGELOG.md") for link in links(page)]
    assert len(found) > 120
    written = [link for link in found if link.address not in MADE]
    told = [f"{link.page.relative_to(REPOSITORY)}: {link.address}: {why}" for link in written if (why := fault(link))]
    assert not told, "\n".join(told)


def test_links_are_found_wherever_they_stand(page: Path) -> None:
    found = [link.address for link in links(page)]
    assert found == ["other.md#again-1", "other.md", "https://example.org/a", *["there.png"] * 3]
    assert not [link for link in links(page) if fault(link)]


def test_headings_are_called_as_on_the_site(page: Path) -> None:
    assert anchors(page) == {"one--two-three", "again", "again-1", "named"}


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("nowhere.md", "nowhere.md does not exist"),
        ("other.md#nothing", "other.md has no heading #nothing"),
        ("#nothing", "page.md has no heading #nothing"),
        ("there.png#again", "there.png has no heading #again"),
        ("http://example.org/", "is no whole https address"),
        ("https://example", "is no whole https address"),
        ("https://example.org/a b", "is no whole https address"),
        ("other.md#named", ""),
        ("#again", ""),
        ("https://doi.org/10.1371/journal.pone.0310304", ""),
    ],
)
def test_a_link_to_nothing_is_noticed(page: Path, address: str, why: str) -> None:
    assert fault(Link(page, address)).endswith(why) if why else not fault(Link(page, address))
