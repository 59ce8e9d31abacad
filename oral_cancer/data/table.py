"""Images that a table lists: their files, labels or proportions, splits and groups; see docs/how-to/table.md."""

import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from oral_cancer.counting import counted
from oral_cancer.data.collection import NAMED_BY_USER, Collection, ImageFile, LeftOut
from oral_cancer.data.division import Grouping
from oral_cancer.data.folder import SPLIT_NAMES
from oral_cancer.data.layout_source import existing_folder
from oral_cancer.data.reading import Reading
from oral_cancer.data.table_columns import Columns, columns_of
from oral_cancer.data.table_file import TableFile, read_table
from oral_cancer.data.table_labels import labels_of, own_proportions, with_labels
from oral_cancer.data.table_rows import Entry, Pattern, Reader, once
from oral_cancer.data.walk import Walk, patterns
from oral_cancer.errors import UserError, refuse
from oral_cancer.labels import Split
from oral_cancer.settings import checked_arguments
from oral_cancer.settings import table as settings

SHOWN = 10  # bad rows that are told one by one
NOT_IN_TABLE = "beside the images of the table, but not in it"
TOO_FEW = "of a label with fewer images than source.min_per_label"


class TableSource:
    """Images that one table or several list.

    Args:
        table: a CSV, TSV or Excel file; a list of such; or a mapping from the name of a group, such as a laboratory,
            to the table of its images. A path starts from the folder of the process, else from `root`.
        root: the folder that the paths in the tables start from; None is for each table its own folder.
        columns: what columns are called, by what they mean, see `settings.table.Columns`; others go by known names. A
            name may be a list of names, of which each table has one; None is no such column.
        file: the path of an image by what a table calls it, see `table_rows.Pattern`: one for all tables, a list as
            long as theirs, or a mapping with the same keys; None where the tables have paths.
        names: what labels and columns of classes are called, by how the tables call them.
        mixtures: which labels are mixtures, and of what, see `FolderSource`; the folders are not needed.
        min_per_label: labels with fewer images are left out.
        group_by: see `FolderSource`; where neither a column nor `table` says the group.
        test_share: of the images, those that only test, where the table does not say so: 0 to below 1.
        range, channels, plane, leave_out: see `LayoutSource`.

    Raises:
        UserError: where a table or the root is not there, or an option is out of its range.
    """

    def __init__(
        self,
        table: Any,
        root: str | Path | None = None,
        columns: Mapping[str, Any] | None = None,
        file: Any = None,
        names: Mapping[Any, Any] | None = None,
        mixtures: Mapping[str, Mapping[str, Any]] | None = None,
        min_per_label: int = 1,
        group_by: str | None = None,
        test_share: float = 0.2,
        range: Any = None,
        channels: Any = None,
        plane: Any = None,
        leave_out: Any = None,
    ) -> None:
        said = checked_arguments(settings.TableSource, locals(), "source.")
        self.reading = Reading.of(said.range, said.channels, said.plane)
        self.leave_out = patterns(said.leave_out)
        self.root = None if said.root is None else Path(os.path.abspath(existing_folder(said.root)))
        self.tables = _tables(said.table, self.root)
        by_group = isinstance(said.table, dict)
        self.groups = list(map(str, said.table)) if isinstance(said.table, dict) else [None] * len(self.tables)
        self.patterns = _patterns(said.file, said.table, len(self.tables))
        self.columns = said.columns.given() if said.columns else {}
        if by_group and self.columns.get("group"):
            raise UserError("source.columns.group: source.table has a group for each table already; leave out one")
        self.names = {str(told): str(name) for told, name in (said.names or {}).items()}
        self.mixtures = {name: one.parts for name, one in (said.mixtures or {}).items()}
        self.min_per_label = said.min_per_label
        self.grouping = Grouping(said.group_by)
        self.test_share = said.test_share

    def collect(self) -> Collection:
        """List the images without opening any, and say on standard error how the tables are read.

        Raises:
            UserError: a line for each bad row, up to `SHOWN` of them, and the number of the others.
        """
        tables = [read_table(path) for path in self.tables]
        columns = columns_of(tables, self.columns, self.names, grouped=self.groups[0] is not None)
        for table, its_columns in zip(tables, columns, strict=True):
            _say(f"{table.path}{table.sheet}: {counted(len(table.rows), 'row')}; {its_columns.in_words()}")
        faults = [line for table in tables for line in table.problems]
        entries: list[Entry] = []
        for table, its_columns, pattern, group in zip(tables, columns, self.patterns, self.groups, strict=True):
            base = self.root or _folder(table.path)
            entries += Reader(table, its_columns, base, pattern, self.names, group).entries(faults)
        rows, entries = len(entries), once(entries, faults)
        if again := rows - len(entries):
            said = f"{counted(again, 'row')} of an image that another row is of too, and which says the same"
            _say(f"{', '.join(map(str, self.tables))}: {said}")
        refuse([*_shortened(faults), *self._strange_names(tables, columns)])
        return self._collection(entries)

    def _collection(self, entries: list[Entry]) -> Collection:
        folders = [self.root] if self.root else [_folder(path) for path in self.tables]
        root = Path(os.path.commonpath([*folders, *(entry.path.parent for entry in entries)]))
        walk = Walk(root, self.leave_out)
        paths = {entry.path: entry.path.relative_to(root).as_posix() for entry in entries}
        wanted = [entry for entry in entries if not _is_left_out(walk, paths[entry.path])]
        named = _in_splits(with_labels(wanted), paths, by_folder="split" not in self.columns)
        counts = Counter(entry.label for entry in named)
        kept = [entry for entry in named if counts[entry.label] >= self.min_per_label]
        refuse(_unlabelled(self.mixtures, named))
        labels = labels_of(kept, self.mixtures)
        _pass_over_others(walk, set(paths.values()), {paths[entry.path] for entry in wanted})
        walk.finish()
        few = [LeftOut(paths[entry.path], TOO_FEW) for entry in named if counts[entry.label] < self.min_per_label]
        files = [
            ImageFile(
                paths[entry.path],
                str(entry.label),
                entry.split,
                own_proportions(entry, labels),
                entry.group or self.grouping.of(paths[entry.path]),
                entry.fold,
            )
            for entry in kept
        ]
        return Collection(
            root,
            tuple(sorted(files, key=lambda file: file.path)),
            labels,
            tuple(walk.problems),
            (*walk.left_out, *few),
            self.reading,
            self.test_share,
        )

    def _strange_names(self, tables: Sequence[TableFile], columns: Sequence[Columns]) -> list[str]:
        """A line for each of `source.names` that no table has."""
        told = {name for its_columns in columns for name in its_columns.proportions}
        for table, its_columns in zip(tables, columns, strict=True):
            told |= {row.cells[its_columns.label] for row in table.rows if its_columns.label is not None}
        few = ", ".join(sorted(told)[:SHOWN])
        return [
            f"source.names.{name}: is no label of the table: mend it or leave it out; labels are {few}"
            for name in self.names
            if name not in told
        ]


@cache
def _say(line: str) -> None:
    """Once in a process, however often it lists its images."""
    print(line, file=sys.stderr, flush=True)


def _folder(table: Path) -> Path:
    return Path(os.path.abspath(table)).parent


Several = str | list[str] | dict[int | str, str]


def _each(value: Several) -> list[str]:
    return [value] if isinstance(value, str) else list(value.values() if isinstance(value, dict) else value)


def _tables(table: Several, root: Path | None) -> list[Path]:
    """The files that `source.table` names."""
    paths = [Path(name) for name in _each(table)]
    if root:
        paths = [path if path.exists() else root / path for path in paths]
    refuse(
        [
            f"source.table: {path} {'is not a file' if path.exists() else 'does not exist'}: give a CSV, TSV or Excel "
            "file"
            for path in paths
            if not path.is_file()
        ]
    )
    return paths


def _patterns(file: Several | None, table: Several, number: int) -> list[Pattern | None]:
    """The pattern of each table's files."""
    if file is None:
        return [None] * number
    given = _each(file)
    if isinstance(file, dict):
        alike = isinstance(table, dict) and set(file) == set(table)
        given = [file[name] for name in table] if alike else []
    elif len(given) == 1:
        given *= number
    if len(given) != number:
        raise UserError(
            f"source.file={file}: must be one pattern, or as source.table one for each table: a list as long, or a "
            "mapping with the same names"
        )
    return [Pattern(one) for one in given]


def _shortened(faults: Sequence[str]) -> list[str]:
    more = len(faults) - SHOWN
    return [*faults[:SHOWN], *([f"source.table: {counted(more, 'more bad row')}"] if more > 0 else [])]


def _unlabelled(mixtures: Mapping[str, Any], entries: Sequence[Entry]) -> list[str]:
    """A line for each mixture that is the label of no image."""
    labels = sorted({str(entry.label) for entry in entries})
    few = ", ".join(labels[:SHOWN])
    return [
        f"source.mixtures.{name}: is the label of no image: mend it or leave it out; labels are {few}"
        for name in mixtures
        if name not in labels
    ]


def _in_splits(entries: list[Entry], paths: Mapping[Path, str], by_folder: bool) -> list[Entry]:
    """The entries with their splits: without a validation part, what trains is yet to be divided into folds."""
    if by_folder and not any(entry.split for entry in entries):
        first = {entry.path: paths[entry.path].partition("/")[0].casefold() for entry in entries}
        splits = [name for name in dict.fromkeys(first.values()) if name in SPLIT_NAMES]
        others = [name for name in dict.fromkeys(first.values()) if name not in SPLIT_NAMES]
        if len(splits) > 1 and not others:
            entries = [replace(entry, split=SPLIT_NAMES[first[entry.path]]) for entry in entries]
        elif len(splits) > 1:
            why = f"as images lie in {others[0]} too; a column split would say which train, validate and test"
            _say(f"source.table: the folders {', '.join(splits)} are not taken for splits, {why}")
    has_val = any(entry.split == "val" for entry in entries)
    if has_val and any(entry.fold is not None for entry in entries):
        raise UserError("source.table: there are folds and a part that validates; leave one of the columns out")
    rest: Split | None = "train" if has_val else None
    return [entry if entry.split in ("val", "test") else replace(entry, split=rest) for entry in entries]


def _is_left_out(walk: Walk, path: str) -> bool:
    """Whether a path or a folder of it is named in `source.leave_out`."""
    return any(walk.is_named(str(one)) for one in (PurePosixPath(path), *PurePosixPath(path).parents))


def _pass_over_others(walk: Walk, listed: set[str], wanted: set[str]) -> None:
    """Note what lies in the folders of the wanted images and is none of them, and what is listed and not wanted."""
    for folder in sorted({path.rpartition("/")[0] or "." for path in wanted}):
        for path in walk.images(folder):
            if path not in listed:
                walk.pass_over(path, NOT_IN_TABLE)
    noted = {one.path for one in walk.left_out}
    for path in sorted(listed - wanted):
        if not noted & {path, *map(str, PurePosixPath(path).parents)}:
            walk.pass_over(path, NAMED_BY_USER)
