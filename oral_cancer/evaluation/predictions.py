"""predictions.csv: what a network says about each validation and test image, one row an image.

| column | content |
|---|---|
| `experiment` | the name of the run's experiment; in files written before, the column is called `model` |
| `file` | the image's path below the source's folder |
| `fold` | an int from 0, or "all" for a training on every fold, whose pure validation rows are in-sample |
| `split_seed`, `seed` | of the folds, and of the training; 0 in files written before, which do not say |
| `split`, `set` | val or test, homo (pure) or hetero (mixed) |
| `label` | the class or mixture; in files written before, it follows from the soft label |
| `group` | what stays together, such as a donor; only where there are groups |
| `true_<class>` | the soft label, float64 |
| `<class>` | the predicted probabilities, float32 |

The classes, and their order, are those that the columns name.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oral_cancer.counting import counted
from oral_cancer.errors import UserError, brief, refuse
from oral_cancer.files import below, write_text
from oral_cancer.labels import EVALUATED_SPLITS, TOLERANCE, ImageSet, by_simplicity, ratio

Fold = int | str
ALL_FOLDS = "all"

TRAINING = ["fold", "split_seed", "seed"]
"""What tells the trainings of an experiment apart."""
RUN = ["experiment", *TRAINING]
IMAGE = [*RUN, "split", "set", "file"]
TRUE = "true_"
FORMERLY = {"experiment": "model"}
"""What a column was called in files written before."""
SEEDS = ("split_seed", "seed")

SUM_TOLERANCE = 1e-3
REMEDY = "run that training again to write the file anew"


def classes_of(frame: pd.DataFrame) -> tuple[str, ...]:
    """The K classes that predictions, or tables made of them, are about, in their order."""
    return tuple(str(name).removeprefix(TRUE) for name in frame.columns if str(name).startswith(TRUE))


def true_columns(classes: Iterable[str]) -> list[str]:
    """The columns of the soft labels."""
    return [f"{TRUE}{name}" for name in classes]


def columns(classes: Sequence[str], grouped: bool = False) -> list[str]:
    """All columns of predictions.csv, in their order."""
    return [*IMAGE, "label", *(["group"] if grouped else []), *true_columns(classes), *classes]


def probabilities(frame: pd.DataFrame) -> NDArray[np.float64]:
    """The predicted probabilities, float64 (N, K), in the order of `classes_of`."""
    return frame[list(classes_of(frame))].to_numpy(np.float64)


def labels(frame: pd.DataFrame) -> NDArray[np.float64]:
    """The soft labels, float64 (N, K), in the order of `classes_of`."""
    return frame[true_columns(classes_of(frame))].to_numpy(np.float64)


def mixtures_of(frame: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """The mixtures among the images, the simplest ratios first, and the mean proportions (K,) of each."""
    mixed = frame[frame["set"] == "hetero"]
    means = {str(name): mean_label(labels(part)) for name, part in mixed.groupby("label", sort=False)}
    return {name: means[name] for name in by_simplicity(means)}


def compositions_of(frame: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """The proportions (K,) of each class, in their order, and of each mixture whose images are all alike in them."""
    classes = classes_of(frame)
    mixed = frame[frame["set"] == "hetero"]
    alike = {name for name, part in mixed.groupby("label") if np.ptp(labels(part), axis=0).max() <= TOLERANCE}
    mixtures = {name: proportions for name, proportions in mixtures_of(frame).items() if name in alike}
    return dict(zip(classes, np.eye(len(classes)), strict=True)) | mixtures


def mean_label(soft_labels: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean (K,) of soft labels (N, K); to the last digit that of all where they are the same."""
    first = soft_labels[0]
    return first if (soft_labels == first).all() else np.asarray(soft_labels.mean(axis=0))


def write_predictions(path: Path, frame: pd.DataFrame) -> None:
    """Write predictions, whole or not at all; the same frame gives the same bytes.

    Args:
        path: where to; its folder is made.
        frame: rows with `columns`. Probabilities are rounded to float32 and written in the fewest digits that
            read back as the same float32; labels likewise as float64.
    """
    classes = classes_of(frame)
    text = frame[columns(classes, "group" in frame)].copy()
    for column in true_columns(classes):
        text[column] = [repr(float(value)) for value in frame[column]]
    for column in classes:
        text[column] = [str(value) for value in frame[column].to_numpy(np.float32)]
    write_text(path, text.to_csv(index=False, lineterminator="\n"))


def read_predictions(path: Path) -> pd.DataFrame:
    """Read and check a predictions.csv.

    Returns:
        `columns`, further ones dropped: `fold` holds int or "all", labels are float64, probabilities float32.

    Raises:
        UserError: one line for each kind of fault, with the first line of the file that has it.
    """
    text = _read_text(path)
    classes = classes_of(text)
    numbers = text[[*true_columns(classes), *classes]].map(_number)
    if "label" not in text:
        text["label"] = _labels_of_before(numbers)
    text = text.assign(**{seed: "0" for seed in SEEDS if seed not in text})
    refuse(_faults(path, text, numbers))
    return pd.DataFrame(
        {
            **{
                column: text[column]
                for column in ("experiment", "split", "set", "file", "label", "group")
                if column in text
            },
            "fold": pd.Series([_fold(value) for value in text["fold"]], dtype=object),
            **{seed: text[seed].astype(np.int64) for seed in SEEDS},
            **{column: numbers[column] for column in true_columns(classes)},
            **{column: numbers[column].astype(np.float32) for column in classes},
        },
        columns=columns(classes, "group" in text),
    )


def _labels_of_before(numbers: pd.DataFrame) -> list[str]:
    """The classes and mixtures that soft labels stand for, where no column says it; "" for what is none."""
    classes = classes_of(numbers)

    def name(label: NDArray[np.float64]) -> str:
        if not np.isfinite(label).all() or (label < 0).any() or abs(label.sum() - 1) > TOLERANCE:
            return ""
        return classes[int(label.argmax())] if label.max() > 1 - TOLERANCE else ratio(label)

    return [name(label) for label in labels(numbers)]


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
    missing = [column for column in [*IMAGE, *classes_of(text)] if column not in text and column not in SEEDS]
    missing += [f"{TRUE}<class>"] if len(classes_of(text)) < 2 else []
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
            also = f" (and {counted(len(rows) - 1, 'further row')})" if len(rows) > 1 else ""
            problems.append(f"{path}, line {rows[0] + 2}: {fault(int(rows[0]))}{also}; {REMEDY}")

    def check_column(column: str, valid: "pd.Series[bool]", expected: str) -> None:
        check(~valid.to_numpy(bool), lambda row: f"{column} is {text[column][row]!r}, not {expected}")

    check_column("fold", text["fold"].str.fullmatch(f"[0-9]+|{ALL_FOLDS}"), f"a whole number or {ALL_FOLDS}")
    for seed in SEEDS:
        check_column(seed, text[seed].str.fullmatch("[0-9]{1,10}"), "a whole number")
    for column, words in (("split", EVALUATED_SPLITS), ("set", get_args(ImageSet))):
        check_column(column, text[column].isin(words), " or ".join(words))
    check_column("file", text["file"].map(below), "a path below the folder of images")
    for name in map(str, numbers):
        check_column(name, np.isfinite(numbers[name]), "a number")

    finite = np.isfinite(numbers.to_numpy()).all(axis=1)
    shares, truth = probabilities(numbers), labels(numbers)
    for values in (shares, truth):
        no_shares = ((values < 0) | (values > 1)).any(axis=1) | (np.abs(values.sum(axis=1) - 1) > SUM_TOLERANCE)
        said = [f"{row} are not within [0, 1] or do not sum to 1" for row in values.tolist()]
        check(finite & no_shares, said.__getitem__)
    pure = text["label"].isin(classes_of(text)).to_numpy(bool)
    strange = (pure != (text["set"] == "homo").to_numpy(bool)) | (text["label"] == "").to_numpy(bool)
    own = [
        row[name == np.array(classes_of(text))].max(initial=0) for row, name in zip(truth, text["label"], strict=True)
    ]
    strange |= pure & (np.array(own) < truth.max(axis=1))
    check(
        finite & strange,
        lambda row: f"{text['label'][row]!r}, {truth[row].tolist()}, is no label of the set {text['set'][row]}",
    )
    check(text.duplicated(IMAGE).to_numpy(), lambda row: f"{text['file'][row]} is there twice")
    return problems


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan


def _fold(text: str) -> Fold:
    return text if text == ALL_FOLDS else int(text)
