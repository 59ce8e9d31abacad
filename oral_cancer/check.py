"""The verb `check`: what would be trained on, with nothing trained."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig
from rich import get_console
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from oral_cancer.command import show_table
from oral_cancer.counting import counted
from oral_cancer.data import overview
from oral_cancer.data.collection import Collection
from oral_cancer.data.leaks import same_images, split_groups
from oral_cancer.data.overview import Counts
from oral_cancer.data.preprocessing import IN_WORDS
from oral_cancer.data.splits import number_of_folds
from oral_cancer.data.store import ImageStore
from oral_cancer.errors import UserError, refuse
from oral_cancer.labels import in_files
from oral_cancer.pages.contact_sheet import SheetRow, write_contact_sheet
from oral_cancer.training.display import SIMULATED
from oral_cancer.training.images import check_labels, collected, in_roles, open_images
from oral_cancer.training.run import Run

SHEETS = Path("outputs", "check")
SAMPLES = 8  # pictures of a label


def check_images(settings: DictConfig) -> Path:
    """Say on the terminal what a training with these settings would see, and draw a sheet of samples.

    Args:
        settings: of a training, which have passed their checks.

    Returns:
        The sheet, `outputs/check/<folder of the images>.png`.

    Raises:
        UserError: a line for each fault that would keep the images from being trained on, after all else is shown.
    """
    run = Run.of(settings)
    collection = collected(run)
    try:
        store = open_images(run, collection)
    except UserError:
        _show(_by_role(collection))
        raise
    roles, problems = _roles(run, store)
    console = get_console()
    _show(_by_role(store.collection, roles[0] if roles else None))
    files, names = store.collection.files, store.collection.labels.names
    if groups := overview.by_group(names, [file.label for file in files], [file.group for file in files]):
        _show(groups)
    lines = overview.found_in(store)
    if roles:
        lines += overview.alike(store, roles[0])
        problems += [*same_images(store, roles), *split_groups(store.collection, roles)]
    sheet = SHEETS / f"{in_files(store.collection.root.resolve().name)}.png"
    if lacking := _draw(sheet, store, run.resizing.preprocess):
        lines.append(f"the contact sheet has boxes for {lacking}: no font of this machine has these, such as Noto Sans")
    if store.collection.simulated:
        lines.append(SIMULATED)
    for line in [*lines, f"contact sheet: {sheet}"]:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    refuse(list(dict.fromkeys(problems)))
    return sheet


def _roles(run: Run, store: ImageStore) -> tuple[list[NDArray[np.str_]], list[str]]:
    """The roles of the images in each fold, and what keeps a fold from being trained."""
    roles: list[NDArray[np.str_]] = []
    problems: list[str] = []
    sets = run.settings.data.train_sets
    for fold in range(number_of_folds(store.collection, run.settings.data.folds)):
        try:
            one = replace(run, name=run.name._replace(fold=fold))
            found = in_roles(one, store.collection)
            roles.append(found.roles(sets))
            check_labels(one, store.collection, found)
        except UserError as error:
            problems += error.lines
    return roles, problems


def _by_role(collection: Collection, roles: NDArray[np.str_] | None = None) -> Counts:
    """Where no roles are known, by what the data themselves say."""
    given = np.array([file.split or "" for file in collection.files], np.str_)
    return overview.by_role(collection.labels.names, collection.names(), given if roles is None else roles)


def _show(counts: Counts) -> None:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(counts.columns):
        table.add_column(escape(column), justify="right" if number else "left", overflow="fold")
    for name, numbers in counts.rows:
        table.add_row(escape(name), *(str(number) if number else "" for number in numbers))
    show_table(table)


def _draw(path: Path, store: ImageStore, preprocess: str) -> str:
    collection = store.collection
    files = collection.files
    chosen = overview.samples(
        collection.labels.names,
        [file.label for file in files],
        [file.group for file in files],
        [file.path for file in files],
        SAMPLES,
    )
    counts = dict(zip(*np.unique(collection.names(), return_counts=True), strict=True))
    rows = [
        SheetRow(
            name,
            int(counts[name]),
            collection.labels.proportions[name],
            [store.images[row] for row in rows_of_label],
            [files[row].group or "" for row in rows_of_label],
        )
        for name, rows_of_label in chosen.items()
        if rows_of_label
    ]
    side = store.images.shape[1]
    subtitle = f"{counted(len(files), 'image')}, resized to {side} x {side} px"
    if preprocess in IN_WORDS:
        subtitle += f"; {IN_WORDS[preprocess]}"
    if collection.simulated:
        subtitle += f"; {SIMULATED}"
    return write_contact_sheet(path, str(collection.root), subtitle, rows)
