"""The rows of a table: which image each is of, and what it says of it. Bad ones are told by their lines."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

from oral_cancer.data.folder import SPLIT_NAMES
from oral_cancer.data.table_columns import Columns
from oral_cancer.data.table_file import Row, TableFile
from oral_cancer.data.walk import is_image
from oral_cancer.errors import UserError
from oral_cancer.labels import Split
from oral_cancer.spreadsheets import REASON, is_formula

SPLITS_SAID = "train, val or test"
DRIVE = re.compile(r"[A-Za-z]:/")
PLACE = re.compile(r"\{(?::([^{}]*))?\}")


@dataclass(frozen=True)
class Entry:
    """What a table says of an image.

    Attributes:
        place: table and line.
        path: of the image, with no .. in it.
        label: its name, None where there are only proportions.
        shares: of the classes by name, 1 in sum; None where there is only a label.
        split, fold, group: as in `ImageFile`.
    """

    place: str
    path: Path
    label: str | None
    shares: Mapping[str, float] | None
    split: Split | None
    fold: int | None
    group: str | None

    def says(self) -> tuple[object, ...]:
        """All of it but where it stands."""
        return self.label, self.shares, self.split, self.fold, self.group


class Pattern:
    """A file's path made of what a table calls it.

    Args:
        pattern: such as "Dataset 1/{:03d}.bmp", with one place in braces, and its format as Python has it.

    Raises:
        UserError: where there is not one place, or its format is none.
    """

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        places = PLACE.findall(pattern)
        if len(places) != 1 or len(re.findall(r"[{}]", pattern)) != 2:
            raise UserError(f"source.file={pattern}: must have one place in braces, such as images/{{:03d}}.png")
        self.of_number = places[0].endswith("d")
        try:
            self.of("1")
        except (ValueError, KeyError, IndexError) as error:
            raise UserError(
                f"source.file={pattern}: {places[0]!r} is no format of a text or a whole number ({error}); "
                "give one such as :03d"
            ) from error

    def of(self, name: str) -> str:
        """The path; ValueError for a name that is no whole number where the format is that of one."""
        return self.pattern.format(int(name) if self.of_number else name)


@dataclass(frozen=True)
class Reader:
    """How the rows of one table are read.

    Attributes:
        table, columns: the table, and what its columns mean.
        base: the folder that relative paths start from.
        pattern: see `Pattern`; None where the table has paths.
        names: what labels are called, by how the table calls them.
        group: of all its images, where the table says none.
    """

    table: TableFile
    columns: Columns
    base: Path
    pattern: Pattern | None
    names: Mapping[str, str]
    group: str | None

    def entries(self, faults: list[str]) -> list[Entry]:
        """What the rows say; a line for each bad one goes to `faults`."""
        found = []
        for row in self.table.rows:
            own: list[str] = []
            entry = self._entry(row, own)
            faults += [f"{self.table.place(row)}: {fault}" for fault in own]
            if not own:
                found.append(entry)
        return found

    def _entry(self, row: Row, faults: list[str]) -> Entry:
        def cell(role: str) -> str | None:
            column = getattr(self.columns, role)
            return None if column is None else row.cells[column]

        return Entry(
            self.table.place(row),
            self._path(row.cells[self.columns.file], faults),
            *self._said_of_cells(row, faults),
            _split(cell("split"), faults),
            _fold(cell("fold"), faults),
            self._group(cell("group"), faults),
        )

    def _path(self, cell: str, faults: list[str]) -> Path:
        if not cell:
            faults.append(f"the cell {self.columns.file} is empty: name the file, or remove the row")
            return self.base
        try:
            name = self.pattern.of(cell) if self.pattern else cell
        except ValueError:
            assert self.pattern
            faults.append(f"{cell!r} is no whole number, as source.file={self.pattern.pattern} needs it: mend it")
            return self.base
        if "\\" in name and not (self.base / name).exists():
            name = name.replace("\\", "/")
        path = _as_spelled(Path(os.path.normpath(self.base / name)))
        if fault := self._fault_of_path(name, path):
            faults.append(fault)
        return path

    def _fault_of_path(self, name: str, path: Path) -> str | None:
        if not name.isprintable():
            return f"{name!a} holds control characters: rename the file"
        if not Path(name).is_absolute() and not path.is_relative_to(self.base):
            return f"{name} lies outside of {self.base}: give source.root, or a whole path"
        if not path.suffix:
            return f"{name} is no file of an image: give its path, or a pattern such as source.file=images/{{}}.png"
        if not is_image(path.name):
            return f"{name} is of a kind that is not read: convert it, or remove the row"
        if DRIVE.match(name):
            return f"{name} is a path of Windows: give paths from source.root, or a pattern for names, source.file"
        if not path.is_file():
            return f"{path} is missing: mend it, or see source.root and source.file"
        return f"{name}: {REASON}: rename it" if is_formula(name) or is_formula(path.name) else None

    def _said_of_cells(self, row: Row, faults: list[str]) -> tuple[str | None, Mapping[str, float] | None]:
        """Label and shares of an image."""
        columns = self.columns
        label = None if columns.label is None else row.cells[columns.label]
        if label == "":
            faults.append(f"the cell {columns.label} is empty: label the image, or remove the row")
        label = label and self.names.get(label, label)
        cells = {name: row.cells[name] for name in columns.proportions}
        if not any(cells.values()) and label is not None:
            return label, None
        values = {name: self.table.number(text) for name, text in cells.items()}
        wrong = [name for name, value in values.items() if value is None or value < 0]
        if wrong:
            named = ", ".join(f"{name} {cells[name] or 'empty'}" for name in wrong)
            faults.append(f"{named}: must be numbers of at least 0, proportions or counts: mend them")
            return label, None
        total = sum(value or 0.0 for value in values.values())
        if total == 0:
            faults.append(
                f"{', '.join(cells)} are all 0, so that nothing is known of the image: mend or remove the row"
            )
            return label, None
        shares: dict[str, float] = {}
        for name, value in values.items():
            called = self.names.get(name, name)
            shares[called] = shares.get(called, 0.0) + (value or 0.0) / total
        if label in shares and (more := [name for name in shares if name != label and shares[name] >= shares[label]]):
            faults.append(
                f"the label {label} has no greater share than {more[0]}: mend it, or leave the cells of all classes "
                "empty, and the label alone counts"
            )
        return label, shares

    def _group(self, cell: str | None, faults: list[str]) -> str | None:
        if cell == "":
            faults.append(
                f"the cell {self.columns.group} is empty: say the group of the image, or that there are none, with "
                "source.columns={group: null}"
            )
        return self.group if cell is None else cell


def _as_spelled(path: Path) -> Path:
    """A path with its umlauts as one character or as two, whichever of them is there."""
    if path.is_file() or str(path).isascii():
        return path
    forms = (Path(normalize(form, str(path))) for form in ("NFC", "NFD"))
    return next((form for form in forms if form.is_file()), path)


def _split(cell: str | None, faults: list[str]) -> Split | None:
    if cell is None or cell == "":
        return None
    if cell.casefold() not in SPLIT_NAMES:
        faults.append(f"{cell!r} is no split: write {SPLITS_SAID}, or nothing where folds are to be made")
    return SPLIT_NAMES.get(cell.casefold())


def _fold(cell: str | None, faults: list[str]) -> int | None:
    if cell is None or cell == "":
        return None
    if not re.fullmatch(r"\d+(\.0)?", cell):  # pandas writes 1.0 where others are empty
        faults.append(f"{cell!r} is no fold: write a whole number")
        return None
    return int(float(cell))


def once(entries: Sequence[Entry], faults: list[str]) -> list[Entry]:
    """One entry for each file; a line for each that says otherwise than one before it goes to `faults`."""
    first: dict[Path, Entry] = {}
    for entry in entries:
        before = first.setdefault(entry.path, entry)
        if before.says() != entry.says():
            faults.append(
                f"{entry.place}: {entry.path.name} is told otherwise in {before.place}"
                f"{_differing(before, entry)}: keep the row that is right"
            )
    return list(first.values())


def _differing(before: Entry, entry: Entry) -> str:
    """E.g. " (label a, here b)"."""
    for name in ("label", "split", "fold", "group"):
        one, other = getattr(before, name), getattr(entry, name)
        if one != other:
            return f" ({name} {one}, here {other})"
    return " (other proportions)"
