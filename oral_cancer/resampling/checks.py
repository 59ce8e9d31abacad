"""The battery that a treatment of one's own must pass, in the manner of scikit-learn's `check_estimator`."""

import pickle
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from oral_cancer.data.training_set import TrainingSet, checked
from oral_cancer.errors import UserError
from oral_cancer.labels import CLASSES, MIXTURES, soft_label
from oral_cancer.resampling.contract import Resampling

SIDE = 8  # of the images that treatments are tried on, in pixels


def check_treatment(treatment: Resampling) -> None:
    """Try whether a treatment keeps the contract, on small made-up training sets.

    Args:
        treatment: made with the options that it is to be used with.

    Raises:
        AssertionError: says what the contract demands and what the treatment did.
    """
    images, soft_labels = _training_set(dict.fromkeys([*CLASSES, *MIXTURES], 24))
    _leaves_its_input_alone(treatment, images, soft_labels)
    treated = _returns_a_training_set(treatment, images, soft_labels)
    _depends_on_the_seed_alone(treatment, images, soft_labels, treated)
    _reads_images_by_rows(treatment, images, soft_labels, treated)
    _keeps_nothing_of_a_call(treatment, images, soft_labels, treated)
    _can_be_sent_to_another_process(treatment, images, soft_labels, treated)
    for lacking in (CLASSES, MIXTURES, CLASSES[:1], MIXTURES[:1]):
        _takes_or_refuses(treatment, [group for group in (*CLASSES, *MIXTURES) if group not in lacking])


def _training_set(counts: Mapping[str, int]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Noisy images, uint8 (N, SIDE, SIDE, 3), in which grey tells the groups apart, and soft labels, float32 (N, 3)."""
    rng = np.random.default_rng(0)
    names = rng.permutation(np.repeat(list(counts), list(counts.values())))
    soft_labels = np.array([soft_label(name) for name in names], np.float32).reshape(-1, len(CLASSES))
    grey = soft_labels @ np.linspace(60, 200, len(CLASSES)) + rng.normal(0, 30, len(names))
    pixels = grey[:, None, None, None] + rng.normal(0, 10, (len(names), SIDE, SIDE, 3))
    return pixels.clip(0, 255).astype(np.uint8), soft_labels


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


def _returns_a_training_set(
    treatment: Resampling, images: NDArray[np.uint8], soft_labels: NDArray[np.float32]
) -> TrainingSet:
    treated = treatment.fit_resample(images, soft_labels, 0)
    try:
        found = checked(treated, images, type(treatment).__name__)
    except UserError as error:
        raise AssertionError(str(error)) from error
    selected = found.soft_labels[: len(found.indices)]
    assert np.array_equal(selected, soft_labels[found.indices]), (
        "soft_labels of the images at `indices` must be those of the input; they differ in "
        f"{(selected != soft_labels[found.indices]).any(axis=1).sum()} of {len(selected)}"
    )
    return found


def _leaves_its_input_alone(treatment: Resampling, images: NDArray[np.uint8], soft_labels: NDArray[np.float32]) -> None:
    own_images, own_labels = images.copy(), soft_labels.copy()
    np.random.standard_normal()  # noqa: NPY002, lest the state be that of a seed, which a treatment may set
    before = repr(np.random.get_state(legacy=False))  # noqa: NPY002
    treatment.fit_resample(own_images, own_labels, 0)
    assert np.array_equal(own_images, images), "images of the input must not be changed"
    assert np.array_equal(own_labels, soft_labels), "soft_labels of the input must not be changed"
    assert repr(np.random.get_state(legacy=False)) == before, (  # noqa: NPY002
        "numpy.random must not be used as a whole, which others draw from; draw from default_rng(random_state)"
    )


def _depends_on_the_seed_alone(
    treatment: Resampling, images: NDArray[np.uint8], soft_labels: NDArray[np.float32], expected: TrainingSet
) -> None:
    _same(treatment.fit_resample(images, soft_labels, 0), expected, "the same input and random_state")
    treatment.fit_resample(images, soft_labels, 2**32 - 1)  # the largest seed


def _reads_images_by_rows(
    treatment: Resampling, images: NDArray[np.uint8], soft_labels: NDArray[np.float32], expected: TrainingSet
) -> None:
    _same(treatment.fit_resample(_ByRows(images), soft_labels, 0), expected, "images that are read by rows")


def _keeps_nothing_of_a_call(
    treatment: Resampling, images: NDArray[np.uint8], soft_labels: NDArray[np.float32], expected: TrainingSet
) -> None:
    part = np.arange(0, len(images), 2)
    _attempt(lambda: treatment.fit_resample(images[part], soft_labels[part], 1))
    _same(treatment.fit_resample(images, soft_labels, 0), expected, "a call after one with other images")


def _can_be_sent_to_another_process(
    treatment: Resampling, images: NDArray[np.uint8], soft_labels: NDArray[np.float32], expected: TrainingSet
) -> None:
    try:
        again: Resampling = pickle.loads(pickle.dumps(treatment))
    except Exception as error:
        raise AssertionError(f"it must be possible to pickle a treatment; {error}") from error
    _same(again.fit_resample(images, soft_labels, 0), expected, "a copy of the treatment by pickle")


def _takes_or_refuses(treatment: Resampling, groups: Sequence[str]) -> None:
    """Of a training set that lacks classes or mixtures: a treatment may refuse it, and says so to the user."""
    images, soft_labels = _training_set(dict.fromkeys(groups, 24))
    treated = _attempt(lambda: treatment.fit_resample(images, soft_labels, 0))
    if treated is not None:
        checked(treated, images, type(treatment).__name__)


def _attempt(treat: Callable[[], TrainingSet]) -> TrainingSet | None:
    """What a call returns, or None where it refuses its input."""
    try:
        return treat()
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
