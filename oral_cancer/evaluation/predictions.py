"""predictions.csv: what a network says about each validation and test image, one row an image.

| column | content |
|---|---|
| `experiment` | the name of the run's experiment; in files written before, the column is called `model` |
| `file` | the image's path below the source's folder |
| `fold` | an int from 0, or "all" for a training on every fold, whose validation rows are in-sample |
| `split`, `set` | val or test, homo or hetero |
| `true_parental`, `true_resistant`, `true_control` | the soft label, float64 |
| `parental`, `resistant`, `control` | the predicted probabilities, float32 |
"""

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oral_cancer.errors import UserError, brief, refuse
from oral_cancer.files import write_text
from oral_cancer.labels import BY_NAME, CLASSES, SPLITS, ImageSet, group_names
from oral_cancer.shapes import below

Fold = int | str
ALL_FOLDS = "all"

RUN = ["experiment", "fold"]
IMAGE = [*RUN, "split", "set", "file"]
LABELS = [f"true_{name}" for name in CLASSES]
PROBABILITIES = list(CLASSES)
COLUMNS = [*IMAGE, *LABELS, *PROBABILITIES]
FORMERLY = {"experiment": "model"}
"""What a column was called in files written before."""

SUM_TOLERANCE = 1e-3
REMEDY = "run that training again to write the file anew"


def probabilities(frame: pd.DataFrame) -> NDArray[np.float64]:
    """The predicted probabilities, float64 (N, 3), in the order of `CLASSES`."""
    return frame[PROBABILITIES].to_numpy(np.float64)


def labels(frame: pd.DataFrame) -> NDArray[np.float64]:
    """The soft labels, float64 (N, 3), in the order of `CLASSES`."""
    return frame[LABELS].to_numpy(np.float64)


def write_predictions(path: Path, frame: pd.DataFrame) -> None:
    """Write predictions, whole or not at all; the same frame gives the same bytes.

    Args:
        path: where to; its folder is made.
        frame: rows with `COLUMNS`. Probabilities are rounded to float32 and written in the fewest digits that
            read back as the same float32; labels likewise as float64.
    """
    text = frame[COLUMNS].copy()
    for column in LABELS:
        text[column] = [repr(float(value)) for value in frame[column]]
    for column in PROBABILITIES:
        text[column] = [str(value) for value in frame[column].to_numpy(np.float32)]
    write_text(path, text.to_csv(index=False, lineterminator="\n"))


def read_predictions(path: Path) -> pd.DataFrame:
    """Read and check a predictions.csv.

    Returns:
        `COLUMNS`, further ones dropped: `fold` holds int or "all", labels are float64, probabilities float32.

    Raises:
        UserError: one line for each kind of fault, with the first line of the file that has it.
    """
    text = _read_text(path)
    numbers = text[[*LABELS, *PROBABILITIES]].map(_number)
    refuse(_faults(path, text, numbers))
    return pd.DataFrame(
        {
            **{column: text[column] for column in ("experiment", "split", "set", "file")},
            "fold": pd.Series([_fold(value) for value in text["fold"]], dtype=object),
            **{column: numbers[column] for column in LABELS},
            **{column: numbers[column].astype(np.float32) for column in PROBABILITIES},
        },
        columns=COLUMNS,
    )


def _read_text(path: Path) -> pd.DataFrame:
    try:
        text = pd.read_csv(path, dtype=str, keep_default_na=False, index_col=False, encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file; {REMEDY}") from None
    except pd.errors.EmptyDataError:
        raise UserError(f"{path}: the file is empty; {REMEDY}") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not a readable CSV file ({brief(error)}); {REMEDY}") from None
    text = text.rename(columns={former: now for now, former in FORMERLY.items() if now not in text})
    missing = [column for column in COLUMNS if column not in text]
    if missing:
        raise UserError(f"{path}: lacks the columns {', '.join(missing)}; {REMEDY}")
    if text.empty:
        raise UserError(f"{path}: has no rows; {REMEDY}")
    return text.fillna("")


def _faults(path: Path, text: pd.DataFrame, numbers: pd.DataFrame) -> list[str]:
    problems: list[str] = []

    def check(wrong: NDArray[np.bool_], fault: Callable[[int], str]) -> None:
        rows = np.flatnonzero(wrong)
        if len(rows):
            also = f" (and {len(rows) - 1} further rows)" if len(rows) > 1 else ""
            problems.append(f"{path}, line {rows[0] + 2}: {fault(int(rows[0]))}{also}; {REMEDY}")

    def check_column(column: str, valid: "pd.Series[bool]", expected: str) -> None:
        check(~valid.to_numpy(bool), lambda row: f"{column} is {text[column][row]!r}, not {expected}")

    check_column("fold", text["fold"].str.fullmatch(f"[0-9]+|{ALL_FOLDS}"), f"a whole number or {ALL_FOLDS}")
    for column, words in (("split", SPLITS), ("set", get_args(ImageSet))):
        check_column(column, text[column].isin(words), " or ".join(words))
    check_column("file", text["file"].map(below), "a path below the folder of images")
    for column in [*LABELS, *PROBABILITIES]:
        check_column(column, np.isfinite(numbers[column]), "a number")

    finite = np.isfinite(numbers.to_numpy()).all(axis=1)
    shares, truth = probabilities(numbers), labels(numbers)
    no_shares = ((shares < 0) | (shares > 1)).any(axis=1) | (np.abs(shares.sum(axis=1) - 1) > SUM_TOLERANCE)
    check(finite & no_shares, lambda row: f"{shares[row].tolist()} are not within [0, 1] or do not sum to 1")
    strange = np.array([_image_set(label) for label in truth]) != text["set"].to_numpy(str)
    check(finite & strange, lambda row: f"{truth[row].tolist()} is no label of the set {text['set'][row]}")
    check(text.duplicated(IMAGE).to_numpy(), lambda row: f"{text['file'][row]} is there twice")
    return problems


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan


def _fold(text: str) -> Fold:
    return text if text == ALL_FOLDS else int(text)


def _image_set(label: NDArray[np.float64]) -> str:
    try:
        return BY_NAME[str(group_names(label)[0])].image_set
    except ValueError:
        return ""
