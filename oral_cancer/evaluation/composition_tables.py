"""The tables of a study that are about compositions, each from the predictions of all its runs and their ensembles.

What is estimated are cultures: the test images of a class or mixture, taken for a population whose composition nobody
knows. Two estimates stand side by side: the paper's, the raw mean of an ensemble, with an interval over the images; and
the headline, of all networks of the experiment, with one over all that it rests on (see `headline`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from oral_cancer.evaluation.bootstrap import N_RESAMPLES
from oral_cancer.evaluation.choice import KINDS
from oral_cancer.evaluation.composition import Composition, composition
from oral_cancer.evaluation.cultures import Culture, Floats, cultures_of, names_of
from oral_cancer.evaluation.ensembles import ENSEMBLE, SIMPLE, Ensembles, check_same_images
from oral_cancer.evaluation.estimators import ESTIMATORS
from oral_cancer.evaluation.headline import Headline
from oral_cancer.evaluation.known_images import KnownImages
from oral_cancer.evaluation.predictions import classes_of, labels, mean_label, probabilities, true_columns

RAW = "raw"


@dataclass(frozen=True)
class Composed:
    """An experiment's headline estimate, the cultures that it was tried on, and what it says of each.

    What it says of a culture is said by one that was tried on the others alone.
    """

    known: KnownImages
    headline: Headline
    cultures: tuple[Culture, ...]
    estimates: tuple[Composition, ...]


def compose(frame: pd.DataFrame) -> dict[str, Composed]:
    """The headline estimates of any number of experiments, by name, from the predictions of all their runs."""
    by_experiment = frame.groupby("experiment", sort=False)
    return {str(name): judge(part, Headline.of(KnownImages.of(part))) for name, part in by_experiment}


def judge(frame: pd.DataFrame, headline: Headline) -> Composed:
    """What an experiment's headline estimator says of its test cultures, from the predictions of all its runs."""
    cultures = cultures_of(frame)
    estimates = tuple(
        headline.tried_on([other for other in cultures if other is not one]).composition(one.probabilities, one.groups)
        for one in cultures
    )
    return Composed(KnownImages.of(frame), headline.tried_on(cultures), tuple(cultures), estimates)


def compositions(
    mixed: Ensembles, composed: Mapping[str, Composed], n_resamples: int = N_RESAMPLES, seed: int = 0
) -> pd.DataFrame:
    """One row an ensemble and culture: true and estimated proportions, and the ends of their 95 % intervals.

    Each ensemble has its raw mean. The headline, of the simple one, has the rows that are `calibrated`, as they have
    been called since it is fitted; `estimator` says how. A culture is called `mixture` whether it is one or a class.

    Raises:
        UserError: where experiments did not predict the same test images.
    """
    names = classes_of(mixed.raw)
    rows = []
    for culture in names_of(mixed.raw):
        of_culture = mixed.raw[mixed.raw["label"] == culture].groupby(ENSEMBLE, sort=False)
        parts = {(str(experiment), str(ensemble)): part for (experiment, ensemble), part in of_culture}
        (first, images), *others = parts.items()
        for (experiment, _), other in others:
            check_same_images(first[0], images, experiment, other)
        stacked = np.stack([probabilities(part) for part in parts.values()], axis=1)
        found = composition(stacked, n_resamples, seed, images.get("group"))
        for place, of_key in enumerate(parts):
            of_ensemble = Composition(found.mean[place], found.low[place], found.high[place])
            rows.append(
                _row((*of_key, culture, False, RAW, len(images)), names, mean_label(labels(images)), of_ensemble)
            )
    for experiment, of_experiment in composed.items():
        for one, found in zip(of_experiment.cultures, of_experiment.estimates, strict=True):
            key = (experiment, SIMPLE, one.name, True, of_experiment.headline.choice.name, len(one.probabilities))
            rows.append(_row(key, names, one.truth, found))
    shares = [f"{name}{end}" for end in ("", "_low", "_high") for name in names]
    keys = [*ENSEMBLE, "mixture", "calibrated", "estimator", "n"]
    table = pd.DataFrame(rows, columns=[*keys, *true_columns(names), *shares])
    order = {name: place for place, name in enumerate(names_of(mixed.raw))}
    return table.sort_values("mixture", key=lambda column: column.map(order), kind="stable", ignore_index=True)


def estimators(mixed: Ensembles, composed: Mapping[str, Composed]) -> pd.DataFrame:
    """One row an experiment and estimator: mean absolute error of a proportion, by cross-validation and in the test.

    `headline` marks the chosen one. `val_...` is by cross-validation on validation images (see `choice.KINDS`), by
    which it is chosen; `test_...` is of the cultures of test images, which have no say. Of the chosen one, `covered` is
    the share of their proportions that lie within the 95 % intervals, which know how far off it is on the other
    cultures, and `width` the median width of these.
    """
    columns = ["experiment", "estimator", "headline", *(f"val_{kind}" for kind in KINDS), "test_mixtures", "test_pure"]
    rows = []
    for experiment, of_experiment in composed.items():
        known, choice = of_experiment.known, of_experiment.headline.choice
        for name in choice.errors or (RAW,):
            fitted = ESTIMATORS[name]().fit(known.probabilities, known.targets, known.labels)
            off: dict[bool, list[float]] = {True: [], False: []}
            for culture, found in zip(of_experiment.cultures, of_experiment.estimates, strict=True):
                rows_of_networks = culture.probabilities.reshape(-1, len(culture.truth))
                estimate = found.mean if name == choice.name else fitted.predict(rows_of_networks)
                off[culture.mixed].append(float(np.abs(estimate - culture.truth).mean()))
            validated = choice.errors.get(name, dict.fromkeys(KINDS, np.nan))
            tested = (np.mean(off[kind]) if off[kind] else np.nan for kind in (True, False))
            intervals = _judged(of_experiment) if name == choice.name else (np.nan, np.nan)
            rows.append((experiment, name, name == choice.name, *validated.values(), *tested, *intervals))
    return pd.DataFrame(rows, columns=[*columns, "covered", "width"])


def _judged(composed: Composed) -> tuple[float, float]:
    """The share of true proportions within the intervals of the headline, and the median width of these."""
    within, widths = [], []
    for culture, found in zip(composed.cultures, composed.estimates, strict=True):
        within.append((found.low <= culture.truth) & (culture.truth <= found.high))
        widths.append(found.high - found.low)
    return (float(np.mean(within)), float(np.nanmedian(widths))) if within else (np.nan, np.nan)


def _row(key: tuple[Any, ...], names: tuple[str, ...], truth: Floats, found: Composition) -> tuple[Any, ...]:
    return (*key, *truth, *found.mean, *found.low, *found.high)
