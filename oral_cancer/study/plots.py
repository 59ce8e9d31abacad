"""The plots of a study's experiments: their figures, and their learning curves."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from oral_cancer.evaluation.ensembles import SIMPLE, member_folds
from oral_cancer.evaluation.predictions import ALL_FOLDS, TRAINING
from oral_cancer.evaluation.yardsticks import BASELINE, GUESS
from oral_cancer.pages.colours import INK, MUTED
from oral_cancer.pages.panels import Panel, name_rows, small_figure

FIGURES = {"rmse": "RMSE of mixtures", "accuracy": "accuracy"}
LINES = {GUESS: ":", BASELINE: "--"}
"""Of the yardsticks."""
CURVES = {
    "train_loss": "training loss",
    "val_loss": "validation loss",
    "val_accuracy": "validation accuracy",
    "val_rmse": "validation RMSE of mixtures",
}


def by_experiment(
    tables: dict[str, pd.DataFrame], experiments: Sequence[str], colours: Mapping[str, str]
) -> list[Panel]:
    """RMSE and accuracy by experiment: trainings, their mean, the test ensemble with its interval, the yardsticks.

    Args:
        tables: of the study.
        experiments: from top to bottom.
        colours: of each experiment.
    """
    ensembles = tables["ensemble"][tables["ensemble"]["ensemble"] == SIMPLE].set_index("experiment")
    in_sample = (tables["folds"]["split"] == "val") & (tables["folds"]["fold"] == ALL_FOLDS)
    folds = tables["folds"].assign(accuracy=tables["folds"]["accuracy"].mask(in_sample))
    panels = []
    for metric, label in FIGURES.items():
        figures = folds.dropna(subset=metric)
        ends = ensembles[[f"{metric}_low", f"{metric}_high"]]
        for split, name in (("val", "Validation"), ("test", "Test")):
            part = figures[figures["split"] == split]
            if not part.empty:
                shown = ensembles if split == "test" else ensembles.iloc[:0]
                panel = _by_experiment(f"{name}: {label}", metric, part, shown, experiments, colours)
                (axes,) = panel.figure.axes
                measured = tables["yardsticks"][tables["yardsticks"]["metric"] == metric]
                for row in measured[measured["split"] == split].to_dict("records"):
                    axes.axvline(row["mean"], color=MUTED[0], lw=1.1, ls=LINES[row["experiment"]], zorder=0)
                _share_span(axes, np.concatenate([figures[metric], ends.to_numpy().ravel(), measured["mean"]]))
                panels.append(panel)
    return panels


def _by_experiment(
    title: str,
    metric: str,
    folds: pd.DataFrame,
    ensembles: pd.DataFrame,
    experiments: Sequence[str],
    colours: Mapping[str, str],
) -> Panel:
    said = []
    with small_figure(0.9 + 0.32 * len(experiments), rect=(0, 0, 0.86, 0.95)) as (figure, axes):
        axes.grid(axis="x")
        right = axes.get_yaxis_transform()
        for y, experiment in enumerate(experiments):
            of_experiment = folds[folds["experiment"] == experiment]
            members = of_experiment[of_experiment["fold"].isin(member_folds(of_experiment))][metric]
            axes.plot(members, [y] * len(members), "o", mfc="none", mec=MUTED[0], ms=4.5, mew=0.9)
            axes.plot([members.mean()], [y], "|", color=INK[0], ms=13, mew=1.4)
            value = members.mean()
            if experiment in ensembles.index:
                value, low, high = map(float, ensembles.loc[experiment, [metric, f"{metric}_low", f"{metric}_high"]])
                axes.plot([low, high], [y, y], color=colours[experiment], lw=2.2, solid_capstyle="round")
                axes.plot([value], [y], "D", color=colours[experiment], ms=5.5)
            said.append(f"{experiment} {_number(value)}")
            axes.text(1.04, y, _number(value), transform=right, va="center", in_layout=False)
        head = "mean" if ensembles.empty else "ensemble"
        axes.text(1.04, -0.75, head, transform=right, color=MUTED[0], fontsize=8, in_layout=False)
        name_rows(axes, [textwrap.fill(experiment, 24) for experiment in experiments])
        axes.set_xlabel(f"{FIGURES[metric]} ({0 if metric == 'rmse' else 1} is right)")
    return Panel(title, figure, f"{title} by experiment: {', '.join(said)}")


def learning_curves(histories: pd.DataFrame, colours: Mapping[str, str], published: pd.DataFrame) -> list[Panel]:
    """Losses, validation accuracy and RMSE by epoch: the folds of each experiment, their mean, and the published one.

    Args:
        histories: of the study's runs.
        colours: of each experiment.
        published: see `published.published_curves`.
    """
    return [
        _curves(histories, column, label, colours, published if column in published else published.iloc[:0])
        for column, label in CURVES.items()
        if column in histories and histories[column].notna().any()
    ]


def _curves(
    histories: pd.DataFrame, column: str, label: str, colours: Mapping[str, str], published: pd.DataFrame
) -> Panel:
    ends: dict[str, float] = {}
    with small_figure(2.6) as (figure, axes):
        axes.grid(axis="y")
        last = int(histories["epoch"].max()) + 1
        for experiment, of_experiment in histories.groupby("experiment", sort=False):
            colour = colours[str(experiment)]
            for _, run in of_experiment.groupby(TRAINING, sort=False):
                axes.plot(run["epoch"] + 1, run[column], color=colour, lw=0.7, alpha=0.3)
            mean = of_experiment.groupby("epoch")[column].mean()
            axes.plot(mean.index + 1, mean, color=colour, lw=1.9, marker="o" if len(mean) == 1 else "", clip_on=False)
            ends[str(experiment)] = float(mean.iloc[-1])
        for experiment, known in published[published["epoch"] < last].groupby("experiment", sort=False):
            axes.plot(known["epoch"] + 1, known[column], color=colours[str(experiment)], lw=1.3, ls="--")
        axes.set_xlim(1 if last > 1 else 0, last)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("epoch")
        axes.set_ylabel(label)
        _label_ends(axes, ends, colours, last)
    said = ", ".join(f"{experiment} {value:.3f}" for experiment, value in ends.items())
    said += "; dashed: as published" if len(published) else ""
    return Panel(label[0].upper() + label[1:], figure, f"{label} by epoch; mean over folds at the end: {said}")


def _label_ends(axes: Axes, ends: dict[str, float], colours: Mapping[str, str], x: float) -> None:
    """Names beside the ends of their lines, moved apart where they would overlap."""
    low, high = axes.get_ylim()
    gap = (high - low) * 0.075
    order = sorted(ends, key=lambda experiment: ends[experiment])
    places = np.array([ends[experiment] for experiment in order])
    for _ in range(200):
        close = np.flatnonzero(np.diff(places) < gap)
        for k in close:
            middle = places[k : k + 2].mean()
            places[k : k + 2] = middle - gap * 0.51, middle + gap * 0.51
        if not len(close):
            break
    places += max(0.0, low + gap / 2 - places[0])
    for experiment, place in zip(order, places, strict=True):
        name = textwrap.shorten(experiment, 16, placeholder="…")
        for text, offset, colour in (("●", 4, colours[experiment]), (name, 14, INK[0])):
            axes.annotate(
                text,
                (x, place),
                (offset, 0),
                textcoords="offset points",
                va="center",
                color=colour,
                annotation_clip=False,
            )


def _share_span(axes: Axes, values: NDArray[Any]) -> None:
    low, high = np.nanmin(values), np.nanmax(values)
    margin = max(0.05 * (high - low), 0.005)
    axes.set_xlim(low - margin, high + margin)


def _number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.3f}"
