"""The yardsticks of a study, and the statistics of its images, kept with it since images may be gone."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oral_cancer.command import brief
from oral_cancer.data.statistics import image_statistics
from oral_cancer.data.store import ImageStore
from oral_cancer.errors import UserError
from oral_cancer.evaluation import yardsticks
from oral_cancer.evaluation.predictions import ALL_FOLDS, true_columns
from oral_cancer.files import write_text
from oral_cancer.study.run_record import RunRecord
from oral_cancer.study.runs import Study
from oral_cancer.training.splits_file import FILE as SPLITS
from oral_cancer.training.splits_file import read_splits

FILE = "image_statistics.csv"
REMEDY = "remove it, and start the study again where its images are to have it anew"


def keep_statistics(study: Path, store: ImageStore) -> None:
    """Leave the statistics of its images with a study, unless they are there."""
    if not (study / FILE).exists():
        write_text(study / FILE, image_statistics(store).to_csv(index=False, lineterminator="\n"))


def predictions_of_yardsticks(study: Study) -> pd.DataFrame:
    """What the yardsticks predict for the images of a study, as its predictions are, on the same folds.

    The baseline trains on what most of the images trained on in any experiment, before treatment. It is left out where
    the study keeps no statistics of its images.

    Raises:
        UserError: for statistics and splits that cannot be read.
    """
    statistics = read_statistics(study.folder, study.classes)
    predictions = study.predictions
    guessed, measured = [], []
    for run, trained_on in _runs(study.complete):
        of_run = predictions[_is_of(predictions, run)]
        guessed.append(of_run)
        if statistics is not None and len(trained_on):
            if lacking := (set(of_run["file"]) | set(trained_on)) - set(statistics["file"]):
                raise UserError(f"{study.folder / FILE}: lacks {min(lacking)}; {REMEDY}")
            measured.append(yardsticks.baseline(of_run, statistics, trained_on))
    return pd.concat([yardsticks.guess(pd.concat(guessed)), *measured], ignore_index=True)


def read_statistics(study: Path, classes: Sequence[str]) -> pd.DataFrame | None:
    """The statistics of a study's images; None where it keeps none.

    Raises:
        UserError: for a file that is damaged.
    """
    path = study / FILE
    if not path.exists():
        return None
    try:
        frame = pd.read_csv(path, dtype={"file": str}, keep_default_na=False)
        numbers = frame.drop(columns="file").astype(np.float64)
        sound = numbers.shape[1] > len(classes) and np.isfinite(numbers.to_numpy()).all() and frame["file"].is_unique
        sound &= bool((abs(numbers[true_columns(classes)].sum(axis=1) - 1) < 1e-3).all())
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path}: cannot be read ({brief(error)}); {REMEDY}") from error
    if not sound:
        raise UserError(f"{path}: is damaged; {REMEDY}")
    return frame[["file"]].join(numbers)


def _runs(runs: Sequence[RunRecord]) -> list[tuple[RunRecord, "pd.Series[str]"]]:
    """Of each fold and division into folds the run that trains on the most images, and these."""
    found: dict[tuple[object, int], tuple[RunRecord, pd.Series[str]]] = {}
    by_experiment: dict[tuple[object, ...], pd.Series[str]] = {}
    for run in runs:
        key = (run.experiment, run.fold, run.split_seed)
        if key not in by_experiment:
            by_experiment[key] = _trained_on(run)
            before = found.get(key[1:])
            if before is None or len(by_experiment[key]) > len(before[1]):
                found[key[1:]] = (run, by_experiment[key])
    return [found[key] for key in found if key[0] != ALL_FOLDS or all(fold == ALL_FOLDS for fold, _ in found)]


def _trained_on(run: RunRecord) -> "pd.Series[str]":
    if not (run.folder / SPLITS).exists():
        return pd.Series([], dtype=str)
    splits = read_splits(run.folder)
    return splits.loc[splits["role"] == "train", "file"]


def _is_of(predictions: pd.DataFrame, run: RunRecord) -> NDArray[np.bool_]:
    named = {"experiment": run.experiment, "fold": run.fold, "split_seed": run.split_seed, "seed": run.seed}
    return np.asarray(np.logical_and.reduce([predictions[name].to_numpy() == value for name, value in named.items()]))
