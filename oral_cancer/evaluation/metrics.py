"""Figures of one network on one set of images: classification (HOMO), proportions (HETERO)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support, roc_auc_score

from oral_cancer.evaluation import predictions
from oral_cancer.labels import EVALUATED_SPLITS, mixing

Floats = NDArray[np.float64]

PER_CLASS = ("precision", "recall", "f1", "auc")
SUMMARY = (
    "accuracy",
    *(f"{metric}_macro" for metric in PER_CLASS),
    *(f"{metric}_weighted" for metric in PER_CLASS),
)


@dataclass(frozen=True)
class Classification:
    """How well the pure classes are told apart; a prediction is the most probable class.

    Attributes:
        confusion: int (K, K), images by true (row) and predicted class (column).
        precision, recall, f1: float64 (K,), each class against the rest, 0 to 1; 0 where undefined.
        auc: float64 (K,), area under the ROC curve, each class against the rest, 0 to 1; NaN where undefined.
    """

    confusion: NDArray[np.int64]
    precision: Floats
    recall: Floats
    f1: Floats
    auc: Floats

    @property
    def n(self) -> NDArray[np.int64]:
        """Images of each true class, int (K,)."""
        return np.asarray(self.confusion.sum(axis=1))

    def summary(self) -> dict[str, float]:
        """Accuracy and the macro and weighted means of the class figures, under the names of `SUMMARY`.

        Macro is the plain mean over the classes, weighted the mean by their images, as in scikit-learn.
        """
        macro = {f"{metric}_macro": float(np.mean(getattr(self, metric))) for metric in PER_CLASS}
        weighted = {
            f"{metric}_weighted": float(np.average(getattr(self, metric), weights=self.n)) for metric in PER_CLASS
        }
        return {"accuracy": float(np.trace(self.confusion) / self.confusion.sum()), **macro, **weighted}

    def by_class(self, classes: Sequence[str]) -> dict[str, dict[str, float]]:
        """n, precision, recall, f1 and auc of each class, by its name."""
        return {
            name: {"n": int(self.n[k]), **{metric: float(getattr(self, metric)[k]) for metric in PER_CLASS}}
            for k, name in enumerate(classes)
        }


def classification(labels: Floats, probabilities: Floats) -> Classification:
    """Compare predictions of pure images with their classes.

    Args:
        labels: (N, K), the greatest proportion tells the class, N at least 1.
        probabilities: (N, K), 0 to 1.
    """
    order = list(range(labels.shape[1]))
    true, predicted = labels.argmax(axis=1), probabilities.argmax(axis=1)
    precision, recall, f1, _ = precision_recall_fscore_support(true, predicted, labels=order, zero_division=0)
    auc = [area_under_roc(true == k, probabilities[:, k]) for k in order]
    return Classification(confusion_matrix(true, predicted, labels=order), precision, recall, f1, np.array(auc))


def area_under_roc(positive: NDArray[np.bool_], scores: Floats) -> float:
    """The share of pairs in which the positive image scores higher; NaN where all are of one kind."""
    return float(roc_auc_score(positive, scores)) if 0 < positive.sum() < len(positive) else np.nan


def f1_scores(confusion: NDArray[Any]) -> Floats:
    """F1 of each class for many confusion matrices at once, float64 (..., K) from (..., K, K); 0 where undefined."""
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    total = confusion.sum(axis=-1) + confusion.sum(axis=-2)
    return np.asarray(np.divide(2 * hits, total, out=np.zeros(total.shape), where=total > 0))


def squared_errors(labels: Floats, probabilities: Floats) -> Floats:
    """Sum over the classes of (label - probability)^2, (..., N) from (..., N, K); 0 to 2."""
    return np.asarray(((labels - probabilities) ** 2).sum(axis=-1))


def rmse(labels: Floats, probabilities: Floats) -> float:
    """sqrt(mean over images of the sum over the K classes of (label - probability)^2), 0 to sqrt(2).

    The published study's definition; the usual one, which averages over the classes too, is smaller by sqrt(K).

    Args:
        labels: (N, K), proportions of each class.
        probabilities: (N, K), 0 to 1.
    """
    return float(np.sqrt(squared_errors(labels, probabilities).mean()))


def mixtures(mixed: pd.DataFrame) -> dict[str, dict[str, float]]:
    """What is predicted for each mixture present, by its name, the simplest ratios first.

    Args:
        mixed: predictions of mixed images, as `predictions.columns`.

    Returns:
        For each mixture: `n` images, the mean probability of each class under its name and, where all mixtures are of
        the same two classes, `share_<a>_over_<b>`, the share of images with P(a) > P(b), 0 to 1.
    """
    classes, truth = predictions.classes_of(mixed), predictions.mixtures_of(mixed)
    pair = two_that_mix(truth, classes)
    figures = {}
    for name in truth:
        found = predictions.probabilities(mixed[mixed["label"] == name])
        figures[name] = {"n": len(found), **dict(zip(classes, found.mean(axis=0).tolist(), strict=True))}
        if pair:
            first, second = map(classes.index, pair)
            figures[name][share_over(pair)] = float((found[:, first] > found[:, second]).mean())
    return figures


def two_that_mix(mixtures: Mapping[str, Floats], classes: Sequence[str]) -> tuple[str, str] | None:
    """The two classes of which all mixtures consist; None where there are more, or no mixtures."""
    found = mixing(classes, mixtures)
    return (found[0], found[1]) if len(found) == 2 else None


def share_over(pair: tuple[str, str]) -> str:
    """The name of the figure that says how often the first class exceeds the second."""
    return f"share_{pair[0]}_over_{pair[1]}"


def evaluate(frame: pd.DataFrame) -> dict[str, Any]:
    """All figures of one run, as JSON takes them: None where a figure is undefined.

    Args:
        frame: predictions of one experiment and fold, as `predictions.columns`.

    Returns:
        {"val" | "test": {"homo": {...}, "hetero": {...}}}; splits and sets without images are left out.
        `homo` holds `n`, the names of `SUMMARY`, `confusion` (rows true, columns predicted, in the order of
        the classes), `classes`, and `misclassified`, a list of files with true and predicted class and
        probabilities. `hetero` holds `n`, `rmse` and `mixtures`.

    Raises:
        ValueError: for predictions of more than one experiment or fold.
    """
    runs = frame[predictions.RUN].drop_duplicates()
    if len(runs) > 1:
        raise ValueError(f"one experiment and fold at a time, not {runs.to_numpy().tolist()}")
    figures = {"homo": _homo, "hetero": _hetero}
    return {
        split: {
            image_set: figure(part[part["set"] == image_set])
            for image_set, figure in figures.items()
            if (part["set"] == image_set).any()
        }
        for split in EVALUATED_SPLITS
        if not (part := frame[frame["split"] == split]).empty
    }


def _homo(part: pd.DataFrame) -> dict[str, Any]:
    result = classification(predictions.labels(part), predictions.probabilities(part))
    return {
        "n": len(part),
        **_json(result.summary()),
        "confusion": result.confusion.tolist(),
        "classes": {name: _json(figures) for name, figures in result.by_class(predictions.classes_of(part)).items()},
        "misclassified": _misclassified(part),
    }


def _hetero(part: pd.DataFrame) -> dict[str, Any]:
    error = rmse(predictions.labels(part), predictions.probabilities(part))
    return {"n": len(part), "rmse": error, "mixtures": mixtures(part)}


def _misclassified(part: pd.DataFrame) -> list[dict[str, Any]]:
    classes, probabilities = predictions.classes_of(part), predictions.probabilities(part)
    true, predicted = predictions.labels(part).argmax(axis=1), probabilities.argmax(axis=1)
    return [
        {
            "file": part["file"].iat[row],
            "true": classes[true[row]],
            "predicted": classes[predicted[row]],
            **dict(zip(classes, probabilities[row].tolist(), strict=True)),
        }
        for row in np.flatnonzero(true != predicted).tolist()
    ]


def _json(figures: dict[str, float]) -> dict[str, float | None]:
    return {name: None if np.isnan(value) else value for name, value in figures.items()}
