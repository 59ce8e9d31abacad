"""What a study's page says in words of its figures. Each sentence follows from tables alone, and changes with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from oral_cancer.evaluation.bootstrap import LEVEL
from oral_cancer.evaluation.comparison import LEAST
from oral_cancer.evaluation.ensembles import SIMPLE, member_folds
from oral_cancer.evaluation.predictions import SEEDS, TRAINING, classes_of, true_columns
from oral_cancer.evaluation.yardsticks import BASELINE, GUESS
from oral_cancer.pages.figures import FIGURE_NAMES, SPLIT_NAMES
from oral_cancer.pages.grids import number

STRAIGHT = 0.05
"""How far a slope may be from 1 for predictions to be said to keep their distance from the middle."""
ELSEWHERE = "other cultures or another microscope"
FURTHER = 1.25
"""How many times the error must be for test images to be said to differ from those of validation."""
ENOUGH_GROUPS = 10
"""So many groups make a bootstrap of groups trustworthy; with fewer it is too narrow. Cameron, Gelbach and Miller,
Bootstrap-based improvements for inference with clustered errors, Rev. Econ. Stat. 90, 2008, call 5 to 30 few."""
NEAR = 0.8
"""Share of what the networks gain over a guess from which on the baseline is said to come near them."""


@dataclass(frozen=True)
class Scale:
    """How many folds, seeds and divisions into folds experiments were trained on, the most of any.

    `runs` has the number of trainings of each experiment.
    """

    folds: int
    seeds: int
    splits: int
    runs: tuple[int, ...]

    @classmethod
    def of(cls, table: pd.DataFrame) -> "Scale":
        """Of the table `folds`; what was trained on all folds counts where there is nothing else."""
        members = [
            runs[runs["fold"].isin(member_folds(runs))].drop_duplicates(TRAINING)
            for _, runs in table.groupby("experiment", sort=False)
        ]
        folds, seeds, splits = (max(runs[name].nunique() for runs in members) for name in ("fold", *reversed(SEEDS)))
        return cls(folds, seeds, splits, tuple(len(runs) for runs in members))

    def trained(self) -> str:
        """E.g. "trained on each of 5 folds, from each of 3 seeds", or "trained in 4 to 5 runs" where some lack."""
        least, most = min(self.runs), max(self.runs)
        if (least, most) != (self.folds * self.seeds * self.splits,) * 2:
            return f"trained in {least if least == most else f'{least} to {most}'} runs"
        said = ["trained once" if self.folds == 1 else f"trained on each of {self.folds} folds"]
        said += [f"from each of {self.seeds} seeds"] if self.seeds > 1 else []
        said += [f"in each of {self.splits} divisions into folds"] if self.splits > 1 else []
        return ", ".join(said)

    def not_covered(self) -> str:
        """What intervals over images alone say nothing of, and why."""
        seed = "from one seed" if self.seeds * self.splits == 1 else "from few seeds"
        if self.folds > 1:
            why = f"the folds share most of their training images and each was trained {seed}"
            return f"{why}, so the intervals say nothing of other seeds, other folds, {ELSEWHERE}."
        return f"each experiment was trained {seed}, so the intervals say nothing of other seeds, {ELSEWHERE}."


def of_rmse(classes: Sequence[str], yardsticks: pd.DataFrame) -> str:
    """What RMSE is, and what a guess has, on test images or else in validation."""
    said = (
        "RMSE is of the mixed images: the root of the mean over images of the squared errors of the "
        f"{len(classes)} proportions, summed. 0 is right, 1.41 the most there can be"
    )
    guessed = _of(yardsticks, GUESS, "rmse", "test" if (yardsticks["split"] == "test").any() else "val")
    if guessed is None:
        return f"{said}."
    return f"{said}; to answer each with the mean of the training mixtures has {number(guessed)}."


def of_slopes(compositions: pd.DataFrame) -> str:
    """Whether predicted proportions of mixtures lie nearer to the middle than the true ones, or further from it."""
    found = slopes(compositions)
    if found.empty:
        return ""
    low, high = float(found.min()), float(found.max())
    if high < 1 - STRAIGHT:
        said = "Predictions shrink towards the middle"
    elif low > 1 + STRAIGHT:
        said = "Predictions lie further from the middle than the truth"
    elif low >= 1 - STRAIGHT and high <= 1 + STRAIGHT:
        said = "Predictions neither shrink towards the middle nor move away from it"
    else:
        said = "Experiments differ in whether predictions shrink towards the middle"
    rise = f"{low:.2f}" if len(found) == 1 or f"{low:.2f}" == f"{high:.2f}" else f"{low:.2f} to {high:.2f}"
    return f"{said}: where the true proportion rises by 1, the predicted mean rises by {rise}."


def slopes(compositions: pd.DataFrame) -> "pd.Series[float]":
    """By experiment, the slope of the mean predicted proportions over the true ones, of raw simple ensembles.

    Least squares over mixtures and classes, each class about its own mean. Empty where mixtures do not differ.
    """
    classes = classes_of(compositions)
    raw = compositions[(compositions["ensemble"] == SIMPLE) & ~compositions["calibrated"].astype(bool)]
    raw = raw[~raw["mixture"].isin(classes)]
    found = {}
    for experiment, rows in raw.groupby("experiment", sort=False):
        true, seen = (rows[list(names)].to_numpy(float) for names in (true_columns(classes), classes))
        true, seen = true - true.mean(axis=0), seen - seen.mean(axis=0)
        if (true**2).sum() > 0:
            found[str(experiment)] = float((true * seen).sum() / (true**2).sum())
    return pd.Series(found, dtype=float)


def of_differences(differences: pd.DataFrame) -> str:
    """What is compared, and what could be told apart."""
    if differences.empty:
        return ""
    name = FIGURE_NAMES[str(differences["metric"].iat[0])]
    tested = differences[differences["p"].notna()]
    if tested.empty:
        most = differences["trainings"].max()
        trained = "once" if most == 1 else f"from {most} seeds"
        return (
            f"Compared are these two ensembles on these images, by {name}, the first less the second. The intervals "
            f"are over the test images, by the paired bootstrap. Each experiment was trained {trained}, and another "
            f"training may turn a difference round: of that nothing is known under {LEAST} seeds, and so there is no p."
        )
    clear = int((tested["p_holm"] < 1 - LEVEL).sum())
    told = f"{clear} of {len(tested)} pair{'s' if len(tested) > 1 else ''} can be told apart"
    untested = len(differences) - len(tested)
    rest = f" In {untested} more an experiment has under {LEAST} seeds: they are of two ensembles." if untested else ""
    return (
        f"The mean {name} of the ensembles of each seed, the first experiment less the second. Interval and p are over "
        f"trainings and test images together (t-test on the sum of their variances); allowing for all pairs by Holm's "
        f"correction, {told} at p below {1 - LEVEL:.2g}.{rest}"
    )


def of_bounds(ensemble: pd.DataFrame) -> str:
    """What an accuracy of 1 does not mean, where there is one."""
    right = ensemble[(ensemble["ensemble"] == SIMPLE) & (ensemble["accuracy"] == 1)]
    if right.empty:
        return ""
    least = right["accuracy_low"].min()
    return (
        f"Where all {right['n_pure'].max()} pure test images are right, the next one can still be wrong: the interval "
        f"begins at {number(least)}."
    )


def of_guess(summary: pd.DataFrame, yardsticks: pd.DataFrame) -> str:
    """Which experiments are no nearer to the truth than a guess, by the mean of a figure; "" where all are."""
    said = []
    for split, metric in product(SPLIT_NAMES, ("accuracy", "rmse")):
        guessed = _of(yardsticks, GUESS, metric, split)
        rows = summary[(summary["split"] == split) & (summary["metric"] == metric)]
        if guessed is not None:
            no_nearer = rows["mean"] >= guessed if metric == "rmse" else rows["mean"] <= guessed
            if no_nearer.any():
                names = ", ".join(map(str, rows["experiment"][no_nearer]))
                said.append(
                    f"{names} by {SPLIT_NAMES[split]} {FIGURE_NAMES[metric]}, where a guess has {number(guessed)}"
                )
    return f"No nearer to the truth than a guess: {'; '.join(said)}." if said else ""


def of_baseline(summary: pd.DataFrame, yardsticks: pd.DataFrame) -> str:
    """A warning where brightness, colour and contrast alone come near the networks; "" where they do not.

    That is by any figure of either split, and near is `NEAR` of what the best experiment's mean gains over the guess.
    """
    near = []
    for (split, words), (metric, sign) in product(SPLIT_NAMES.items(), (("accuracy", 1), ("rmse", -1))):
        means = summary[(summary["split"] == split) & (summary["metric"] == metric)]["mean"]
        guessed, measured = (_of(yardsticks, name, metric, split) for name in (GUESS, BASELINE))
        if len(means) and guessed is not None and measured is not None:
            network = sign * (sign * means).max()
            gained, gain = sign * (measured - guessed), sign * (network - guessed)
            if gain > 0 and gained >= NEAR * gain:
                figure = f"{words} {FIGURE_NAMES[metric]} {number(measured)}"
                near.append(f"{figure} where the best experiment has {number(network)}")
    if not near:
        return ""
    return (
        f"Brightness, colour and contrast alone come near the networks, or beyond ({'; '.join(near)}): lighting or "
        "background may carry the answer, and what the networks have learned may be no more than that."
    )


def of_test(summary: pd.DataFrame, groups: pd.DataFrame | None, experiment: str) -> str:
    """How much further off an experiment is on test images than in validation, and what that says of new cultures.

    By the RMSE, or where nothing mixes by what the macro F1 lacks to 1. "" without figures of both.
    """
    figures = summary[summary["experiment"] == experiment].set_index(["split", "metric"])
    metric = next(
        (name for name in ("rmse", "f1_macro") if all((split, name) in figures.index for split in SPLIT_NAMES)), ""
    )
    if not metric:
        return ""
    validated, tested = (float(figures["mean"][split, metric]) for split in SPLIT_NAMES)
    seen, new = _error(validated, metric), _error(tested, metric)
    name = f"{'an' if metric == 'rmse' else 'a'} {FIGURE_NAMES[metric]}"
    said = f"In the test {experiment} has {name} of {number(tested)}, in validation of {number(validated)}"
    if seen > 0:
        times = f"{new / seen:.2g}"
        said += (
            f": {'an error ' if metric != 'rmse' else ''}{'as large' if times == '1' else f'{times} times as large'}"
        )
    errors = (figures["sd"][split, metric] / np.sqrt(figures["n_runs"][split, metric]) for split in SPLIT_NAMES)
    meaning = _meaning(seen, new, float(np.hypot(*errors)))
    of_groups = [] if groups is None else _by_group(groups[groups["experiment"] == experiment], metric)
    return " ".join([f"{said}.", meaning, *of_groups])


def _meaning(validated: float, tested: float, standard_error: float) -> str:
    """What two errors mean, whose difference has a standard error over the trainings, NaN for a single one."""
    once = bool(np.isnan(standard_error))
    if not once and abs(tested - validated) <= 2 * standard_error:
        return (
            "That is no more than the trainings differ by: whether test images are further from the training's than "
            "the folds are is not told; of cultures unlike them that says nothing."
        )
    if tested > FURTHER * validated:
        more = "" if once else " more than the folds do"
        return f"Test images differ from the training's{more}; read figures of new cultures by the test column."
    if validated > FURTHER * tested:
        return "Test images are easier than those of validation; figures of new cultures can be worse than either."
    if tested > validated and not once:
        return (
            "Test images are a little further from the training's than the folds are; read figures of new cultures by "
            "the test column."
        )
    return (
        "Test images are about as near to the training's as the folds are; of cultures unlike them that says nothing."
    )


def _by_group(groups: pd.DataFrame, metric: str) -> list[str]:
    """How far off test groups are, beside the mean of those that validate; nothing without groups in both."""
    column, what = ("rmse", "RMSE") if metric == "rmse" else ("accuracy", "share of wrong images")
    errors = groups.assign(error=_error(groups[column], metric)).dropna(subset="error").sort_values("error")
    tested, validated = (errors[errors["split"] == split] for split in ("test", "val"))
    if tested.empty or validated.empty or validated["error"].mean() == 0:
        return []
    new, seen = (of_split["error"] / validated["error"].mean() for of_split in (tested, validated))
    ends = {tested["group"].iloc[end]: f"{new.iloc[end]:.2g} times ({tested['group'].iloc[end]})" for end in (0, -1)}
    return [
        f"By group, the {what} in the test is {' to '.join(ends.values())} the mean of the groups that validate, which "
        f"have {seen.iloc[0]:.2g} to {seen.iloc[-1]:.2g} times that mean themselves."
    ]


def _error(figure: Any, metric: str) -> Any:
    return figure if metric == "rmse" else 1 - figure


def of_few_groups(groups: pd.DataFrame | None, experiment: str) -> list[str]:
    """That intervals over the test images know little of other groups, where these are few."""
    tested = 0 if groups is None else ((groups["experiment"] == experiment) & (groups["split"] == "test")).sum()
    if tested == 1:
        return ["These are all of one group: the intervals say nothing of other groups."]
    if 1 < tested < ENOUGH_GROUPS:
        return [f"These are of {tested} groups: from fewer than {ENOUGH_GROUPS}, intervals come out too narrow."]
    return []


def of_groups(groups: pd.DataFrame, experiment: str) -> list[str]:
    """Which group is the worst, by each figure and split."""
    said = []
    for split, rows in groups[groups["experiment"] == experiment].groupby("split", sort=False):
        for metric, worst_of in (("accuracy", np.argmin), ("rmse", np.argmax)):
            known = rows.dropna(subset=metric)
            if len(known) > 1 and known[metric].nunique() > 1:
                worst = known.iloc[int(worst_of(known[metric].to_numpy()))]
                said.append(
                    f"The worst {'test' if split == 'test' else 'validation'} group by {FIGURE_NAMES[metric]} is "
                    f"{worst['group']}: {number(worst[metric])} of {worst['n']} images; all groups have "
                    f"{number(known[metric].min())} to {number(known[metric].max())}."
                )
    return said


def _of(yardsticks: pd.DataFrame, name: str, metric: str, split: str) -> float | None:
    rows = yardsticks[(yardsticks["experiment"] == name) & (yardsticks["metric"] == metric)]
    rows = rows[rows["split"] == split]
    return float(rows["mean"].to_numpy(float)[0]) if len(rows) else None
