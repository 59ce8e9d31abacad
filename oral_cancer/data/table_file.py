"""A table as it lies on the disk: CSV, TSV or an Excel sheet, as text with the number of each line."""

import codecs
import csv
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oral_cancer.counting import counted
from oral_cancer.errors import UserError

EXCEL = (".xlsx", ".xlsm")
SPREADSHEETS = (b"PK\3\4", b"\xd0\xcf\x11\xe0")
"""How Excel's files of today and of before, and those of LibreOffice, begin."""
DELIMITERS = (",", ";", "\t")
ENCODINGS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
"""By how a file begins; UTF-8 where it begins otherwise."""


@dataclass(frozen=True)
class Row:
    """A row: the number of its line, from 1, and its cells by column, with no space around them."""

    line: int
    cells: dict[str, str]


@dataclass(frozen=True)
class TableFile:
    """A table.

    Attributes:
        path: of the file.
        columns: their names in order.
        rows: those that are not empty.
        decimal_comma: whether 0,5 is a number, as it is where commas do not divide the cells.
        problems: a line for each row that has other cells than there are columns.
        sheet: which one was read of an Excel file that has several.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    decimal_comma: bool
    problems: tuple[str, ...]
    sheet: str = ""

    def place(self, row: Row) -> str:
        """What a message calls a row."""
        return f"{self.path}, line {row.line}"

    def number(self, text: str) -> float | None:
        """The number that a cell holds, None where it holds none."""
        try:
            value = float(text.replace(",", ".") if self.decimal_comma else text)
        except ValueError:
            return None
        return value if math.isfinite(value) else None


def read_table(path: Path) -> TableFile:
    """Read a table: the first line that is not empty names the columns.

    Args:
        path: a CSV or TSV file in UTF-8 or UTF-16, whose cells are divided by commas, semicolons or tabs; or an Excel
            file, of which the first sheet is read.

    Raises:
        UserError: for what cannot be read as a table.
    """
    lines, delimiter, sheet = _of_excel(path) if path.suffix.lower() in EXCEL else (*_of_text(path), "")
    filled = [(line, cells) for line, cells in lines if any(cells)]
    if not filled:
        raise UserError(f"{path}{sheet}: is empty; give a table whose first line names the columns")
    if len(filled) == 1:
        raise UserError(f"{path}{sheet}: has no row below its first line; give a table with a row for each image")
    _, head = filled[0]
    while head and not head[-1]:
        head.pop()
    twice = [name for name, number in Counter(head).items() if number > 1]
    if twice:
        raise UserError(f"{path}: {len(head)} columns, of which two are called {twice[0]!r}; rename one of them")
    rows, problems = [], []
    for line, cells in filled[1:]:
        if len(cells) < len(head) or any(cells[len(head) :]):
            problems.append(
                f"{path}, line {line}: has {counted(len(cells), 'cell')} for {counted(len(head), 'column')}: mend it"
            )
        else:
            rows.append(Row(line, dict(zip(head, cells, strict=False))))
    return TableFile(path, tuple(head), tuple(rows), delimiter != ",", tuple(problems), sheet)


MIDNIGHT = " 00:00:00"  # of what is a day
Lines = list[tuple[int, list[str]]]


def _of_text(path: Path) -> tuple[Lines, str]:
    """Cells and numbers of the lines, and what divides the cells."""
    try:
        content = path.read_bytes()
        if content.startswith(SPREADSHEETS):
            raise UserError(f"{path}: is a spreadsheet, but no Excel file by its name: save it as .xlsx or CSV UTF-8")
        encoding = next((name for mark, name in ENCODINGS.items() if content.startswith(mark)), "utf-8")
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is not UTF-8 (byte {error.start}): save it as CSV UTF-8") from error
    lines = text.splitlines(keepends=True)
    if lines and (said := re.fullmatch(r"sep=(.)\s*", lines[0])):  # as Excel takes it, and others write it for Excel
        lines[0], delimiter = "\n", said[1]
    else:
        first = next((line for line in lines if line.strip(" ,;\t\r\n")), "")
        delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        return list(_numbered(reader)), delimiter
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num}: cannot be read ({error}): mend it") from error


def _numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """A row of several lines has the number of its first."""
    line = 1
    for cells in reader:
        yield line, [cell.strip() for cell in cells]
        line = reader.line_num + 1


def _of_excel(path: Path) -> tuple[Lines, str, str]:
    """Cells and numbers of the lines, a comma, and which sheet of several it is."""
    try:
        import openpyxl
    except ImportError as error:
        raise UserError(
            f"{path}: Excel files are read by openpyxl: `pip install openpyxl`, or save it as CSV UTF-8"
        ) from error
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # of many kinds, by what is wrong inside the archive
        raise UserError(f"{path}: is no Excel file that can be read ({error}): save it again, or as CSV") from error
    sheet: Iterable[Sequence[Any]] = book.worksheets[0].iter_rows(values_only=True)
    lines = [(line, [_as_text(cell) for cell in cells]) for line, cells in enumerate(sheet, 1)]
    sheets = book.sheetnames
    book.close()
    return lines, ",", f" (the sheet {sheets[0]!r}, the first of {len(sheets)})" if len(sheets) > 1 else ""


def _as_text(cell: Any) -> str:
    """A cell as it is shown: whole numbers, which Excel keeps as fractions, without a point."""
    if cell is None:
        return ""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip().removesuffix(MIDNIGHT)
