"""From a figure to SVG within a page: its text in the page's font, its colours those of the page, light or dark."""

import io
import re
import warnings
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from oral_cancer.pages.colours import VARIABLES

NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))


def inline_svg(figure: Figure, name: str, description: str) -> str:
    """An `<svg>` element with no reference outside the page; the same figure gives the same text.

    Args:
        figure: drawn in the light colours of `colours`, each of which becomes its CSS variable.
        name: different for each figure of a page, since ids are made from it.
        description: what a screen reader says.
    """
    written = io.StringIO()
    canvas: Any = FigureCanvasSVG(figure)  # draws once, where savefig draws twice
    for ground in (figure.patch, *(axes.patch for axes in figure.axes)):
        ground.set(facecolor="none", edgecolor="none")
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # the page's own has it
        canvas.print_svg(written, metadata=NO_METADATA)
    svg = written.getvalue()
    _, _, content = svg[svg.index("<svg") :].partition(">")
    viewbox = re.search(r'viewBox="[^"]*"', svg)
    assert viewbox is not None
    content = re.sub(r'<g id="[^"]*"', "<g", content)
    for variable, (light, _) in VARIABLES.items():
        content = content.replace(light, f"var(--{variable})")
    return f'<svg {viewbox[0]} role="img" aria-label="{_quoted(description)}">{content.rstrip()}'


def _quoted(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
