"""The plots of a page: small figures that stay readable on a telephone, and how they get into it."""

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from oral_cancer.pages.colours import INK, MUTED, RULE
from oral_cancer.pages.grids import shortened
from oral_cancer.pages.svg import inline_svg

LONGEST, LINE = 40, 20  # characters of a label's name, in all and a line
WIDTH = 4.0  # inches, and so about 380 CSS pixels: the width of a telephone
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "text.parse_math": False,  # a "$" in an experiment's name is a "$"
    "text.color": INK[0],
    "axes.edgecolor": RULE[0],
    "axes.labelcolor": MUTED[0],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": RULE[0],
    "grid.linewidth": 0.6,
    "xtick.color": RULE[0],
    "ytick.color": RULE[0],
    "xtick.labelcolor": INK[0],
    "ytick.labelcolor": INK[0],
}


@dataclass(frozen=True)
class Panel:
    """A figure, what stands above it, and what it shows in words for those who cannot see it."""

    title: str
    figure: Figure
    description: str


@dataclass(frozen=True)
class Drawing:
    """A plot of the page: its title and its `<svg>` element."""

    title: str
    svg: Markup


def drawn(section: str, panels: Sequence[Panel]) -> list[Drawing]:
    """Panels as a page has them.

    Args:
        section: a name that no others of the page have.
        panels: in their order.
    """
    return [
        Drawing(panel.title, Markup(inline_svg(panel.figure, f"{section} {number}", panel.description)))
        for number, panel in enumerate(panels)
    ]


@contextmanager
def small_figure(
    height: float, rect: tuple[float, float, float, float] = (0, 0, 1, 1), width: float = WIDTH
) -> Iterator[tuple[Figure, Axes]]:
    """A figure of these inches in the style of the page, its axes within `rect` (left, bottom, width, height)."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(rect=rect))
        yield figure, figure.subplots()


def legible(name: str) -> str:
    """A label's name where there is little room: in lines, and without the middle of a very long one."""
    return textwrap.fill(shortened(name, LONGEST), LINE)


def name_rows(axes: Axes, names: Sequence[str]) -> None:
    """One row for each name, from the top."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.45, -0.55)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def of_each(table: pd.DataFrame, experiments: Sequence[str]) -> Iterator[tuple[str, pd.DataFrame]]:
    """The rows of each experiment that has any."""
    for name in experiments:
        rows = table[table["experiment"] == name]
        if not rows.empty:
            yield name, rows
