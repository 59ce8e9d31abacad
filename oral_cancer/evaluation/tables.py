"""The study's tables, each from the predictions of all its runs, one below the other, or from their ensembles.

Experiments, folds and splits come in the order of their first appearance. A figure whose images are absent is NaN.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import astuple
from functools import partial
from itertools import combinations
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oral_cancer.evaluation import bootstrap, comparison, metrics
from oral_cancer.evaluation.ensembles import ENSEMBLE, SIMPLE, Ensembles, check_same_images, member_folds
from oral_cancer.evaluation.intervals import classification_intervals
from oral_cancer.evaluation.predictions import (
    ALL_FOLDS,
    RUN,
    SEEDS,
    classes_of,
    labels,
    mixtures_of,
    probabilities,
    true_columns,
)
from oral_cancer.labels import ImageSet

Floats = NDArray[np.float64]
Key = tuple[str, str]
Stack = tuple[list[Key], Floats, Floats, pd.DataFrame]

KEYS = [*RUN, "split"]
FIGURES = [*metrics.SUMMARY, "rmse"]
ENSEMBLE_FIGURES = ["accuracy", "precision_macro", "recall_macro", "f1_macro", "auc_macro", "rmse"]
WITH_INTERVALS = ("accuracy", "f1_macro", "auc_macro", "rmse")


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
    """One row an experiment, split and metric: mean and SD (n - 1) over the trainings of the cross-validation.

    An experiment trained only on all folds together has its test figures here, with n_folds 1, and in validation the
    RMSE of mixtures, which it was not trained on; its pure validation images are in-sample and left out. So is a metric
    that no training has. `n_runs` counts trainings and `n` the different images that they predicted.
    """
    rows = []
    for experiment, runs in folds(frame).groupby("experiment", sort=False):
        members = runs[runs["fold"].isin(member_folds(runs))]
        images = frame[(frame["experiment"] == experiment) & frame["fold"].isin(members["fold"])]
        for split, part in members.groupby("split", sort=False):
            for metric in FIGURES:
                seen = part if split == "test" or metric == "rmse" else part[part["fold"] != ALL_FOLDS]
                values = seen[["fold", metric]].dropna()
                if len(values):
                    of_set = _of_set(images[images["split"] == split], "hetero" if metric == "rmse" else "homo")
                    n = (values["fold"].nunique(), len(values), of_set["file"].nunique())
                    rows.append((experiment, split, metric, values[metric].mean(), values[metric].std(), *n))
    return pd.DataFrame(rows, columns=["experiment", "split", "metric", "mean", "sd", "n_folds", "n_runs", "n"])


def ensemble(mixed: Ensembles, n_resamples: int = bootstrap.N_RESAMPLES, seed: int = 0) -> pd.DataFrame:
    """One row an ensemble: figures on the test images, and 95 % intervals over these images (see `intervals`).

    `n_pure` and `n_mixed` count the images that the figures are of.

    Raises:
        UserError: where experiments did not predict the same test images.
    """
    ends = _intervals(mixed.raw, n_resamples, seed)
    rows = []
    for key, part in _by_ensemble(mixed.raw).items():
        row = {**dict(zip(ENSEMBLE, key, strict=True)), **_figures(part)}
        for metric, (low, high) in ends[key].items():
            row |= {f"{metric}_low": low, f"{metric}_high": high}
        rows.append(row | {"n_pure": len(_of_set(part, "homo")), "n_mixed": len(_of_set(part, "hetero"))})
    columns = [f"{metric}_{end}" for metric in WITH_INTERVALS for end in ("low", "high")]
    return pd.DataFrame(rows, columns=[*ENSEMBLE, *ENSEMBLE_FIGURES, *columns, "n_pure", "n_mixed"])


def differences(mixed: Ensembles, n_resamples: int = bootstrap.N_RESAMPLES, seed: int = 0) -> pd.DataFrame:
    """One row a pair of experiments: the test figure of `experiment_a` less that of `experiment_b`.

    The figure (`metric`) is the RMSE of the mixtures, or where nothing mixes the accuracy, of the simple ensemble. With
    `comparison.LEAST` seeds of both it is the mean over `trainings` of the ensembles of each seed, and `low`, `high`
    and two-sided `p` are over trainings and images together; `p_holm` is corrected for all pairs that are tested. With
    fewer there is no p, the difference is of these two ensembles, and `low` and `high` are over their images alone, by
    the paired bootstrap.

    Raises:
        UserError: where experiments did not predict the same test images.
    """
    raw = mixed.raw[mixed.raw["ensemble"] == SIMPLE]
    metric: Literal["rmse", "accuracy"] = "accuracy" if _of_set(raw, "hetero").empty else "rmse"
    rows = []
    if not (part := _of_set(raw, "hetero" if metric == "rmse" else "homo")).empty:
        keys, _, _, images = _stack(part)
        strata, groups = images["label"], _groups(images)
        losses = dict(zip((name for name, _ in keys), _losses(_stack(part), metric)[:, None], strict=True))
        repeated = _repeated(mixed, metric, images)
        for a, b in combinations(losses, 2):
            n_trainings = [len(repeated.get(name, losses[name])) for name in (a, b)]
            if min(n_trainings) >= comparison.LEAST:
                found = comparison.compare(repeated[a], repeated[b], strata, groups, metric)
            else:
                found = comparison.on_these_images(
                    losses[a][0], losses[b][0], strata, groups, metric, n_resamples, seed
                )
            rows.append((a, b, SIMPLE, metric, *astuple(found), min(n_trainings)))
    columns = ["experiment_a", "experiment_b", "ensemble", "metric", "difference", "low", "high", "p", "trainings"]
    table = pd.DataFrame(rows, columns=columns)
    tested = table["p"].notna()
    table["p_holm"] = np.nan
    table.loc[tested, "p_holm"] = bootstrap.holm(table.loc[tested, "p"].tolist())
    return table


def groups(frame: pd.DataFrame) -> pd.DataFrame:
    """One row an experiment, split and group, such as a donor: its images, their accuracy and the mixtures' RMSE.

    Figures are of each image's mean prediction over the trainings that did not train on it. Empty where the data have
    no groups.
    """
    columns = ["experiment", "split", "group", "n", "accuracy", "rmse"]
    if "group" not in frame:
        return pd.DataFrame(columns=columns)
    unseen = frame[(frame["split"] == "test") | (frame["set"] == "hetero") | (frame["fold"] != ALL_FOLDS)]
    unseen = unseen[unseen["group"] != ""]
    keys = ["experiment", "split", "group", "set", "file"]
    names = [*true_columns(classes_of(frame)), *classes_of(frame)]
    means = unseen.groupby(keys, sort=False)[names].mean().reset_index()
    rows = []
    for values, part in means.groupby(columns[:3], sort=False):
        homo, hetero = _of_set(part, "homo"), _of_set(part, "hetero")
        right = labels(homo).argmax(axis=1) == probabilities(homo).argmax(axis=1)
        rmse = metrics.rmse(labels(hetero), probabilities(hetero)) if len(hetero) else np.nan
        rows.append((*values, len(part), right.mean() if len(homo) else np.nan, rmse))
    return pd.DataFrame(rows, columns=columns)


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


def _stack(part: pd.DataFrame) -> Stack:
    """Keys of M ensembles, soft labels (N, K) of their images, probabilities (M, N, K), and what is known of images."""
    members = _by_ensemble(part)
    (first_experiment, _), first = next(iter(members.items()))
    for (experiment, _), member in members.items():
        check_same_images(first_experiment, first, experiment, member)
    stacked = np.stack([probabilities(member) for member in members.values()])
    return list(members), labels(first), stacked, first


def _groups(images: pd.DataFrame) -> Any:
    return images.get("group")


def _losses(stack: Stack, metric: comparison.Metric) -> Floats:
    """What each of M ensembles loses by each of N images, (M, N)."""
    _, truth, values, _ = stack
    if metric == "rmse":
        return metrics.squared_errors(truth, values)
    return np.asarray(truth.argmax(axis=-1) != values.argmax(axis=-1), np.float64)


def _repeated(mixed: Ensembles, metric: comparison.Metric, images: pd.DataFrame) -> dict[str, Floats]:
    """The losses (T, N) of the experiments that were trained T times, at the same images."""
    part = _of_set(mixed.repeated, "hetero" if metric == "rmse" else "homo")
    found = {}
    for experiment, of_experiment in part.groupby("experiment", sort=False):
        seeds = of_experiment[list(SEEDS)].astype(str).agg(" ".join, axis=1)
        stack = _stack(of_experiment.assign(ensemble=seeds))
        check_same_images(str(experiment), stack[-1], str(images["experiment"].iat[0]), images)
        found[str(experiment)] = _losses(stack, metric)
    return found


def _intervals(predicted: pd.DataFrame, n_resamples: int, seed: int) -> dict[Key, dict[str, tuple[float, float]]]:
    """Intervals of each ensemble, by metric; metrics of an absent set are absent."""
    ends: dict[Key, dict[str, tuple[float, float]]] = defaultdict(dict)
    homo, hetero = _of_set(predicted, "homo"), _of_set(predicted, "hetero")
    if not homo.empty:
        keys, truth, values, images = _stack(homo)
        found = classification_intervals(truth, values, _groups(images), n_resamples, seed)
        for metric, of_metric in found.items():
            for key, of_key in zip(keys, of_metric, strict=True):
                ends[key][metric] = of_key
    if not hetero.empty:
        keys, truth, values, images = _stack(hetero)
        of_rmse = partial(bootstrap.resampled_rmse, truth, values, images["label"], n_resamples, seed)
        for key, low, high in zip(keys, *bootstrap.interval_over(_groups(images), of_rmse), strict=True):
            ends[key]["rmse"] = float(low), float(high)
    return ends
