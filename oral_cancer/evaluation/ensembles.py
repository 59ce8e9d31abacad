"""Ensembles over the folds: the mean, plain or weighted, of what the folds' networks predict for an image.

Where a fold was trained from several seeds, each of its trainings counts as much.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix

from oral_cancer.errors import UserError
from oral_cancer.evaluation import predictions
from oral_cancer.evaluation.metrics import f1_scores
from oral_cancer.evaluation.predictions import (
    ALL_FOLDS,
    RUN,
    SEEDS,
    TRAINING,
    Fold,
    classes_of,
    labels,
    probabilities,
    true_columns,
)

SIMPLE = "simple"
VALIDATION_WEIGHTS = {"weighted_accuracy": "accuracy", "weighted_f1": "f1_macro"}

ENSEMBLE = ["experiment", "ensemble"]


def columns(classes: Sequence[str], grouped: bool = False) -> list[str]:
    """The columns of an ensemble's predictions."""
    return [*ENSEMBLE, *(column for column in predictions.columns(classes, grouped) if column not in RUN)]


@dataclass(frozen=True)
class Ensembles:
    """What every ensemble of every experiment predicts for the test images, one below the other, as `columns`.

    Attributes:
        raw: the means as they are.
        repeated: for each experiment of several seeds the simple ensemble of each, as `columns` and `SEEDS`.
    """

    raw: pd.DataFrame
    repeated: pd.DataFrame

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Self:
        """The ensembles of any number of experiments and folds, from their predictions.

        Raises:
            UserError: where the folds of an experiment did not predict the same images.
        """
        return cls(ensembles(frame), repetitions(frame))


def member_folds(frame: pd.DataFrame) -> list[Fold]:
    """The folds of one experiment that its ensembles and means are over: those of the cross-validation, if any.

    What is trained on all folds stands alone: it counts only where there is no fold of the cross-validation.
    """
    folds = list(dict.fromkeys(frame["fold"]))
    return sorted(fold for fold in folds if fold != ALL_FOLDS) or folds


def fold_weights(frame: pd.DataFrame) -> dict[str, dict[Fold, float]]:
    """The weight of each fold in each ensemble of one experiment.

    Args:
        frame: the predictions of one experiment.

    Returns:
        Weights by ensemble and fold: 1 in "simple", the HOMO validation accuracy in "weighted_accuracy", the
        macro F1 in "weighted_f1". The latter two are left out where a fold has no such images or has seen
        them in training (fold "all"), and where no fold gets any right.
    """
    folds = member_folds(frame)
    weights: dict[str, dict[Fold, float]] = {SIMPLE: dict.fromkeys(folds, 1.0)}
    validation = frame[(frame["split"] == "val") & (frame["set"] == "homo") & (frame["fold"] != ALL_FOLDS)]
    scores = {fold: _scores(part) for fold, part in validation.groupby("fold", sort=False)}
    if scores.keys() >= set(folds):
        for name, metric in VALIDATION_WEIGHTS.items():
            chosen = {fold: scores[fold][metric] for fold in folds}
            if sum(chosen.values()) > 0:
                weights[name] = chosen
    return weights


def _scores(part: pd.DataFrame) -> dict[str, float]:
    """Accuracy and macro F1, without the areas that cost most of a whole `classification`."""
    true, predicted = labels(part).argmax(axis=1), probabilities(part).argmax(axis=1)
    confusion = confusion_matrix(true, predicted, labels=list(range(len(classes_of(part)))))
    return {"accuracy": float((true == predicted).mean()), "f1_macro": float(f1_scores(confusion).mean())}


def ensemble(frame: pd.DataFrame, weights: Mapping[Fold, float], name: str) -> pd.DataFrame:
    """Average the predictions of one experiment over its folds.

    Args:
        frame: predictions of one experiment for images that all trainings share, such as the test images.
        weights: of the folds to average, not negative, not all 0; scaled to sum to 1.
        name: of the ensemble.

    Returns:
        `columns`, sorted by set and file; probabilities are float64.

    Raises:
        UserError: where the trainings did not predict the same images.
    """
    ordered = frame[frame["fold"].isin(weights)].sort_values(["set", "file"])
    trainings: dict[Any, pd.DataFrame] = {key: part.reset_index(drop=True) for key, part in ordered.groupby(TRAINING)}
    (first_key, first), *others = trainings.items()
    others += [((fold, 0, 0), first.iloc[:0]) for fold in weights if fold not in set(ordered["fold"])]
    for key, other in others:
        check_same_images(f"{frame['experiment'].iat[0]} {_in_words(first_key)}", first, _in_words(key), other)
    of_trainings = [weights[fold] for fold in (part["fold"].to_list()[0] for part in trainings.values())]
    mean = np.average([probabilities(part) for part in trainings.values()], axis=0, weights=of_trainings)
    classes = classes_of(frame)
    return first.assign(ensemble=name, **dict(zip(classes, mean.T, strict=True)))[columns(classes, "group" in frame)]


def _in_words(training: Any) -> str:
    fold, split_seed, seed = training
    return f"fold {fold}" + (f" (split_seed {split_seed}, seed {seed})" if split_seed or seed else "")


def ensembles(frame: pd.DataFrame) -> pd.DataFrame:
    """What every ensemble of every experiment predicts for the test images, one below the other, as `columns`.

    Args:
        frame: the predictions of any number of experiments and folds.

    Raises:
        UserError: where the folds of an experiment did not predict the same images.
    """
    mixed = []
    for _, of_experiment in frame.groupby("experiment", sort=False):
        images = of_experiment[of_experiment["split"] == "test"]
        if not images.empty:
            mixed += [ensemble(images, weights, name) for name, weights in fold_weights(of_experiment).items()]
    nothing = frame.iloc[:0].assign(ensemble="")[columns(classes_of(frame), "group" in frame)]
    return pd.concat(mixed, ignore_index=True) if mixed else nothing


def repetitions(frame: pd.DataFrame) -> pd.DataFrame:
    """What the folds trained from each seed predict together for the test images, where experiments have several.

    A seed counts that has all the folds of its experiment.
    """
    found = [frame.iloc[:0].assign(ensemble="")[[*columns(classes_of(frame), "group" in frame), *SEEDS]]]
    for _, of_experiment in frame[frame["split"] == "test"].groupby("experiment", sort=False):
        folds = member_folds(of_experiment)
        members = of_experiment[of_experiment["fold"].isin(folds)]
        whole = [part for _, part in members.groupby(list(SEEDS)) if part["fold"].nunique() == len(folds)]
        for part in whole if len(whole) > 1 else ():
            together = ensemble(part, dict.fromkeys(folds, 1.0), SIMPLE)
            together[list(SEEDS)] = part[list(SEEDS)].to_numpy()[0]
            found.append(together)
    return pd.concat(found[1:] or found, ignore_index=True)


def check_same_images(name: str, images: pd.DataFrame, other_name: str, others: pd.DataFrame) -> None:
    """Refuse predictions, each sorted by set and file, that are not of the same images with the same labels.

    Raises:
        UserError: naming both and an image that differs.
    """
    compared = ["split", "set", "file", "label", *true_columns(classes_of(images))]
    pairs = zip_longest(images[compared].to_numpy().tolist(), others[compared].to_numpy().tolist())
    differing = [one or other for one, other in pairs if one != other]
    if differing:
        split, image_set, file, *_ = differing[0]
        raise UserError(
            f"{name} and {other_name} did not predict the same images with the same labels "
            f"({split} {image_set} {file} differs); train both on the same data"
        )
