"""The features of a run's images, taken while the trained network predicts them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import Trainer
from torch import Tensor

from oral_cancer.data.datamodule import CellDataModule
from oral_cancer.data.thumbnails import sheet_of
from oral_cancer.evaluation.feature_space import FeatureSpace, Floats, Plane
from oral_cancer.evaluation.run_features import MOST, ROLES, RunFeatures
from oral_cancer.models import SoftLabelClassifier
from oral_cancer.models.features import Features, FeatureTap, has_features
from oral_cancer.models.views import one_view_each
from oral_cancer.training import ranks

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class _Reduction:
    """From the features of a network to the few numbers that are kept of an image."""

    space: FeatureSpace
    plane: Plane

    def __call__(self, early: Floats, last: Floats) -> Floats:
        """Its point in the space, and at the end its place on the map, (N, C + 1 + 2)."""
        return np.hstack((self.space.points(early), self.plane.points(last)))

    def of_batch(self, features: Features) -> Tensor:
        return torch.from_numpy(self(features.early.cpu().numpy(), features.last.cpu().numpy()))


def outputs(trainer: Trainer, model: SoftLabelClassifier, data: CellDataModule, sets: Sequence[Rows]) -> list[Tensor]:
    """What the network's `predict_step` returns of some sets of images, float32 (N, C) each; on every rank."""
    data.predicted = sets
    batches: Any = trainer.predict(model, data)  # of a single loader without a list around them
    by_set = batches if len(sets) > 1 else [batches]
    return [ranks.interleaved(torch.cat(found) if found else torch.empty(0), trainer) for found in by_set]


def outputs_with_features(
    trainer: Trainer, model: SoftLabelClassifier, data: CellDataModule
) -> tuple[list[Tensor], RunFeatures | None]:
    """Probabilities of the images of `data.evaluated()`, float32 (N, K) a set, and the features of a run's images.

    Images that train have a pass of their own, each by one of the views that a prediction is the mean over, the next by
    the next, so that how an image lies makes it no more unlike than it does its prediction. By these the space is
    fitted; all others, as they lie, are reduced as they pass. What a treatment made up is no part of it. Without
    features, None, are networks of which it is not known where their layers are, and trainings on a single image.
    """
    names = data.evaluated()
    evaluated = [getattr(data.splits, name) for name in names]
    originals = _evenly(data.originals())
    if not has_features(model.network) or len(originals) < 2:
        return outputs(trainer, model, data, evaluated), None
    classes = len(data.store.collection.labels.classes)
    # Within what is compiled nothing can be taken.
    with FeatureTap(model.network) as tap, torch.compiler.set_stance("force_eager" if model.compiled else "default"):
        try:
            model.beside = lambda: torch.cat(tap.taken(), dim=1)
            with _one_view_each(model, trainer):
                (answers,) = outputs(trainer, model, data, [originals])
            early, last = np.split(answers[:, classes:].numpy(), [tap.width], axis=1)
            reduction = _Reduction(FeatureSpace.fit(early), Plane.fit(last))
            model.beside = lambda: reduction.of_batch(tap.taken())
            found = outputs(trainer, model, data, evaluated)
        finally:
            model.beside = None
    rows, reduced = {"train": originals}, {"train": reduction(early, last)}
    for role in ROLES[1:]:
        sets = [place for place, name in enumerate(names) if name.endswith(role)]
        of_role = np.concatenate([np.empty(0, np.int64), *(evaluated[place] for place in sets)])
        kept = _evenly(np.flatnonzero(~np.isin(of_role, data.train_rows)))  # in-sample ones are not held out
        rows[role] = of_role[kept]
        numbers = [found[place][:, classes:].numpy() for place in sets]
        reduced[role] = np.concatenate([reduced["train"][:0], *numbers])[kept]
    sheet = sheet_of((data.store.images[row] for row in originals), len(originals))
    features = RunFeatures.of(reduction.space, rows, reduced, reduction.plane.shares, sheet)
    return [answer[:, :classes] for answer in found], features


@contextmanager
def _one_view_each(model: SoftLabelClassifier, trainer: Trainer) -> Iterator[None]:
    """Within it a network predicts each image by one of its views; the same one, however many ranks there are."""
    first, step = trainer.global_rank, trainer.world_size

    def by_view(pixels: Tensor) -> Tensor:
        return model.probabilities(one_view_each(pixels, model.views, first, step))[None]

    model.by_view = by_view  # type: ignore[method-assign]
    try:
        yield
    finally:
        del model.by_view


def _evenly(rows: Rows) -> Rows:
    """At most `MOST` of them, evenly from first to last."""
    return rows if len(rows) <= MOST else rows[np.linspace(0, len(rows) - 1, MOST).astype(int)]
