"""The study's tables, each from the predictions of all its runs, one below the other, or from their ensembles.

Experiments, folds and splits come in the order of their first appearance. A figure whose images are absent is NaN.
"""

from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oral_cancer.evaluation import bootstrap, metrics
from oral_cancer.evaluation.ensembles import ENSEMBLE, Ensembles, check_same_images, member_folds
from oral_cancer.evaluation.predictions import (
    ALL_FOLDS,
    RUN,
    classes_of,
    labels,
    mixtures_of,
    probabilities,
)
from oral_cancer.labels import ImageSet

Floats = NDArray[np.float64]
Key = tuple[str, str]

KEYS = [*RUN, "split"]
FIGURES = [*metrics.SUMMARY, "rmse"]
ENSEMBLE_FIGURES = ["accuracy", "precision_macro", "recall_macro", "f1_macro", "auc_macro", "rmse"]


def folds(frame: pd.DataFrame) -> pd.DataFrame:
    """One row a run and split: classification of its HOMO images, RMSE of its HETERO images."""
    rows = [{**keys, **_figures(part)} for keys, part in _parts(frame, KEYS)]
    return pd.DataFrame(rows, columns=[*KEYS, *FIGURES])


def classes(frame: pd.DataFrame) -> pd.DataFrame:
    """One row a run, split and class of the HOMO images: figures against the rest, confusion row."""
    names = classes_of(frame)
    predicted = [f"predicted_{name}" for name in names]
    rows = []
    for keys, part in _parts(_of_set(frame, "homo"), KEYS):
        result = metrics.classification(labels(part), probabilities(part))
        for (name, figures), confusion in zip(result.by_class(names).items(), result.confusion.tolist(), strict=True):
            rows.append({**keys, "class": name, **figures, **dict(zip(predicted, confusion, strict=True))})
    return pd.DataFrame(rows, columns=[*KEYS, "class", "n", *metrics.PER_CLASS, *predicted])


def mixtures(frame: pd.DataFrame) -> pd.DataFrame:
    """One row a run, split and mixture: mean probabilities; of two classes that mix, how often the first is ahead."""
    mixed = _of_set(frame, "hetero")
    rows = [
        {**keys, "mixture": name, **figures}
        for keys, part in _parts(mixed, KEYS)
        for name, figures in metrics.mixtures(part).items()
    ]
    pair = metrics.two_that_mix(mixtures_of(mixed), classes_of(frame))
    over = [metrics.share_over(pair)] if pair else []
    return pd.DataFrame(rows, columns=[*KEYS, "mixture", "n", *classes_of(frame), *over])


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    """One row an experiment, split and metric: mean and SD (n - 1) over the folds of the cross-validation.

    An experiment trained only on all folds together has its test figures here, with n_folds 1 and no SD. Its
    validation figures are in-sample and left out; so is a metric that no fold has.
    """
    rows = []
    for experiment, runs in folds(frame).groupby("experiment", sort=False):
        members = runs[runs["fold"].isin(member_folds(runs))]
        out_of_sample = members[(members["split"] == "test") | (members["fold"] != ALL_FOLDS)]
        for split, part in out_of_sample.groupby("split", sort=False):
            for metric in FIGURES:
                values = part[metric].dropna()
                if len(values):
                    rows.append((experiment, split, metric, values.mean(), values.std(), len(values)))
    return pd.DataFrame(rows, columns=["experiment", "split", "metric", "mean", "sd", "n_folds"])


def ensemble(mixed: Ensembles, n_resamples: int = bootstrap.N_RESAMPLES, seed: int = 0) -> pd.DataFrame:
    """One row an ensemble: figures on the test images, and 95 % bootstrap intervals over these images.

    Raises:
        UserError: where experiments did not predict the same test images.
    """
    resampled = _resampled(mixed.raw, n_resamples, seed)
    rows = []
    for key, part in _by_ensemble(mixed.raw).items():
        row = {**dict(zip(ENSEMBLE, key, strict=True)), **_figures(part)}
        for metric, draws in resampled[key].items():
            row[f"{metric}_low"], row[f"{metric}_high"] = bootstrap.interval(draws)
        rows.append(row)
    intervals = [f"{metric}_{end}" for metric in ("accuracy", "f1_macro", "rmse") for end in ("low", "high")]
    return pd.DataFrame(rows, columns=[*ENSEMBLE, *ENSEMBLE_FIGURES, *intervals])


def differences(mixed: Ensembles, n_resamples: int = bootstrap.N_RESAMPLES, seed: int = 0) -> pd.DataFrame:
    """One row a pair of experiments and kind of ensemble: RMSE of `experiment_a` less that of `experiment_b`.

    Below 0, `experiment_a` is the better on the test images. `low` and `high` are the ends of a 95 % interval and
    `p` is two-sided, both by the paired bootstrap; `p_holm` is corrected for all pairs with the same ensemble.

    Raises:
        UserError: where experiments did not predict the same test images.
    """
    hetero = _of_set(mixed.raw, "hetero")
    rmse = _ensemble_rmse(hetero)
    resampled = _resampled(hetero, n_resamples, seed)
    rows = []
    for name in dict.fromkeys(name for _, name in rmse):
        experiments = [experiment for experiment, kind in rmse if kind == name]
        for a, b in combinations(experiments, 2):
            draws = resampled[a, name]["rmse"] - resampled[b, name]["rmse"]
            low, high = bootstrap.interval(draws)
            rows.append((a, b, name, rmse[a, name] - rmse[b, name], low, high, bootstrap.p_value(draws)))
    table = pd.DataFrame(rows, columns=["experiment_a", "experiment_b", "ensemble", "difference", "low", "high", "p"])
    return table.assign(p_holm=table.groupby("ensemble")["p"].transform(lambda p: bootstrap.holm(p.tolist())))


def _of_set(frame: pd.DataFrame, image_set: ImageSet) -> pd.DataFrame:
    return frame[frame["set"] == image_set]


def _parts(frame: pd.DataFrame, keys: list[str]) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    for values, part in frame.groupby(keys, sort=False):
        yield dict(zip(keys, values, strict=True)), part


def _by_ensemble(predicted: pd.DataFrame) -> dict[Key, pd.DataFrame]:
    parts = predicted.groupby(ENSEMBLE, sort=False)
    return {(str(experiment), str(name)): part for (experiment, name), part in parts}


def _figures(part: pd.DataFrame) -> dict[str, float]:
    homo, hetero = _of_set(part, "homo"), _of_set(part, "hetero")
    figures = {} if homo.empty else metrics.classification(labels(homo), probabilities(homo)).summary()
    if not hetero.empty:
        figures["rmse"] = metrics.rmse(labels(hetero), probabilities(hetero))
    return figures


def _ensemble_rmse(predicted: pd.DataFrame) -> dict[Key, float]:
    hetero = _by_ensemble(_of_set(predicted, "hetero"))
    return {key: metrics.rmse(labels(part), probabilities(part)) for key, part in hetero.items()}


def _stack(part: pd.DataFrame) -> tuple[list[Key], Floats, Floats, pd.DataFrame]:
    """Keys of M ensembles, soft labels (N, K) of their images, probabilities (M, N, K), and what is known of images."""
    members = _by_ensemble(part)
    (first_experiment, _), first = next(iter(members.items()))
    for (experiment, _), member in members.items():
        check_same_images(first_experiment, first, experiment, member)
    stacked = np.stack([probabilities(member) for member in members.values()])
    return list(members), labels(first), stacked, first


def _groups(images: pd.DataFrame) -> Any:
    return images.get("group")


def _resampled(predicted: pd.DataFrame, n_resamples: int, seed: int) -> dict[Key, dict[str, Floats]]:
    """Resampled figures (B,) of each ensemble, by metric; metrics of an absent set are absent."""
    resampled: dict[Key, dict[str, Floats]] = defaultdict(dict)
    homo, hetero = _of_set(predicted, "homo"), _of_set(predicted, "hetero")
    if not homo.empty:
        keys, truth, values, images = _stack(homo)
        accuracy, f1_macro = bootstrap.resampled_classification(truth, values, n_resamples, seed, _groups(images))
        for key, *draws in zip(keys, accuracy.T, f1_macro.T, strict=True):
            resampled[key] |= dict(zip(("accuracy", "f1_macro"), draws, strict=True))
    if not hetero.empty:
        keys, truth, values, images = _stack(hetero)
        rmse = bootstrap.resampled_rmse(truth, values, images["label"], n_resamples, seed, _groups(images))
        for key, draws in zip(keys, rmse.T, strict=True):
            resampled[key]["rmse"] = draws
    return resampled
