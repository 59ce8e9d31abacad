"""Controls of a plate: images of known content that lie beside the populations whose composition is asked for.

What networks answer differs from one plate to the next. So the plate's own images of a label take the place of the
study's: pure ones become the ends between which the populations lie, and the study's mixtures still say how answers go
from one end to the other. The estimator is chosen and fitted anew on both.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from oral_cancer.counting import counted
from oral_cancer.evaluation.choice import deviations
from oral_cancer.evaluation.estimators import LEAST_PROBABILITY
from oral_cancer.evaluation.headline import N_RESAMPLES, Headline
from oral_cancer.evaluation.known_images import KnownImages

Floats = NDArray[np.float64]

FEWEST = 6
"""Images of a label, below which the study's say more of it than the plate's."""
ALIKE = 0.05
"""The p from which two classes' controls count as one."""
HALVES = 2


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
        chosen = np.isin(self.labels, labels)
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


def refit(
    known: KnownImages,
    study: Headline,
    controls: Controls,
    proportions: Mapping[str, Floats],
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> Plate:
    """The estimate of a plate's populations, with its controls.

    Controls of a label are left aside, and that is said, where they are fewer than `FEWEST`, and where those of two
    classes, or of one and the study's images of another, cannot be told apart.

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
    remarks += _called_otherwise(enough, proportions)
    alike = dict(_alike(known, enough, proportions))
    remarks += alike.values()
    used = enough.of([name for name in enough.counts if not any(name in pair for pair in alike)])
    remarks += _of_the_study(used, proportions)
    if not len(used):
        return Plate(None, {}, (), tuple(remarks))
    both = with_controls(known, used, proportions)
    headline = Headline.of(both, n_resamples, seed)
    return Plate(headline, used.counts, tuple(_judged(both, study, headline, used, proportions)), tuple(remarks))


def with_controls(known: KnownImages, controls: Controls, proportions: Mapping[str, Floats]) -> KnownImages:
    """Known images of which those of the controls' labels are the plate's, each with a row of every network.

    Each image is drawn by itself: what the images of a plate have in common, its populations have too.
    """
    n_images, n_networks, n_classes = controls.probabilities.shape
    left = known.where(~np.isin(known.labels, controls.labels))
    labels = np.repeat(controls.labels, n_networks)
    first = known.units.max(initial=-1) + 1
    return replace(
        known,
        probabilities=np.concatenate([left.probabilities, controls.probabilities.reshape(-1, n_classes)]),
        targets=np.concatenate([left.targets, np.array([proportions[name] for name in labels])]),
        labels=np.concatenate([left.labels, labels]),
        mixed=np.concatenate([left.mixed, np.isin(labels, list(proportions)[n_classes:])]),
        units=np.concatenate([left.units, first + np.repeat(np.arange(n_images), n_networks)]),
        networks=np.concatenate([left.networks, np.tile(np.arange(n_networks), n_images)]),
        grouped=False,
    )


def _called_otherwise(controls: Controls, proportions: Mapping[str, Floats]) -> Iterator[str]:
    """A line for each class whose controls most of the networks' answers are another's."""
    classes = list(proportions)[: controls.probabilities.shape[-1]]
    for name in (name for name in controls.counts if name in classes):
        means = controls.of([name]).probabilities.mean(axis=1)
        called = classes[int(means.mean(axis=0).argmax())]
        if called != name:
            number = int((means.argmax(axis=1) == classes.index(called)).sum())
            yield (
                f"controls.{name}: the networks call {number} of {counted(len(means), 'image')} {called}: see that the "
                "wells are not mixed up"
            )


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
                yield (name, cls), f"controls.{name}: the networks cannot tell them from {whose}: {what}"


def _log_ratio(probabilities: Floats, first: int, second: int) -> Floats:
    logs = np.log(np.clip(probabilities, LEAST_PROBABILITY, None))
    return np.asarray(logs[:, first] - logs[:, second])


def _of_the_study(used: Controls, proportions: Mapping[str, Floats]) -> list[str]:
    """The line that says which classes have their ends from the study."""
    classes = list(proportions)[: used.probabilities.shape[-1]]
    lacking = [name for name in classes if name not in used.counts]
    if not lacking:
        return []
    if len(lacking) == len(classes) and not len(used):
        return ["controls: none can be used; the estimate is the study's"]
    return [
        f"controls: none of {', '.join(lacking)}, whose ends stay those of the study and know nothing of this plate"
    ]


def _judged(
    both: KnownImages, study: Headline, headline: Headline, used: Controls, proportions: Mapping[str, Floats]
) -> Iterator[Judged]:
    """The errors of each label's halves, by cross-fitting."""
    half_of_image = np.empty(len(used), np.intp)
    shuffled = np.random.default_rng(0).permutation(len(used))
    order = shuffled[np.argsort(used.labels[shuffled], kind="stable")]
    half_of_image[order] = np.arange(len(used)) % HALVES
    n_classes = used.probabilities.shape[-1]
    for name, number in used.counts.items():
        members = used.labels == name
        halves = [members & (half_of_image == half) for half in range(HALVES)]
        study_errors = [
            np.abs(study.fitted.predict(used.probabilities[half].reshape(-1, n_classes)) - proportions[name]).mean()
            for half in halves
        ]
        n_networks = used.probabilities.shape[1]
        of_study = np.zeros(len(both) - len(used) * n_networks, bool)
        rows = [np.concatenate([of_study, np.repeat(half, n_networks)]) for half in halves]
        off = [np.abs(one).mean() for _, one in deviations(headline.choice.name, both, rows, both.labels)]
        yield Judged(name, number, float(np.mean(study_errors)), float(np.mean(off)))
