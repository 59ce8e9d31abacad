"""What the site is made of beside its pages: the directives `settings` and `commands`, and notebooks."""

from collections.abc import Callable
from typing import ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from docs.extensions.commands import commands_page
from docs.extensions.notebook import write_notebooks
from docs.extensions.own_assets import refuse_elsewhere
from docs.extensions.settings import settings_page


class Generated(SphinxDirective):
    """Sections in Markdown that a function writes."""

    page: ClassVar[Callable[[], str]]

    def run(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes(type(self).page(), allow_section_headings=True)


class Settings(Generated):
    page = staticmethod(settings_page)


class Commands(Generated):
    page = staticmethod(commands_page)


def setup(app: Sphinx) -> dict[str, bool]:
    """What Sphinx calls."""
    app.add_directive("settings", Settings)
    app.add_directive("commands", Commands)
    app.connect("build-finished", write_notebooks)
    app.connect("build-finished", refuse_elsewhere)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
