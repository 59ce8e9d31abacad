"""Predictions in W&B: a table with pictures of those to look at, and W&B's own confusion matrix and ROC curves."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import wandb
from numpy.typing import NDArray
from wandb.plot.custom_chart import CustomChart

from oral_cancer.evaluation.metrics import squared_errors
from oral_cancer.evaluation.predictions import classes_of, labels, probabilities
from oral_cancer.tracking.faults import only_told
from oral_cancer.tracking.identity import key

OF_EACH = 12
"""Images that are pictured of each kind: wrong ones, the least certain right ones, and mixed ones furthest off."""
WRONG, UNCERTAIN, OFF = "wrong", "least certain", "furthest off"
Picture = Callable[[str], NDArray[np.uint8] | None]
"""An image by its file, uint8 RGB (H, W, 3); None where it cannot be shown."""


def to_look_at(frame: pd.DataFrame) -> "pd.Series[str]":
    """Why an image is worth looking at, "" for most, in the order of the rows; at most `OF_EACH` of each kind.

    Of pure images those that are misclassified, the most certain first, and of the others those whose most probable
    class is the least probable; of mixed ones those of the greatest squared error.

    Args:
        frame: predictions, as predictions.csv has them, with distinct index.
    """
    shares, truth = probabilities(frame), labels(frame)
    pure, wrong = (frame["set"] == "homo").to_numpy(), shares.argmax(axis=1) != truth.argmax(axis=1)
    certain = pd.Series(shares.max(axis=1), frame.index)
    off = pd.Series(squared_errors(truth, shares), frame.index)
    why = pd.Series("", frame.index)
    why[certain[pure & wrong].nlargest(OF_EACH).index] = WRONG
    why[certain[pure & ~wrong].nsmallest(OF_EACH).index] = UNCERTAIN
    why[off[~pure].nlargest(OF_EACH).index] = OFF
    return why


def table(frame: pd.DataFrame, why: "pd.Series[str]", picture: Picture) -> wandb.Table:
    """The predictions, those to look at first, with their pictures."""
    rows = frame.assign(look_at=why, fold=frame["fold"].astype(str)) if "fold" in frame else frame.assign(look_at=why)
    rows = rows.sort_values("look_at", key=lambda reasons: reasons == "", kind="stable")
    rows = rows.astype({"file": str, "look_at": str})
    entries = zip(rows["file"], rows["look_at"], rows.astype(object).to_numpy().tolist(), strict=True)
    data: list[Any] = [[_shown(file, reason, picture), *values] for file, reason, values in entries]
    return wandb.Table(columns=["picture", *rows.columns], data=data)


def _shown(file: str, reason: str, picture: Picture) -> wandb.Image | None:
    pixels = picture(file) if reason else None
    return None if pixels is None else wandb.Image(pixels, file_type="jpg", caption=reason)


def show(run: wandb.Run, private: bool, panels: Mapping[str, Any]) -> None:
    """Put tables and W&B's own plots into a run's summary; of a private one none, whose copies here name folders.

    In the history a viewer would take their numbers of rows and columns for figures, with a panel each.
    """
    for name, panel in () if private else panels.items():
        with only_told(name):
            if isinstance(panel, CustomChart):
                panel.set_key(name)
                run._config_callback(key=panel.spec.config_key, val=panel.spec.config_value)
                run.summary[panel.spec.table_key] = panel.table
            else:
                run.summary[name] = panel


def plots(frame: pd.DataFrame) -> Iterator[tuple[str, Any]]:
    """W&B's own confusion matrix and ROC curves of the pure images of each split, by their keys.

    A pure image is taken for the class that its label says most of, as in all figures; classes without an image have
    no curve.
    """
    classes = list(classes_of(frame))
    for split, images in frame[frame["set"] == "homo"].groupby("split", sort=False):
        shares, true = probabilities(images), labels(images).argmax(axis=1)
        there = np.unique(true)
        yield (
            key(str(split), "confusion"),
            wandb.plot.confusion_matrix(
                y_true=true.tolist(), preds=shares.argmax(axis=1).tolist(), class_names=classes
            ),
        )
        if len(there) > 1:
            yield key(str(split), "roc"), wandb.plot.roc_curve(true.tolist(), shares[:, there].tolist(), labels=classes)
