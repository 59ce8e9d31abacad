"""The files of a run's data and their roles, as its folder keeps them."""

import pandas as pd

from oral_cancer.command import brief
from oral_cancer.errors import UserError
from oral_cancer.shapes import below
from oral_cancer.study.runs import RunRecord

FILE = "splits.csv"


def read_splits(run: RunRecord) -> pd.DataFrame:
    """Every file of a run's data, with its role, size and hash.

    Raises:
        UserError: for a table that cannot be read, or names files elsewhere than below the folder of images.
    """
    path = run.folder / FILE
    try:
        splits = pd.read_csv(path, keep_default_na=False, dtype={"file": str, "sha256": str, "bytes": int})
        elsewhere = [name for name in splits[["file", "role", "bytes", "sha256"]]["file"] if not below(name)]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path}: cannot be read ({brief(error)}); train the run again") from error
    if elsewhere:
        raise UserError(f"{path}: {elsewhere[0]} is no path below the folder of images; train the run again")
    return splits
