"""A picture of a data set: a row of samples for each class and mixture."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from oral_cancer.counting import counted
from oral_cancer.files import replacing
from oral_cancer.pages.colours import CLASS_COLOURS, INK, MUTED, RULE
from oral_cancer.pages.grids import shortened

SIDE = 1.15  # inches of a picture
GAP = 0.09
MARGIN = 0.35
NAMES = 1.9  # inches for the names at the left
HEAD = 0.75
CAPTION = 0.2  # inches below each picture, where there are captions
DPI = 130
USUAL = "DejaVu Sans"  # which comes with matplotlib
LONGEST = 22  # letters of a caption
TITLE = 60  # letters
BAR = 0.05  # inches of the colours at the left of a row


@dataclass(frozen=True)
class SheetRow:
    """The samples of a label.

    Attributes:
        name: of the label.
        number: of all its images.
        proportions: of the classes, (K,).
        pictures: uint8 (H, W, 3) each.
        captions: as many, "" for none.
    """

    name: str
    number: int
    proportions: Sequence[float]
    pictures: Sequence[NDArray[np.uint8]]
    captions: Sequence[str]


def write_contact_sheet(path: Path, title: str, subtitle: str, rows: Sequence[SheetRow]) -> str:
    """Write the picture as a PNG.

    Returns:
        The characters for which this machine has no font, and that show as boxes.
    """
    columns = max(len(row.pictures) for row in rows)
    step = SIDE + GAP + (CAPTION if any(any(row.captions) for row in rows) else 0)
    width = NAMES + columns * (SIDE + GAP) - GAP + 2 * MARGIN
    height = HEAD + len(rows) * step - GAP + 2 * MARGIN
    fonts, lacking = _fonts_for("".join((title, *(row.name for row in rows))))
    with mpl.rc_context({"text.parse_math": False, "font.size": 9, "font.family": fonts}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure = Figure((width, height), dpi=DPI, facecolor="white")
        sheet = _Sheet(figure)
        sheet.text(MARGIN, MARGIN + 0.12, shortened(title, TITLE), size=14, weight="bold", color=INK[0])
        sheet.text(MARGIN, MARGIN + 0.42, subtitle, color=MUTED[0])
        for number, row in enumerate(rows):
            _draw_row(sheet, row, MARGIN + HEAD + number * step)
        sheet.axes.set(xlim=(0, width), ylim=(height, 0))  # which each picture has moved
        with replacing(path) as written:
            figure.savefig(written, format="png")
    return lacking


def _fonts_for(text: str) -> tuple[list[str], str]:
    """The usual font, and those of this machine that have what it lacks of a text; and what none has."""
    lacking = {ord(character) for character in text} - _characters(font_manager.findfont(USUAL))
    chosen = [USUAL]
    for font in sorted(font_manager.fontManager.ttflist, key=lambda font: (font.style != "normal", font.name)):
        if not lacking:
            break
        placeholder = font.name.startswith("Last Resort")
        if not placeholder and (found := lacking & _characters(font.fname)):
            chosen.append(font.name)
            lacking -= found
    return chosen, "".join(map(chr, sorted(lacking)))


def _characters(path: str) -> set[int]:
    return set(font_manager.get_font(path).get_charmap())


def _draw_row(sheet: "_Sheet", row: SheetRow, top: float) -> None:
    sheet.bar(MARGIN, top, row.proportions)
    left = MARGIN + BAR + 0.1
    sheet.text(left, top + SIDE / 2 - 0.1, shortened(row.name, 20), size=11, weight="bold", color=INK[0])
    images = counted(row.number, "image")
    sheet.text(left, top + SIDE / 2 + 0.12, images, color=MUTED[0])
    for place, (picture, caption) in enumerate(zip(row.pictures, row.captions, strict=True)):
        at = MARGIN + NAMES + place * (SIDE + GAP)
        sheet.picture(at, top, picture)
        if caption:
            sheet.text(at, top + SIDE + 0.1, shortened(caption, LONGEST), size=6.5, color=MUTED[0])


class _Sheet:
    """A figure whose places are given in inches from the upper left corner."""

    def __init__(self, figure: Figure) -> None:
        self.axes = figure.add_axes((0, 0, 1, 1), frame_on=False, xticks=[], yticks=[])

    def text(self, left: float, middle: float, text: str, **style: Any) -> None:
        self.axes.text(left, middle, text, va="center", **style)

    def picture(self, left: float, top: float, picture: NDArray[np.uint8]) -> None:
        extent = (left, left + SIDE, top + SIDE, top)
        self.axes.imshow(picture, extent=extent, interpolation="lanczos", aspect="auto")
        self.axes.add_patch(Rectangle((left, top), SIDE, SIDE, fill=False, edgecolor=RULE[0], linewidth=0.8))

    def bar(self, left: float, top: float, proportions: Sequence[float]) -> None:
        """The colours of the classes, one above another by their shares."""
        for number, share in enumerate(proportions):
            colour = CLASS_COLOURS[number][0]
            self.axes.add_patch(Rectangle((left, top), BAR, share * SIDE, facecolor=colour, linewidth=0))
            top += share * SIDE
