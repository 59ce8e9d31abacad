"""splits.csv of a run: every file's label, group, role, size and hash, and how often it trains."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from oral_cancer.errors import UserError, brief
from oral_cancer.files import below, write_text

if TYPE_CHECKING:
    from oral_cancer.data.datamodule import CellDataModule

FILE = "splits.csv"
READ = {"file": str, "label": str, "group": str, "role": str, "bytes": int, "sha256": str}
COPIES = "copies"
"""How often the treated training set has an image: 0 too where it may train and the treatment removed it."""


def write_splits(folder: Path, data: "CellDataModule") -> None:
    """Write it for a run."""
    collection = data.store.collection
    frame = pd.DataFrame(
        {
            "file": [file.path for file in collection.files],
            "set": [collection.labels.image_set(file.label) for file in collection.files],
            "label": [file.label for file in collection.files],
            "group": [file.group or "" for file in collection.files],
            "role": data.roles(),
            "bytes": data.store.bytes,
            "sha256": data.store.sha256,
            COPIES: data.copies(),
        }
    )
    write_text(folder / FILE, frame.to_csv(index=False, lineterminator="\n"))


def read_splits(folder: Path) -> pd.DataFrame:
    """That of a run, with the columns of `READ`, and unless it was written before it had them, `COPIES`.

    Raises:
        UserError: for a table that cannot be read, or names files elsewhere than below the folder of images.
    """
    path = folder / FILE
    try:
        splits = pd.read_csv(path, keep_default_na=False, dtype=READ | {COPIES: int})
        if "label" not in splits:  # written before there were groups, when labels were called so
            splits = splits.assign(label=splits["group"], group="")
        elsewhere = [name for name in splits[list(READ)]["file"] if not below(name)]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path}: cannot be read ({brief(error)}); train the run again") from error
    if elsewhere:
        raise UserError(f"{path}: {elsewhere[0]} is no path below the folder of images; train the run again")
    return splits
