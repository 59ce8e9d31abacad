"""The plots of a study's pure classes: what is taken for what, ROC curves, how far probabilities can be believed."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from sklearn.calibration import calibration_curve
from sklearn.metrics import roc_auc_score, roc_curve

from oral_cancer.evaluation.ensembles import member_folds
from oral_cancer.evaluation.predictions import classes_of, labels
from oral_cancer.pages.colours import ACCENT, CLASS_COLOURS, INK, MUTED
from oral_cancer.pages.panels import WIDTH, Panel, legible, name_rows, of_each, small_figure

WRITTEN_OUT = 8  # classes up to which a confusion matrix has counts in it
PREDICTED = "predicted_"
BINS = 10  # of probabilities


def confusions(classes: pd.DataFrame, experiments: Sequence[str], split: str = "test") -> list[Panel]:
    """For each experiment, the images of a split by true and predicted class, summed over the folds."""
    test = classes[classes["split"] == split]
    return [_confusion(rows, name) for name, rows in of_each(test, experiments)]


def _confusion(rows: pd.DataFrame, experiment: str) -> Panel:
    columns = [str(name) for name in rows.columns if str(name).startswith(PREDICTED)]
    classes = [name.removeprefix(PREDICTED) for name in columns]
    members = rows[rows["fold"].isin(member_folds(rows))]
    counts = members.groupby("class")[columns].sum().reindex(classes, fill_value=0).to_numpy(int)
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    shown = [legible(name) for name in classes]
    many, longest = len(classes) > WRITTEN_OUT, max(len(line) for name in shown for line in name.split("\n"))
    turned = len(classes) * longest > 40
    height = 2.35 if len(classes) <= 3 and not turned else 0.5 + (0.2 if many else 0.45) * len(classes) + 0.07 * longest
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
        axes.set_xticks(range(len(classes)), shown, rotation=90 if turned else 0)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        name_rows(axes, shown)
        axes.set_xlabel("predicted class")
        axes.set_ylabel("true class")
    right = np.trace(counts) / counts.sum()
    said = f"{right:.1%} of {counts.sum()} predictions are right"
    return Panel(experiment, figure, f"Confusion matrix of {experiment}: {said}")


def roc(images: pd.DataFrame, experiments: Sequence[str]) -> list[Panel]:
    """For each experiment, the ROC curve of each class against the others, with its area.

    Args:
        images: predictions for pure images, each image once an experiment.
        experiments: in the order wanted.
    """
    return [_roc(rows, name) for name, rows in of_each(images, experiments)]


def _roc(images: pd.DataFrame, experiment: str) -> Panel:
    classes = classes_of(images)
    true = labels(images).argmax(axis=1)
    said = []
    with small_figure(2.6) as (figure, axes):
        _square(axes, "false positive rate", "true positive rate")
        for k, name in enumerate(classes):
            positive = true == k
            if positive.all() or not positive.any():
                continue
            area = roc_auc_score(positive, images[name])
            x, y, _ = roc_curve(positive, images[name])
            axes.plot(x, y, color=CLASS_COLOURS[k][0], lw=1.6, clip_on=False)
            said.append(f"{name} {area:.3f}")
        axes.text(0.98, 0.04, "\n".join(["area", *said[:WRITTEN_OUT]]), ha="right", va="bottom", fontsize=8)
    return Panel(experiment, figure, f"ROC curves of {experiment}, area under each: {', '.join(said)}")


def reliability(images: pd.DataFrame, experiments: Sequence[str]) -> list[Panel]:
    """For each experiment, the share of right predictions among those of about the same probability.

    The probability is that of the predicted class, in bins of equal width (Guo et al., On Calibration of Modern Neural
    Networks, ICML 2017).

    Args:
        images: predictions for pure images, each image once an experiment.
        experiments: in the order wanted.
    """
    return [_reliability(rows, name) for name, rows in of_each(images, experiments)]


def _reliability(images: pd.DataFrame, experiment: str) -> Panel:
    probabilities = images[list(classes_of(images))].to_numpy(float)
    right = probabilities.argmax(axis=1) == labels(images).argmax(axis=1)
    sure = probabilities.max(axis=1).clip(0, 1)
    shares, means = calibration_curve(right, sure, n_bins=BINS)
    counts = np.histogram(sure, np.linspace(0, 1, BINS + 1))[0]
    with small_figure(2.6) as (figure, axes):
        _square(axes, "probability of the predicted class", "share that is right")
        for mean, share, number in zip(means, shares, counts[counts > 0], strict=True):
            axes.plot([mean], [share], "o", color=ACCENT[0], ms=3 + 7 * np.sqrt(number / len(images)), clip_on=False)
    said = ", ".join(f"{share:.0%} at {mean:.2f}" for mean, share in zip(means, shares, strict=True))
    return Panel(experiment, figure, f"Reliability of {experiment}: right are {said}")


def _square(axes: Axes, across: str, up: str) -> None:
    axes.set_aspect("equal")
    axes.grid()
    axes.plot([0, 1], [0, 1], color=MUTED[0], lw=0.8, ls="--")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel=across, ylabel=up)
    axes.tick_params(labelcolor=INK[0])
