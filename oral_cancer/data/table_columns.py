"""What the columns of a table mean: as the user says, else by names that tables of images commonly have."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from oral_cancer.data.table_file import TableFile
from oral_cancer.errors import UserError

KNOWN: dict[str, tuple[str, ...]] = {
    "file": ("file", "file_name", "path", "file_path", "image", "image_file", "image_path", "image_name", "image_id"),
    "label": ("label", "class", "class_label", "cell_type", "category"),
    "split": ("split", "subset"),
    "fold": ("fold",),
    "group": (
        *("group", "donor", "patient", "laboratory", "slide", "plate"),
        *("day", "date", "well"),
    ),
}
"""Names that are known, whatever their case and signs, and with "metadata" before them.

Of groups the wider ones come first: a plate has many wells.
"""
METADATA = re.compile(r"^(image_)?metadata_")  # before what CellProfiler is told of images
PROPORTIONS = "proportions"
FEW = 8  # names of columns that mean nothing


@dataclass(frozen=True)
class Columns:
    """The columns of one table by what they mean, None where there is none.

    `proportions` are those of one class each; `unread` are those that mean nothing here.
    """

    file: str
    label: str | None
    split: str | None
    fold: str | None
    group: str | None
    proportions: tuple[str, ...]
    unread: tuple[str, ...]

    def in_words(self) -> str:
        """E.g. "file image ID, label class; not read: remark"."""
        read = {role: name for role in KNOWN if (name := getattr(self, role)) is not None}
        said = ", ".join(role if role == name else f"{role} {name!r}" for role, name in read.items())
        if self.proportions:
            said += f", proportions {', '.join(self.proportions)}"
            if self.label is None:
                said += ", which are taken for mixtures (votes on pure images want a column of labels beside them)"
        few = [*self.unread[:FEW], *["..."] * (len(self.unread) > FEW)]
        return f"{said}; not read: {', '.join(few)}" if few else said


def columns_of(
    tables: Sequence[TableFile], said: Mapping[str, tuple[str, ...]], names: Mapping[str, str], grouped: bool
) -> list[Columns]:
    """The columns of each table.

    Args:
        tables: of one data set.
        said: the names of those that the user says, of which a table has one; none where there is no such column.
        names: what labels are called, by how the tables call them.
        grouped: whether the group is known otherwise.

    Raises:
        UserError: a line for each column that lacks.
    """
    problems: list[str] = []
    group = [None] * len(tables) if grouped else _groups(tables, said, problems)
    found = []
    for table, its_group in zip(tables, group, strict=True):
        roles = {role: _column(table, role, said, problems) for role in KNOWN if role != "group"}
        if roles["file"] is None and not any(str(table.path) in line for line in problems):
            problems.append(
                f"{table.path}{table.sheet}: no column {alternatives('file')}; name it: source.columns={{file: ...}}; "
                f"{_there(table)}"
            )
        taken = [name for name in (*roles.values(), its_group) if name is not None]
        shares = _proportions(table, roles["label"], taken, said, names, problems)
        unread = tuple(name for name in table.columns if name and name not in (*taken, *shares))
        if roles["label"] is None and not shares:
            problems.append(
                f"{table.path}{table.sheet}: no column {alternatives('label')}, nor columns with a number for each "
                f"class; name it: source.columns={{label: ...}}; {_there(table)}"
            )
        found.append(
            Columns(
                roles["file"] or "", roles["label"], roles["split"], roles["fold"], its_group, tuple(shares), unread
            )
        )
    if problems:
        raise UserError(*problems)
    return found


def alternatives(role: str) -> str:
    """What a column of a role may be called, in a message."""
    return f"{KNOWN[role][0]} (or {', '.join(KNOWN[role][1:4])})"


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", METADATA.sub("", name.casefold()))


def _column(table: TableFile, role: str, said: Mapping[str, tuple[str, ...]], problems: list[str]) -> str | None:
    if role in said:
        return _said(table, role, said[role], problems)
    return known_column(table, role)


def known_column(table: TableFile, role: str) -> str | None:
    """The column of a table that by its name has a role of `KNOWN`."""
    by_plain_name = {_plain(name): name for name in reversed(table.columns)}
    return next((by_plain_name[_plain(name)] for name in KNOWN[role] if _plain(name) in by_plain_name), None)


def _said(table: TableFile, role: str, names: Sequence[str], problems: list[str]) -> str | None:
    """The first of the names that the user gives which the table has; none where no name is given."""
    found = next((name for name in names if name in table.columns), None)
    if found is None and names:
        problems.append(_lacking(table, role, " or ".join(map(repr, names))))
    return found


def _lacking(table: TableFile, role: str, wanted: str) -> str:
    return f"{table.path}{table.sheet}: no column {wanted} (source.columns.{role}); {_there(table)}"


def _there(table: TableFile) -> str:
    """E.g. "there are a, b"; one alone may be several that are not divided."""
    named = [name for name in table.columns if name]
    if len(named) == 1:
        return f"there is one, {named[0]!r}: columns are divided by commas, semicolons or tabs"
    return f"there are {', '.join(named)}"


def _groups(tables: Sequence[TableFile], said: Mapping[str, tuple[str, ...]], problems: list[str]) -> list[str | None]:
    """The group's column in each table: the widest group that is known and of which there are two or more."""
    if "group" in said:
        return [_said(table, "group", said["group"], problems) for table in tables]
    for known in KNOWN["group"]:
        columns = [next((name for name in table.columns if _plain(name) == _plain(known)), None) for table in tables]
        values = {
            row.cells[column] for table, column in zip(tables, columns, strict=True) if column for row in table.rows
        }
        if len(values) > 1:
            return columns
    return [None] * len(tables)


def _proportions(
    table: TableFile,
    label: str | None,
    taken: Sequence[str],
    said: Mapping[str, tuple[str, ...]],
    names: Mapping[str, str],
    problems: list[str],
) -> list[str]:
    """The columns of one class each: those said; else beside labels those called so, and without labels all numbers."""
    if PROPORTIONS in said:
        lacking = [name for name in said[PROPORTIONS] if name not in table.columns]
        problems += [_lacking(table, PROPORTIONS, repr(name)) for name in lacking]
        return [name for name in said[PROPORTIONS] if name not in lacking]
    numbers = [name for name in table.columns if name and name not in taken and _is_numeric(table, name)]
    if label is None:
        return numbers if len(numbers) > 1 else []
    labels = {names.get(row.cells[label], row.cells[label]) for row in table.rows}
    called_so = [name for name in numbers if names.get(name, name) in labels]
    return called_so if len(called_so) > 1 else []


def _is_numeric(table: TableFile, column: str) -> bool:
    """Whether most cells of a column are numbers; the others are told as bad rows."""
    return _share(table.number(row.cells[column]) is not None for row in table.rows) > 0.5


def _share(truths: Iterable[bool]) -> float:
    values = list(truths)
    return sum(values) / len(values) if values else 0.0
