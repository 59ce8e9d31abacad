"""Controls of a plate: images of known content that lie beside the populations whose composition is asked for.

What networks answer differs from one plate to the next. So the plate's own images of a label take the place of the
study's: pure ones become the ends between which the populations lie, and the study's mixtures still say how answers go
from one end to the other. Whether these move with the ends, nobody knows; so they stand there twice, as the study has
them and moved as their classes are, and how far the two lie apart is part of the interval.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
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
WRONG_ORDER = 0.01
"""The p below which the controls of two mixtures, which may be near to each other, lie in the wrong order."""
CLEFT = 4.0
"""How many of their own SDs the two clusters of a class's controls must be apart to be of two contents."""
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

    @classmethod
    def unused(cls, *remarks: str) -> Self:
        """Of controls of which none can be used, for what the remarks say."""
        return cls(None, {}, (), (*remarks, "controls: none can be used; the estimate is the study's"))

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

    Controls of a label are left aside, and that is said, where they are fewer than `FEWEST`; where those of two
    classes, or of one and the study's images of another, cannot be told apart, nor those of a mixture from a class;
    where those of mixtures lie in the wrong order; where many of a class are like another; and where the networks call
    most of them another class of which there are no controls beside them.

    Of a population that holds classes without controls, deviations are those of the study's test cultures, as without
    controls.

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
    faults = list(_contradictory(known, enough, proportions))
    apart = [name for name in enough.counts if not any(name in dropped for dropped, _ in faults)]
    called = _called_otherwise(enough, proportions)
    # Whether it is the plate's light or the wells that are mixed up, only its controls of the other class can tell.
    alone = {name for name, (other, _) in called.items() if name in apart and other not in apart}
    for name, (_, said) in called.items():
        lacking = f", of which there are no controls that can be used: {name} is not used; give some, or"
        remarks.append(
            f"controls.{name}: {said}{lacking if name in alone else ':'} see that the wells are not mixed up"
        )
    remarks += [said for _, said in faults]
    used = enough.of([name for name in apart if name not in alone])
    choice = _choice(study)
    if not len(used):
        return Plate.unused(*remarks)
    both = with_controls(known, used, proportions)
    classes = list(proportions)[: both.targets.shape[1]]
    lacking = ", ".join(name for name in classes if name not in used.counts)
    if not both.tell_classes_apart:
        return Plate.unused(*remarks, f"controls: none of {lacking}, of which the study has no images either")
    judged = tuple(_judged(known, study, choice, used, proportions))
    if lacking:
        remarks.append(
            f"controls: none of {lacking}: the study's images stay in their place, and know nothing of this plate"
        )
    headline = replace(
        Headline.of(both, n_resamples, seed, choice),
        tried=study.tried,
        of_plate=np.array([name in used.counts for name in classes]),
    )
    plate = Plate(headline, used.counts, judged, tuple(remarks))
    without, held_out = plate.errors
    if held_out > without:
        worse = (
            f"controls: they do not help: the mean error is {held_out:.3f} with the other half, {without:.3f} without"
        )
        return replace(plate, remarks=(*remarks, f"{worse}; read the estimate without controls"))
    return plate


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


def _contradictory(
    known: KnownImages, controls: Controls, proportions: Mapping[str, Floats]
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Labels whose controls are not what they are called, beside those of another, each time with a line that says so.

    Of two labels the images' logarithms of a ratio are compared: that of the class of which the first has most more, to
    that of which it has most less. By the one-sided test of Mann and Whitney the first must have the greater, but for
    two mixtures, which may be near to each other, and only must not have the smaller. Where a class has no controls,
    the study's images stand for it, and a mixture must not be nearer to them than to the study's of its own.
    """
    classes = list(proportions)[: controls.probabilities.shape[-1]]
    images = {name: controls.of([name]).probabilities.mean(axis=1) for name in proportions if name in controls.counts}
    lacking = {name: known.probabilities[known.labels == name] for name in classes if name not in images}
    of_study = [name for name, rows in lacking.items() if len(rows)]
    for first, second in (*combinations(images, 2), *product(images, of_study)):
        if first in classes and second not in classes:
            first, second = second, first
        difference = proportions[first] - proportions[second]
        more, less = int(difference.argmax()), int(difference.argmin())
        ours, theirs = (_log_ratio(rows, more, less) for rows in (images[first], (images | lacking)[second]))
        pure = [name in classes for name in (first, second)]
        both = second in images and pure[0] == pure[1]
        dropped, used = ((first, second), "neither is used") if both else ((first,), "not used")
        whose = f"controls.{second}" if second in images else f"the study's images of {second}"
        if mannwhitneyu(ours, theirs, alternative="less").pvalue < (ALIKE if any(pure) else WRONG_ORDER):
            yield dropped, f"controls.{first}: by the networks they are less like {classes[more]} than {whose}: {used}"
        elif any(pure) and mannwhitneyu(ours, theirs, alternative="greater").pvalue >= ALIKE:
            yield dropped, f"controls.{first}: by the networks they cannot be told from {whose}: {used}"
        elif second in lacking and not pure[0] and (own := known.where(known.labels == first).probabilities).size:
            to_class, to_own = (abs(ours.mean() - np.mean(to)) for to in (theirs, _log_ratio(own, more, less)))
            if to_class < to_own:
                yield dropped, f"controls.{first}: by the networks they are nearer to {whose} than of {first}: {used}"
        elif all(pure):
            yield from _of_two_contents(first, whose, ours, theirs)
            yield from _of_two_contents(second, f"controls.{first}", -theirs, -ours) if both else ()


def _of_two_contents(name: str, whose: str, ours: Floats, theirs: Floats) -> Iterator[tuple[tuple[str, ...], str]]:
    """A line for controls of a class of which some lie in a cluster of their own, where images of another do.

    Args:
        name: the class.
        whose: the other's images, in words.
        ours, theirs: the logarithms of the ratio of the first's probability to the other's, (n,) and (m,).
    """
    ordered = np.sort(ours)
    splits = [(ordered[:k], ordered[k:]) for k in range(2, len(ordered) - 1)]
    within = [np.sqrt(sum(((part - part.mean()) ** 2).sum() for part in split) / (len(ours) - 2)) for split in splits]
    least = int(np.argmin(within))
    low, high = (float(part.mean()) for part in splits[least])
    if high - low > CLEFT * within[least] and abs(low - np.median(theirs)) < (high - low) / 2:
        yield (
            (name,),
            f"controls.{name}: {len(splits[least][0])} of {counted(len(ours), 'image')} are like {whose}: not of "
            "one content, and not used; see that nothing else is in the well",
        )


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
