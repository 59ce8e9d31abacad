"""The plots of a study, each a small figure that stays readable on a telephone."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from oral_cancer.evaluation.ensembles import SIMPLE, member_folds
from oral_cancer.evaluation.predictions import ALL_FOLDS, classes_of, mixtures_of, true_columns
from oral_cancer.pages.colours import ACCENT, CLASS_COLOURS, INK, MUTED, RULE

WIDTH = 4.0  # inches, and so about 380 CSS pixels: the width of a telephone
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "text.parse_math": False,  # a "$" in an experiment's name is a "$"
    "text.color": INK[0],
    "axes.edgecolor": RULE[0],
    "axes.labelcolor": MUTED[0],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": RULE[0],
    "grid.linewidth": 0.6,
    "xtick.color": RULE[0],
    "ytick.color": RULE[0],
    "xtick.labelcolor": INK[0],
    "ytick.labelcolor": INK[0],
}
MARKERS = "os^DvP*X<>"  # of classes in their order; beyond ten they come round again
WRITTEN_OUT = 8  # classes up to which a confusion matrix has counts in it
PREDICTED = "predicted_"
FIGURES = {"rmse": "RMSE of mixtures", "accuracy": "accuracy"}
CURVES = {
    "train_loss": "training loss",
    "val_loss": "validation loss",
    "val_accuracy": "validation accuracy",
    "val_rmse": "validation RMSE of mixtures",
}


@dataclass(frozen=True)
class Panel:
    """A figure, what stands above it, and what it shows in words for those who cannot see it."""

    title: str
    figure: Figure
    description: str


def by_experiment(
    tables: dict[str, pd.DataFrame], experiments: Sequence[str], colours: Mapping[str, str]
) -> list[Panel]:
    """RMSE and accuracy by experiment: folds, their mean, and on the test set the ensemble with its interval.

    Args:
        tables: of the study.
        experiments: from top to bottom.
        colours: of each experiment.
    """
    ensembles = tables["ensemble"][tables["ensemble"]["ensemble"] == SIMPLE].set_index("experiment")
    folds = tables["folds"][(tables["folds"]["split"] == "test") | (tables["folds"]["fold"] != ALL_FOLDS)]
    panels = []
    for metric, label in FIGURES.items():
        figures = folds.dropna(subset=metric)
        ends = ensembles[[f"{metric}_low", f"{metric}_high"]]
        for split, name in (("val", "Validation"), ("test", "Test")):
            part = figures[figures["split"] == split]
            if not part.empty:
                shown = ensembles if split == "test" else ensembles.iloc[:0]
                panel = _by_experiment(f"{name}: {label}", metric, part, shown, experiments, colours)
                _share_span(panel.figure.axes[0], np.concatenate([figures[metric], ends.to_numpy().ravel()]))
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
        _rows(axes, [textwrap.fill(experiment, 24) for experiment in experiments])
        axes.set_xlabel(f"{FIGURES[metric]} ({'less' if metric == 'rmse' else 'more'} is better)")
    return Panel(title, figure, f"{title} by experiment: {', '.join(said)}")


def compositions(table: pd.DataFrame, experiments: Sequence[str]) -> list[Panel]:
    """For each experiment, the mean proportions that its simple ensemble predicts for each mixture, and the true."""
    table = table[table["ensemble"] == SIMPLE]
    return [_composition(rows, name) for name, rows in _of_each(table, experiments)]


def most_varying(mixtures: Mapping[str, NDArray[np.float64]], classes: Sequence[str]) -> str:
    """The class whose share varies most over mixtures, the first of those that do alike."""
    spans = np.ptp(list(mixtures.values()), axis=0)
    return classes[int(np.flatnonzero(spans > spans.max() - 1e-9)[0])]


def _composition(table: pd.DataFrame, experiment: str) -> Panel:
    classes = classes_of(table)
    known = {
        str(name): part[true_columns(classes)].to_numpy()[0] for name, part in table.groupby("mixture", sort=False)
    }
    primary = most_varying(known, classes)
    mixtures = sorted(known, key=lambda name: known[name][classes.index(primary)])
    calibrated = bool(table["calibrated"].any())
    said = []
    with small_figure(0.75 + 0.52 * len(mixtures)) as (figure, axes):
        axes.grid(axis="x")
        for y, mixture in enumerate(mixtures):
            rows = table[table["mixture"] == mixture]
            for k, true in enumerate(known[mixture]):
                axes.plot([true, true], [y - 0.38, y + 0.38], color=CLASS_COLOURS[k][0], lw=1.2, alpha=0.6)
            for row in rows.to_dict("records"):
                height = y + (0.17 if row["calibrated"] else -0.17) * calibrated
                for k, name in enumerate(classes):
                    colour = CLASS_COLOURS[k][0]
                    face = colour if row["calibrated"] else "none"
                    axes.plot([row[f"{name}_low"], row[f"{name}_high"]], [height] * 2, color=colour, lw=1.2)
                    axes.plot(
                        [row[name]], [height], MARKERS[k % len(MARKERS)], mfc=face, mec=colour, ms=5, clip_on=False
                    )
                kind = "estimate" if row["calibrated"] else "raw mean"
                said.append(f"{mixture} {kind} {primary} {row[primary]:.2f}")
        axes.set_xlim(-0.02, 1)
        _rows(axes, mixtures)
        axes.set_ylabel(_of_mixtures({name: known[name] for name in known if name not in classes}, classes))
        axes.set_xlabel("proportion")
    return Panel(experiment, figure, f"Predicted composition by {experiment}: {', '.join(said)}")


def _of_mixtures(mixtures: Mapping[str, NDArray[np.float64]], classes: Sequence[str]) -> str:
    """What an axis of mixtures is called; where all are of the same two classes, their names are ratios of these."""
    mixing = [name for k, name in enumerate(classes) if any(parts[k] > 0 for parts in mixtures.values())]
    ratios = all(":" in name for name in mixtures)
    return f"mixture, {' : '.join(mixing)}" if len(mixing) == 2 and ratios else "mixture"


def confusions(classes: pd.DataFrame, experiments: Sequence[str], split: str = "test") -> list[Panel]:
    """For each experiment, the images of a split by true and predicted class, summed over the folds."""
    test = classes[classes["split"] == split]
    return [_confusion(rows, name) for name, rows in _of_each(test, experiments)]


def _confusion(rows: pd.DataFrame, experiment: str) -> Panel:
    columns = [str(name) for name in rows.columns if str(name).startswith(PREDICTED)]
    classes = [name.removeprefix(PREDICTED) for name in columns]
    members = rows[rows["fold"].isin(member_folds(rows))]
    counts = members.groupby("class")[columns].sum().reindex(classes, fill_value=0).to_numpy(int)
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    many, longest = len(classes) > WRITTEN_OUT, max(map(len, classes))
    height = 2.35 if len(classes) <= 3 else 0.5 + (0.2 if many else 0.45) * len(classes) + 0.07 * longest
    with small_figure(height, width=max(WIDTH, 1.2 + 0.2 * len(classes))) as (figure, axes):
        for (true, predicted), share in np.ndenumerate(shares):
            box = Rectangle((predicted - 0.48, true - 0.46), 0.96, 0.92, fc=ACCENT[0], alpha=0.06 + share * 0.5)
            axes.add_patch(box)
            if many:
                continue
            bold = "bold" if true == predicted else "normal"
            axes.text(predicted, true - 0.1, f"{counts[true, predicted]}", ha="center", va="center", weight=bold)
            axes.text(predicted, true + 0.24, f"{share:.1%}", ha="center", va="center", fontsize=8)
        axes.set_xlim(-0.5, len(classes) - 0.5)
        axes.set_xticks(range(len(classes)), classes, rotation=90 if len(classes) * longest > 40 else 0)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        _rows(axes, classes)
        axes.set_xlabel("predicted class")
        axes.set_ylabel("true class")
    right = np.trace(counts) / counts.sum()
    said = f"{right:.1%} of {counts.sum()} predictions are right"
    return Panel(experiment, figure, f"Confusion matrix of {experiment}: {said}")


def share_by_mixture(ensembles: pd.DataFrame, experiments: Sequence[str]) -> list[Panel]:
    """For each experiment, how its simple ensemble's P of the class that varies most is distributed over each mixture.

    Args:
        ensembles: predictions of the ensembles for the images, as `ensembles.ensembles` gives them.
        experiments: in the order wanted.
    """
    hetero = ensembles[(ensembles["set"] == "hetero") & (ensembles["ensemble"] == SIMPLE)]
    return [_distribution(images, name) for name, images in _of_each(hetero, experiments)]


def _distribution(images: pd.DataFrame, experiment: str) -> Panel:
    classes, known = classes_of(images), mixtures_of(images)
    primary = most_varying(known, classes)
    place = classes.index(primary)
    mixtures = sorted(known, key=lambda name: known[name][place])
    edges = np.linspace(0, 1, 26)
    colour = CLASS_COLOURS[place][0]
    said = []
    with small_figure(0.75 + 0.42 * len(mixtures)) as (figure, axes):
        axes.grid(axis="x")
        for y, mixture in enumerate(mixtures):
            values = images.loc[images["label"] == mixture, primary].to_numpy(float)
            heights = np.histogram(values, edges)[0]
            axes.stairs(
                y + 0.4 - 0.8 * heights / heights.max(), edges, baseline=y + 0.4, fill=True, fc=colour, alpha=0.55
            )
            axes.plot([0, 1], [y + 0.4] * 2, color=RULE[0], lw=0.8)
            true = known[mixture][place]
            axes.plot([true, true], [y - 0.45, y + 0.4], color=INK[0], lw=1.3)
            said.append(f"{mixture} median {np.median(values):.2f}, true {true:.2f}")
        axes.set_xlim(0, 1)
        _rows(axes, mixtures)
        axes.set_ylabel(_of_mixtures(known, classes))
        axes.set_xlabel(f"P({primary})")
    return Panel(experiment, figure, f"P({primary}) by {experiment}: {'; '.join(said)}")


def learning_curves(histories: pd.DataFrame, colours: Mapping[str, str]) -> list[Panel]:
    """Losses, validation accuracy and RMSE by epoch: the folds of each experiment, and their mean."""
    return [
        _curves(histories, column, label, colours)
        for column, label in CURVES.items()
        if column in histories and histories[column].notna().any()
    ]


def _curves(histories: pd.DataFrame, column: str, label: str, colours: Mapping[str, str]) -> Panel:
    ends: dict[str, float] = {}
    with small_figure(2.6) as (figure, axes):
        axes.grid(axis="y")
        last = int(histories["epoch"].max()) + 1
        for experiment, of_experiment in histories.groupby("experiment", sort=False):
            colour = colours[str(experiment)]
            for _, fold in of_experiment.groupby("fold", sort=False):
                axes.plot(fold["epoch"] + 1, fold[column], color=colour, lw=0.7, alpha=0.3)
            mean = of_experiment.groupby("epoch")[column].mean()
            axes.plot(mean.index + 1, mean, color=colour, lw=1.9, marker="o" if len(mean) == 1 else "")
            ends[str(experiment)] = float(mean.iloc[-1])
        axes.set_xlim(1 if last > 1 else 0, last)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("epoch")
        axes.set_ylabel(label)
        _label_ends(axes, ends, colours, last)
    said = ", ".join(f"{experiment} {value:.3f}" for experiment, value in ends.items())
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
        axes.annotate(
            textwrap.shorten(experiment, 16, placeholder="…"),
            (x, place),
            (5, 0),
            textcoords="offset points",
            va="center",
            color=colours[experiment],
            weight="bold",
            annotation_clip=False,
        )


def _of_each(table: pd.DataFrame, experiments: Sequence[str]) -> Iterator[tuple[str, pd.DataFrame]]:
    """The rows of each experiment that has any."""
    for name in experiments:
        rows = table[table["experiment"] == name]
        if not rows.empty:
            yield name, rows


@contextmanager
def small_figure(
    height: float, rect: tuple[float, float, float, float] = (0, 0, 1, 1), width: float = WIDTH
) -> Iterator[tuple[Figure, Axes]]:
    """A figure of these inches in the style of the page, its axes within `rect` (left, bottom, width, height)."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(rect=rect))
        yield figure, figure.subplots()


def _rows(axes: Axes, names: Sequence[str]) -> None:
    """One row for each name, from the top."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.45, -0.55)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _share_span(axes: Axes, values: NDArray[Any]) -> None:
    low, high = np.nanmin(values), np.nanmax(values)
    margin = max(0.05 * (high - low), 0.005)
    axes.set_xlim(low - margin, high + margin)


def _number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.3f}"
