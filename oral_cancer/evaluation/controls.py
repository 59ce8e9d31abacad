"""Controls of a plate: images of known content that lie beside the populations whose composition is asked for.

What networks answer differs from one plate to the next. So the plate's own images of a label take the place of the
study's: pure ones become the ends between which the populations lie, and the study's mixtures still say how answers go
from one end to the other. Whether these move with the ends, nobody knows; so they stand there twice, as the study has
them and moved as their classes are, and how far the two lie apart is part of the interval.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from scipy.stats import mannwhitneyu

from oral_cancer.counting import counted
from oral_cancer.evaluation.choice import Choice
from oral_cancer.evaluation.estimators import LEAST_PROBABILITY
from oral_cancer.evaluation.headline import N_RESAMPLES, Headline
from oral_cancer.evaluation.known_images import KnownImages

Floats = NDArray[np.float64]

FEWEST = 6
"""Images of a label, below which the study's say more of it than the plate's."""
ALIKE = 0.05
"""The p from which two classes' controls count as one."""
HALVES = 2
LEAST_MOVED = 1e-3
"""A probability below which differences of logarithms are of single images, and not of plates."""
MOVED = " moved"


@dataclass(frozen=True)
class Controls:
    """n images of a plate, each of known content.

    Attributes:
        probabilities: (n, F, K), 0 to 1, by each network, in the order of `KnownImages.networks`.
        labels: (n,), the class or mixture of each.
    """

    probabilities: Floats
    labels: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def counts(self) -> dict[str, int]:
        """Images of each label, in the order in which they come."""
        return {str(name): int((self.labels == name).sum()) for name in dict.fromkeys(self.labels)}

    def of(self, labels: Sequence[str]) -> Self:
        """Those of these labels alone."""
        return self.where(np.isin(self.labels, labels))

    def where(self, chosen: NDArray[np.bool_]) -> Self:
        """Those images alone."""
        return replace(self, probabilities=self.probabilities[chosen], labels=self.labels[chosen])


@dataclass(frozen=True)
class Judged:
    """How far off estimates of a label's controls are, as the mean absolute error of a proportion, over their halves.

    Attributes:
        label: a class or mixture.
        images: of both halves.
        study: the error of the study's estimate.
        held_out: that of the estimate with the other half of this label's controls, and all controls of other labels.
    """

    label: str
    images: int
    study: float
    held_out: float


@dataclass(frozen=True)
class Plate:
    """What controls make of a study's estimate.

    Attributes:
        headline: fitted with the controls; None where none can be used.
        used: images of each label that stand in the place of the study's.
        judged: of each of these.
        remarks: a line for all that is to be known or mended.
    """

    headline: Headline | None
    used: Mapping[str, int]
    judged: tuple[Judged, ...]
    remarks: tuple[str, ...]

    @property
    def errors(self) -> tuple[float, float]:
        """The mean of `Judged.study` and of `Judged.held_out`, NaN where no controls are used."""
        if not self.judged:
            return np.nan, np.nan
        return float(np.mean([one.study for one in self.judged])), float(np.mean([one.held_out for one in self.judged]))


def refit(
    known: KnownImages,
    study: Headline,
    controls: Controls,
    proportions: Mapping[str, Floats],
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> Plate:
    """The estimate of a plate's populations, with its controls.

    Controls of a label are left aside, and that is said, where they are fewer than `FEWEST`, where those of two
    classes, or of one and the study's images of another, cannot be told apart, and where the networks call most of them
    another class of which there are no controls beside them.

    Args:
        known: the study's images.
        study: the estimate without controls, of which the errors are told beside.
        controls: one at least; of labels in `proportions`.
        proportions: (K,) of each class and mixture; the classes first, in their order.
        n_resamples: in which the controls, too, are drawn again.
        seed: as for `Headline.of`.
    """
    few = [name for name, number in controls.counts.items() if number < FEWEST]
    remarks = [
        f"controls.{name}: {counted(controls.counts[name], 'image')}, of at least {FEWEST} that are needed: not used"
        for name in few
    ]
    enough = controls.of([name for name in controls.counts if name not in few])
    alike = dict(_alike(known, enough, proportions))
    apart = [name for name in enough.counts if not any(name in pair for pair in alike)]
    called = _called_otherwise(enough, proportions)
    # Whether it is the plate's light or the wells that are mixed up, only its controls of the other class can tell.
    alone = {name for name, (other, _) in called.items() if name in apart and other not in apart}
    for name, (_, said) in called.items():
        lacking = f", of which there are no controls that can be used: {name} is not used; give some, or"
        remarks.append(
            f"controls.{name}: {said}{lacking if name in alone else ':'} see that the wells are not mixed up"
        )
    remarks += alike.values()
    used = enough.of([name for name in apart if name not in alone])
    if not len(used):
        return _nothing(*remarks, "controls: none can be used; the estimate is the study's")
    both = with_controls(known, used, proportions)
    lacking = ", ".join(name for name in list(proportions)[: both.targets.shape[1]] if name not in used.counts)
    if not both.tell_classes_apart:
        return _nothing(*remarks, f"controls: none of {lacking}, and nothing known of the study: none is used")
    if lacking:
        remarks.append(
            f"controls: none of {lacking}; the study's images of it are kept, and know nothing of this plate"
        )
    choice = _choice(study)
    headline = Headline.of(both, n_resamples, seed, choice)
    plate = Plate(headline, used.counts, tuple(_judged(known, study, choice, used, proportions)), tuple(remarks))
    without, held_out = plate.errors
    if held_out > without:
        worse = (
            f"controls: they do not help: the mean error is {held_out:.3f} with the other half, {without:.3f} without"
        )
        return replace(plate, remarks=(*remarks, f"{worse}; read the estimate without controls"))
    return plate


def _nothing(*remarks: str) -> Plate:
    return Plate(None, {}, (), remarks)


def with_controls(known: KnownImages, controls: Controls, proportions: Mapping[str, Floats]) -> KnownImages:
    """Known images of which those of the controls' labels are the plate's, each with a row of every network.

    Mixtures of classes with controls come a second time, moved, before the controls. Each control image is drawn by
    itself: what the images of a plate have in common, its populations have too.
    """
    n_images, n_networks, n_classes = controls.probabilities.shape
    left = known.where(~np.isin(known.labels, controls.labels))
    moved = _moved(known, left.where(left.mixed), controls, list(proportions)[:n_classes])
    labels = np.repeat(controls.labels, n_networks)
    of_plate = replace(
        known,
        probabilities=controls.probabilities.reshape(-1, n_classes),
        targets=np.array([proportions[name] for name in labels]),
        labels=labels,
        mixed=np.isin(labels, list(proportions)[n_classes:]),
        units=known.units.max(initial=-1) + 1 + np.repeat(np.arange(n_images), n_networks),
        networks=np.tile(np.arange(n_networks), n_images),
    )
    return replace(left.beside(moved).beside(of_plate), grouped=False)


def _choice(study: Headline) -> Choice:
    """The estimator that is best in the study, but for the raw mean, which learns nothing from controls."""
    errors = study.choice.errors
    means = {name: np.nanmean(list(of_kinds.values())) for name, of_kinds in errors.items() if name != "raw"}
    return Choice(min(means, key=lambda name: means[name], default="unmixing"), errors)


def _moved(known: KnownImages, mixtures: KnownImages, controls: Controls, classes: Sequence[str]) -> KnownImages:
    """Mixtures moved by the mean differences, in logarithms, of the plate's and the study's images of their classes."""
    both = [name in controls.counts and bool((known.labels == name).any()) for name in classes]
    by_class = np.array(
        [
            _mean_logs(controls.of([name]).probabilities) - _mean_logs(known.probabilities[known.labels == name])
            if there
            else np.zeros(len(classes))
            for name, there in zip(classes, both, strict=True)
        ]
    )
    concerned = mixtures.where(mixtures.targets @ np.array(both) > 0)
    logs = np.log(np.clip(concerned.probabilities, LEAST_MOVED, None)) + concerned.targets @ by_class
    labels = np.char.add(concerned.labels.astype(np.str_), MOVED)
    return replace(concerned, probabilities=softmax(logs, axis=1), labels=labels)


def _mean_logs(probabilities: Floats) -> Floats:
    """The mean logarithms (K,) of probabilities (..., K)."""
    return np.asarray(
        np.log(np.clip(probabilities, LEAST_MOVED, None)).reshape(-1, probabilities.shape[-1]).mean(axis=0)
    )


def _called_otherwise(controls: Controls, proportions: Mapping[str, Floats]) -> dict[str, tuple[str, str]]:
    """Of each class whose controls are another by the networks' mean, that other, and how many are called so."""
    classes = list(proportions)[: controls.probabilities.shape[-1]]
    found = {}
    for name in (name for name in controls.counts if name in classes):
        means = controls.of([name]).probabilities.mean(axis=1)
        called = classes[int(means.mean(axis=0).argmax())]
        if called != name:
            number = int((means.argmax(axis=1) == classes.index(called)).sum())
            found[name] = called, f"the networks call {number} of {counted(len(means), 'image')} {called}"
    return found


def _alike(
    known: KnownImages, controls: Controls, proportions: Mapping[str, Floats]
) -> Iterator[tuple[tuple[str, str], str]]:
    """Each class with controls and another whose images cannot be told from them, and a line that says so.

    Where there are controls of the other too, each pair comes once. What is compared is the images' logarithm of the
    ratio of both classes' probabilities, by the one-sided test of Mann and Whitney.
    """
    n_classes = controls.probabilities.shape[-1]
    of_plate = [name for name in list(proportions)[:n_classes] if name in controls.counts]
    for k, name in enumerate(proportions):
        for other, cls in enumerate(list(proportions)[:n_classes]):
            if name not in of_plate or name == cls or (cls in of_plate and other < k):
                continue
            theirs = controls.of([cls]).probabilities.mean(axis=1)
            if cls not in of_plate:
                theirs = known.probabilities[known.labels == cls]
            ours = controls.of([name]).probabilities.mean(axis=1)
            ratios = [_log_ratio(images, k, other) for images in (ours, theirs)]
            if len(theirs) and mannwhitneyu(*ratios, alternative="greater").pvalue >= ALIKE:
                whose = f"controls.{cls}" if cls in of_plate else f"the study's images of {cls}"
                what = "neither is used" if cls in of_plate else "not used"
                swapped = mannwhitneyu(*ratios, alternative="less").pvalue < ALIKE
                fault = f"are less like {name} than {whose}" if swapped else f"cannot be told from {whose}"
                yield (name, cls), f"controls.{name}: by the networks they {fault}: {what}"


def _log_ratio(probabilities: Floats, first: int, second: int) -> Floats:
    logs = np.log(np.clip(probabilities, LEAST_PROBABILITY, None))
    return np.asarray(logs[:, first] - logs[:, second])


def _judged(
    known: KnownImages, study: Headline, choice: Choice, used: Controls, proportions: Mapping[str, Floats]
) -> Iterator[Judged]:
    """The errors of each label's halves, by cross-fitting."""
    shuffled = np.random.default_rng(0).permutation(len(used))
    half_of_image = np.empty(len(used), np.intp)
    half_of_image[shuffled[np.argsort(used.labels[shuffled], kind="stable")]] = np.arange(len(used)) % HALVES
    for name, number in used.counts.items():
        errors = []
        for half in range(HALVES):
            judged = (used.labels == name) & (half_of_image == half)
            rows = used.probabilities[judged].reshape(-1, used.probabilities.shape[-1])
            fitted_on = with_controls(known, used.where(~judged), proportions)
            held_out = choice.estimator.fit(fitted_on.probabilities, fitted_on.targets, fitted_on.labels)
            errors.append([np.abs(one.predict(rows) - proportions[name]).mean() for one in (study.fitted, held_out)])
        yield Judged(name, number, *map(float, np.mean(errors, axis=0)))
