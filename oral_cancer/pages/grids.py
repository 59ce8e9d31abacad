"""Tables as people read them: rounded, the best in bold. A grid is text only, for page, terminal and model card."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

LACKING = "–"
DIGITS = 3


@dataclass(frozen=True)
class Entry:
    """What stands in one place of a grid, and on a page the address that it links to."""

    text: str
    strong: bool = False
    link: str = ""


Row = tuple[Entry, ...]


@dataclass(frozen=True)
class Grid:
    """A table to be read.

    Attributes:
        table: the CSV file it is made from, without its suffix.
        columns: heads; the first `keys` of them say what a row is about.
        rows: as many entries as there are columns.
        keys: number of columns that are words, at the left.
        groups: heads above the heads, with the number of columns each spans; none where empty.
    """

    table: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    keys: int = 1
    groups: tuple[tuple[str, int], ...] = ()


def shortened(text: str, longest: int) -> str:
    """A text without its middle, where it has more characters.

    >>> shortened("abcdefgh", 8), shortened("abcdefghi", 6)
    ('abcdefgh', 'abc…ghi')
    """
    return text if len(text) <= longest else f"{text[: longest // 2]}…{text[-(longest // 2) :]}"


def number(value: float, digits: int = DIGITS, signed: bool = False) -> str:
    """E.g. "0.159", with `signed` "−0.030" or "+0.012"; a dash for NaN."""
    if pd.isna(value):
        return LACKING
    return f"{value:{'+' if signed else ''}.{digits}f}".replace("-", "−")


def mean_sd(mean: float, sd: float) -> str:
    """E.g. "0.990 (0.011)"; a dash for what there is not, such as the SD of one fold."""
    return LACKING if pd.isna(mean) else f"{number(mean)} ({number(sd)})"


def with_interval(value: float, low: float, high: float, digits: int = DIGITS, signed: bool = False) -> str:
    """E.g. "0.159 [0.148, 0.171]"; without an interval the value alone."""
    if pd.isna(low):
        return number(value, digits, signed)
    return f"{number(value, digits, signed)} [{number(low, digits, signed)}, {number(high, digits, signed)}]"


def best_in_bold(texts: Sequence[str], values: Sequence[float], least: bool) -> list[Entry]:
    """A column whose best value is bold; none where as printed others are as good, or there is nothing to choose."""
    printed = pd.Series(values, dtype=float).round(DIGITS)
    best = printed.min() if least else printed.max()
    alone = printed.notna().sum() > 1 and (printed == best).sum() == 1
    return [Entry(text, bool(alone and value == best)) for text, value in zip(texts, printed, strict=True)]
