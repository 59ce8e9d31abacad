"""Pages that are notebooks as well: beside each lies the same as .ipynb in the built site."""

from pathlib import Path

import jupytext
from sphinx.application import Sphinx

NOTEBOOKS = ("tutorials/in_python",)


def write_notebooks(app: Sphinx, error: Exception | None) -> None:
    """Write the notebooks where the site has been built."""
    if error or app.builder.name != "html":
        return
    for name in NOTEBOOKS:
        page = Path(app.srcdir, f"{name}.md").read_text(encoding="utf-8")
        jupytext.write(jupytext.reads(page, fmt="md"), Path(app.outdir, f"{name}.ipynb"))
