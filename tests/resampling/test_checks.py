"""`check_treatment`: every treatment of ours passes it, and each fault that it is there for is found."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from oral_cancer.resampling import TrainingSet, check_treatment
from tests.published import LABELS

from .conftest import CONFIGS


@pytest.mark.parametrize("name", [path.stem for path in CONFIGS.glob("*.yaml")])
def test_every_treatment_passes(name: str, treatment: Callable[..., Any]) -> None:
    check_treatment(treatment(name), LABELS)


@pytest.mark.parametrize("name", ["borderline_smote", "enn_ros"])
def test_every_treatment_of_whatever_labels_passes(name: str, treatment: Callable[..., Any]) -> None:
    check_treatment(treatment(name, multiples="auto", pairs="auto"))


class Half:
    """A sound treatment, which those below spoil."""

    def fit_resample(self, images: Any, soft_labels: Any, random_state: int) -> Any:
        rng = np.random.default_rng(random_state)
        return TrainingSet.selected(rng.permutation(len(images))[: len(images) // 2], images, soft_labels)


class NoTrainingSet(Half):
    def fit_resample(self, images: Any, soft_labels: Any, random_state: int) -> Any:
        return images, soft_labels


class OtherLabels(Half):
    def fit_resample(self, images: Any, soft_labels: Any, random_state: int) -> Any:
        treated = super().fit_resample(images, soft_labels, random_state)
        return TrainingSet(treated.indices, treated.synthetic, treated.soft_labels[::-1])


class Changes(Half):
    def fit_resample(self, images: Any, soft_labels: Any, random_state: int) -> Any:
        treated = super().fit_resample(images, soft_labels.copy(), random_state)
        soft_labels[:] = soft_labels[::-1].copy()
        return treated


class DrawsFromAll(Half):
    def fit_resample(self, images: Any, soft_labels: Any, random_state: int) -> Any:
        np.random.seed(random_state)  # noqa: NPY002
        return super().fit_resample(images, soft_labels, random_state)


class WithoutSeed(Half):
    def fit_resample(self, images: Any, soft_labels: Any, random_state: int) -> Any:
        return super().fit_resample(images, soft_labels, np.random.SeedSequence().entropy)


class AsArray(Half):
    def fit_resample(self, images: Any, soft_labels: Any, random_state: int) -> Any:
        images[3:5].mean()
        return super().fit_resample(images, soft_labels, random_state)


class Remembers(Half):
    def __init__(self) -> None:
        self.seen = 0

    def fit_resample(self, images: Any, soft_labels: Any, random_state: int) -> Any:
        self.seen = max(self.seen, random_state == 1)
        return super().fit_resample(images, soft_labels, random_state + self.seen)


class Unpicklable(Half):
    def __init__(self) -> None:
        self.function = lambda: None


class Falls(Half):
    def fit_resample(self, images: Any, soft_labels: Any, random_state: int) -> Any:
        if (soft_labels.max(axis=1) == 1).all():
            raise ValueError("no mixtures")
        return super().fit_resample(images, soft_labels, random_state)


def test_a_sound_one_passes() -> None:
    check_treatment(Half())


@pytest.mark.parametrize(
    ("faulty", "said"),
    [
        (NoTrainingSet, "what fit_resample returns has no `indices`"),
        (OtherLabels, "soft_labels of the images at `indices` must be those of the input"),
        (Changes, "soft_labels of the input must not be changed"),
        (DrawsFromAll, "numpy.random must not be used as a whole"),
        (WithoutSeed, "the same input and random_state must give the same result"),
        (AsArray, "images must be read by an array of whole numbers"),
        (Remembers, "a call after one with other images must give the same result"),
        (Unpicklable, "it must be possible to pickle a treatment"),
        (Falls, "must be refused by a UserError; it met ValueError"),
    ],
)
def test_each_fault_is_found(faulty: type[Half], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_treatment(faulty())
