"""From a template and its content to a page."""

from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, select_autoescape

from oral_cancer.pages.colours import VARIABLES


def render(package: str, template: str, content: dict[str, Any]) -> str:
    """The text of a page; the same content gives the same text.

    Args:
        package: where the template lies, such as "oral_cancer.study".
        template: its file; one of HTML extends `page.html.j2` of this package.
        content: what it shows, beside the colours that every page knows.
    """
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package, ""), PackageLoader("oral_cancer.pages", "")]),
        autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render({"variables": VARIABLES} | content)
