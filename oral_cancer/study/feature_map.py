"""The map of a study's images: where one network's features place them, by label, by prediction and by group."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from oral_cancer.counting import counted
from oral_cancer.evaluation.predictions import classes_of, mixtures_of, probabilities, read_predictions
from oral_cancer.evaluation.run_features import RunFeatures, read_features
from oral_cancer.pages.colours import CLASS_COLOURS, EXPERIMENT_COLOURS, MUTED, PAPER
from oral_cancer.pages.grids import shortened
from oral_cancer.pages.panels import Drawing, Panel, drawn, small_figure
from oral_cancer.study.composition_plots import MARKERS
from oral_cancer.study.run_record import RunRecord
from oral_cancer.study.runs import Study
from oral_cancer.training.splits_file import FILE as SPLITS
from oral_cancer.training.splits_file import read_splits

MOST = 800  # images drawn, evenly from all, which keeps the page small
NAME = 16  # characters of a group's name
OTHERS = "others"


@dataclass(frozen=True)
class Kind:
    """How images of one kind are drawn."""

    colour: str
    marker: str
    filled: bool = True


WITHOUT = Kind(MUTED[0], ".")
"""Images of no kind: those that trained have no prediction, those of further groups no colour."""


@dataclass(frozen=True)
class FeatureMap:
    """The map.

    Attributes:
        run: whose network's features.
        drawings: by label, by prediction, and by group where there are any.
        said: what it shows in words, a sentence.
        mixed: whether some images are of mixtures.
        grouped: whether there are groups.
    """

    run: str
    drawings: Sequence[Drawing]
    said: str
    mixed: bool
    grouped: bool


def feature_map(study: Study, experiment: str) -> FeatureMap | None:
    """That of the first finished run of an experiment; None where it keeps no features.

    Raises:
        UserError: for a file that is not as a run writes it.
    """
    run = next(run for run in study.complete if run.experiment == experiment)
    splits = read_splits(run.folder) if (run.folder / SPLITS).is_file() else None
    kept = None if splits is None else read_features(run.folder, len(splits))
    if splits is None or kept is None:
        return None
    images = _images(run, splits, kept)
    shown = images.iloc[np.unique(np.linspace(0, len(images) - 1, min(MOST, len(images))).astype(int))]
    of_classes = {name: Kind(CLASS_COLOURS[k][0], MARKERS[k % len(MARKERS)]) for k, name in enumerate(study.classes)}
    mixtures = mixtures_of(study.predictions)
    of_labels = of_classes | {
        name: Kind(CLASS_COLOURS[k][0], MARKERS[k % len(MARKERS)], filled=False)
        for name, k in ((name, int(shares.argmax())) for name, shares in mixtures.items())
    }
    panels = [_panel("By label", shown, "label", of_labels), _panel("By prediction", shown, "predicted", of_classes)]
    if grouped := bool((shown["group"] != "").any()):
        panels.append(_panel("By group", shown, "group", of_groups(shown["group"]), named=True))
    across, up = kept.shares.tolist()
    number = counted(len(images), "image") if len(shown) == len(images) else f"{len(shown)} of {len(images)} images"
    return FeatureMap(
        run.name,
        drawn("map", panels),
        f"The axes are the two principal components of the training images' features, which hold {across:.0%} and "
        f"{up:.0%} of their variance: what lies apart here is apart for the network, and what lies together need not "
        f"be alike. Shown are {number} of {run.name}.".replace("%", " %"),
        bool(set(shown["label"]) & set(mixtures)),
        grouped,
    )


def of_groups(groups: "pd.Series[str]") -> dict[str, Kind]:
    """How the groups with the most images are drawn, as far as there are colours."""
    names = groups[groups != ""].value_counts(sort=True).head(len(EXPERIMENT_COLOURS)).index
    return {
        str(name): Kind(EXPERIMENT_COLOURS[k][0], MARKERS[k % len(MARKERS)]) for k, name in enumerate(sorted(names))
    }


def _images(run: RunRecord, splits: pd.DataFrame, kept: RunFeatures) -> pd.DataFrame:
    """Of each image `file, label, group, role, x, y, predicted`; `predicted` is "" of those that trained."""
    images = splits.iloc[kept.rows][["file", "label", "group", "role"]].reset_index(drop=True)
    images[["x", "y"]] = kept.places.astype(float)
    predictions = read_predictions(run.folder / "predictions.csv")
    most_probable = np.array(classes_of(predictions))[probabilities(predictions).argmax(axis=1)]
    predicted = dict(zip(predictions["file"], most_probable, strict=True))
    of_files = images["file"].map(predicted).fillna("")
    return images.assign(predicted=of_files.mask(images["role"] == "train", ""))


def _panel(title: str, images: pd.DataFrame, by: str, kinds: Mapping[str, Kind], named: bool = False) -> Panel:
    """The images in the colours and markers of their kinds, those of none below; `named` writes the kinds beside."""
    said = []
    with small_figure(3.2) as (figure, axes):
        axes.grid()
        for name in ["", *kinds]:
            of_kind = images[images[by] == name] if name else images[~images[by].isin(list(kinds))]
            if of_kind.empty:
                continue
            kind = kinds.get(name, WITHOUT)
            axes.plot(
                of_kind["x"],
                of_kind["y"],
                kind.marker,
                mec=kind.colour,
                mfc=kind.colour if kind.filled else PAPER[0],
                ms=4 if name else 3,
                mew=0.8,
                alpha=0.8,
                label=shortened(name or OTHERS, NAME),
            )
            if name:
                said.append(f"{name} {len(of_kind)} around {of_kind['x'].mean():.1f}, {of_kind['y'].mean():.1f}")
        axes.set(xlabel="first component", ylabel="second component", xticklabels=[], yticklabels=[])
        if named:
            figure.legend(loc="outside lower center", ncols=3, fontsize=7, frameon=False, handletextpad=0.2)
    return Panel(title, figure, f"Map of the images {title.lower()}: {'; '.join(said)}")
