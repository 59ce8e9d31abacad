"""The battery that a treatment of one's own must pass, in the manner of scikit-learn's `check_estimator`."""

import pickle
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oral_cancer.data.training_set import TrainingSet, checked, treat
from oral_cancer.errors import UserError
from oral_cancer.labels import Labels, of_parts
from oral_cancer.resampling.contract import Resampling

SIDE = 8  # of the images that treatments are tried on, in pixels
EACH = 24  # images of each label

MADE_UP = Labels(
    ("first", "second", "third"),
    {
        ratio: of_parts(("first", "second", "third"), parts)
        for ratio, parts in (
            ("1:2", {"first": 1, "second": 2}),
            ("2:1", {"first": 2, "second": 1}),
            ("1:3", {"first": 1, "second": 3}),
            ("3:1", {"first": 3, "second": 1}),
        )
    },
)


def check_treatment(treatment: Resampling, labels: Labels = MADE_UP) -> None:
    """Try whether a treatment keeps the contract, on small made-up training sets.

    Args:
        treatment: made with the options that it is to be used with.
        labels: the classes and mixtures of the training sets, for options that name some.

    Raises:
        AssertionError: says what the contract demands and what the treatment did.
    """
    data = _training_set(labels, labels.names)
    _leaves_its_input_alone(treatment, data)
    treated = _returns_a_training_set(treatment, data)
    _depends_on_the_seed_alone(treatment, data, treated)
    _reads_images_by_rows(treatment, data, treated)
    _keeps_nothing_of_a_call(treatment, data, treated)
    _can_be_sent_to_another_process(treatment, data, treated)
    for lacking in (labels.classes, tuple(labels.mixtures), labels.classes[:1], labels.names[-1:]):
        _takes_or_refuses(treatment, _training_set(labels, [name for name in labels.names if name not in lacking]))


@dataclass(frozen=True)
class _Data:
    """A training set: images uint8 (N, SIDE, SIDE, 3), soft labels float32 (N, K), names of the labels str (N,)."""

    images: NDArray[np.uint8]
    soft_labels: NDArray[np.float32]
    names: NDArray[np.str_]

    def treated_by(self, treatment: Resampling, random_state: int = 0) -> TrainingSet:
        treated: TrainingSet = treat(treatment, self.images, self.soft_labels, random_state, self.names)
        return treated

    def checked(self, treated: TrainingSet, treatment: Resampling) -> TrainingSet:
        return checked(treated, self.images, self.soft_labels.shape[1], type(treatment).__name__)


def _training_set(labels: Labels, names: Sequence[str]) -> _Data:
    """Noisy images in which grey tells the labels apart."""
    rng = np.random.default_rng(0)
    drawn = rng.permutation(np.repeat(names, EACH))
    soft_labels = np.array([labels.soft_label(name) for name in drawn])
    grey = soft_labels @ np.linspace(60, 200, len(labels.classes)) + rng.normal(0, 30, len(drawn))
    pixels = grey[:, None, None, None] + rng.normal(0, 10, (len(drawn), SIDE, SIDE, 3))
    return _Data(pixels.clip(0, 255).astype(np.uint8), soft_labels, drawn)


class _ByRows:
    """Images as an image store has them: an array of rows can be read, and nothing else."""

    def __init__(self, images: NDArray[np.uint8]) -> None:
        self._images = images
        self.shape, self.dtype = images.shape, images.dtype

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        by_rows = isinstance(rows, np.ndarray) and rows.dtype.kind == "i" and rows.ndim == 1
        assert by_rows, (
            f"images must be read by an array of whole numbers, rows of the input; they were asked for {rows!r}"
        )
        return self._images[rows]


def _returns_a_training_set(treatment: Resampling, data: _Data) -> TrainingSet:
    try:
        found = data.checked(data.treated_by(treatment), treatment)
    except UserError as error:
        raise AssertionError(str(error)) from error
    selected, own = found.soft_labels[: len(found.indices)], data.soft_labels[found.indices]
    assert np.array_equal(selected, own), (
        "soft_labels of the images at `indices` must be those of the input; they differ in "
        f"{(selected != own).any(axis=1).sum()} of {len(selected)}"
    )
    return found


def _leaves_its_input_alone(treatment: Resampling, data: _Data) -> None:
    own = _Data(data.images.copy(), data.soft_labels.copy(), data.names.copy())
    np.random.standard_normal()  # noqa: NPY002, lest the state be that of a seed, which a treatment may set
    before = repr(np.random.get_state(legacy=False))  # noqa: NPY002
    own.treated_by(treatment)
    for name in ("images", "soft_labels", "names"):
        same = np.array_equal(getattr(own, name), getattr(data, name))
        assert same, f"{name} of the input must not be changed"
    assert repr(np.random.get_state(legacy=False)) == before, (  # noqa: NPY002
        "numpy.random must not be used as a whole, which others draw from; draw from default_rng(random_state)"
    )


def _depends_on_the_seed_alone(treatment: Resampling, data: _Data, expected: TrainingSet) -> None:
    _same(data.treated_by(treatment), expected, "the same input and random_state")
    data.treated_by(treatment, 2**32 - 1)  # the largest seed


def _reads_images_by_rows(treatment: Resampling, data: _Data, expected: TrainingSet) -> None:
    by_rows: Any = _ByRows(data.images)
    _same(replace(data, images=by_rows).treated_by(treatment), expected, "images that are read by rows")


def _keeps_nothing_of_a_call(treatment: Resampling, data: _Data, expected: TrainingSet) -> None:
    part = np.arange(0, len(data.images), 2)
    _attempt(treatment, _Data(data.images[part], data.soft_labels[part], data.names[part]), 1)
    _same(data.treated_by(treatment), expected, "a call after one with other images")


def _can_be_sent_to_another_process(treatment: Resampling, data: _Data, expected: TrainingSet) -> None:
    try:
        again: Resampling = pickle.loads(pickle.dumps(treatment))
    except Exception as error:
        raise AssertionError(f"it must be possible to pickle a treatment; {error}") from error
    _same(data.treated_by(again), expected, "a copy of the treatment by pickle")


def _takes_or_refuses(treatment: Resampling, data: _Data) -> None:
    """Of a training set that lacks classes or mixtures: a treatment may refuse it, and says so to the user."""
    treated = _attempt(treatment, data)
    if treated is not None:
        data.checked(treated, treatment)


def _attempt(treatment: Resampling, data: _Data, random_state: int = 0) -> TrainingSet | None:
    """What a call returns, or None where it refuses its input."""
    try:
        return data.treated_by(treatment, random_state)
    except UserError:
        return None
    except Exception as error:
        raise AssertionError(
            f"a training set that a treatment cannot take must be refused by a UserError; it met {error!r}"
        ) from error


def _same(found: TrainingSet, expected: TrainingSet, of: str) -> None:
    for name in ("indices", "synthetic", "soft_labels"):
        same = np.array_equal(getattr(found, name), getattr(expected, name))
        assert same, f"{of} must give the same result; `{name}` differs"
