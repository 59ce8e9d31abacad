"""Images explained by networks, step by step; command and page both go this way."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from oral_cancer.data.reader import quiet, read_new
from oral_cancer.data.reading import NewReading
from oral_cancer.data.resizing import resized
from oral_cancer.explain.choice import Labelled
from oral_cancer.explain.explain import Explainer, Explanation
from oral_cancer.explain.pictures import Pixels, shown
from oral_cancer.formats.brightness import MOST_CLIPPED, clipped
from oral_cancer.formats.picture import Unreadable
from oral_cancer.inference.members import load_network, resizing
from oral_cancer.study.run_record import RunRecord

Explainers = Sequence[tuple[RunRecord, Explainer]]


@dataclass(frozen=True)
class Explained:
    """An image, as it is shown, and what the network of a run says about it."""

    labelled: Labelled
    run: RunRecord
    original: Pixels
    explanation: Explanation


@dataclass(frozen=True)
class Unread:
    """An image that could not be read, and why."""

    labelled: Labelled
    reason: str


def explainers_of(runs: Sequence[RunRecord], trust: bool = False) -> Explainers:
    """The networks of finished runs, ready to explain.

    Raises:
        UserError: for checkpoints that cannot be used.
    """
    return [(run, Explainer(load_network(run, trust), resizing([run]))) for run in runs]


def explain(
    images: Sequence[Labelled],
    explainers: Explainers,
    new: NewReading,
    target: int | None,
    batch_size: int,
    told: Callable[[int], object] = lambda _: None,
) -> Generator[Explained | Unread, None, None]:
    """Explain images batch by batch, each by one network after the other.

    Args:
        images: what to explain.
        explainers: by which.
        new: how the files are read.
        target: index of the class to explain; None is the predicted one.
        batch_size: images a step.
        told: called after each batch and network with the number of its images.
    """
    new = _with_common(images, new)
    for first in range(0, len(images), batch_size):
        batch = images[first : first + batch_size]
        outcomes = [(one, _read(one, new)) for one in batch]
        yield from (Unread(one, reason) for one, reason in outcomes if isinstance(reason, str))
        decoded = [(one, pixels) for one, pixels in outcomes if not isinstance(pixels, str)]
        for run, explainer in explainers:
            if decoded:
                yield from _explained(decoded, run, explainer, target)
            told(len(batch))


def _with_common(images: Sequence[Labelled], new: NewReading) -> NewReading:
    """With the depth that holds all images whose files declare none, where the study has seen no such."""
    if new.reading.range or "uint16" in new.known:
        return new
    undecided = []
    for one in images:
        with quiet(), suppress(ValueError):
            raw, levels = read_new(one.image.path, new)
            if levels.by == "least":
                undecided.append(raw.measured)
    return new.with_common(undecided) if undecided else new


def _read(one: Labelled, new: NewReading) -> Pixels | str:
    """The pixels of an image, or why there are none."""
    try:
        with quiet():
            raw, levels = read_new(one.image.path, new)
        if (beyond := clipped(raw.values, levels)) > MOST_CLIPPED:
            low, high, _ = levels
            raise Unreadable(f"{beyond:.1%} of its values lie beyond {low:g} to {high:g}; give range=[low, high]")
    except ValueError as fault:
        return str(fault)
    return raw.shown(levels)


def _explained(
    decoded: Sequence[tuple[Labelled, Pixels]], run: RunRecord, explainer: Explainer, target: int | None
) -> Iterator[Explained]:
    taken = np.stack([resized(pixels, *explainer.way) for _, pixels in decoded])
    originals = [shown(pixels) for _, pixels in decoded]
    found = explainer.explain(taken, originals, target)
    for (one, _), original, explanation in zip(decoded, originals, found, strict=True):
        yield Explained(one, run, original, explanation)
