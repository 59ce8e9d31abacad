"""Cleaning by edited nearest neighbours, then random over-sampling of what is left (experiment M5)."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from imblearn.under_sampling import EditedNearestNeighbours
from imblearn.utils import check_sampling_strategy
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from oral_cancer.data.training_set import Images, TrainingSet
from oral_cancer.errors import refuse
from oral_cancer.resampling.contract import draw
from oral_cancer.resampling.distances import squared_distances, squared_distances_of_pairs
from oral_cancer.resampling.mixtures import Multiples, Rows, lacking_to_most
from oral_cancer.settings import checked_arguments
from oral_cancer.settings import resampling as settings
from oral_cancer.settings.resampling import CleaningPair


class EnnRandomOverSampling:
    """Labels cleaned in pairs by imbalanced-learn's `EditedNearestNeighbours`, then over-sampled at random.

    An image goes if any of its nearest images in the pair, by pixels, is of the other label. Every pair is
    cleaned as the training set came in. A label that no pair keeps stays whole.

    Args:
        multiples: images to add, as multiples of a label's training images before cleaning, by class or mixture; they
            are drawn from those left after it; "auto" adds what each then lacks to the most frequent.
        pairs: mappings with the fields of `settings.resampling.CleaningPair`; a label is kept by one pair at most.
            "auto" cleans every label but the rarest of images that lie among those of any other, as imbalanced-learn
            does by itself; a label of which nothing would be left stays whole, with a warning.
        n_neighbors: nearest images looked at, at least 1.

    Raises:
        UserError: for a label kept twice, or a value out of range.
    """

    def __init__(self, multiples: Multiples, pairs: Sequence[Mapping[str, Any]] | str, n_neighbors: int) -> None:
        said = checked_arguments(settings.EnnRandomOverSampling, locals(), "resampling.")
        self.multiples = said.multiples
        self.pairs = said.pairs
        self.n_neighbors = n_neighbors

    def check_labels(self, labels: NDArray[np.str_]) -> None:
        """Raise a `UserError` where the training images lack a label that the options name, or are too few."""
        self._wanted(Rows(labels))

    def _wanted(self, rows: Rows) -> list[CleaningPair]:
        """The pairs, none for "auto", once all that the options name is there, and enough of it."""
        rows.insist(name for pair in self.pairs or () for name in pair.mixtures)
        rows.to_add(self.multiples)
        pairs = [_in_full(pair, rows) for pair in self.pairs or ()]
        compared = [tuple(pair.mixtures) for pair in pairs] if self.pairs is not None else [tuple(rows.by_label)]
        refuse([fault for names in compared for fault in self._too_few(names, rows)])
        return pairs

    def fit_resample(
        self, images: Images, soft_labels: NDArray[np.float32], random_state: int, labels: NDArray[np.str_]
    ) -> TrainingSet:
        """See `Resampling.fit_resample`; it holds the images of the paired mixtures in memory."""
        rng = np.random.default_rng(random_state)
        rows = Rows(labels)
        pairs = self._wanted(rows)
        cleaned = self._clean_all(images, rows) if self.pairs is None else self._clean(images, pairs, rows.by_label)
        left = rows.by_label | cleaned
        to_add = lacking_to_most(left) if self.multiples is None else rows.to_add(self.multiples)
        added = [draw(left[name], number, rng) for name, number in to_add.items()]
        kept = np.sort(np.concatenate(list(left.values())))
        return TrainingSet.selected(np.concatenate([kept, *added]), images, soft_labels)

    def _clean(
        self, images: Images, pairs: Sequence[CleaningPair], rows: Mapping[str, NDArray[np.int64]]
    ) -> dict[str, NDArray[np.int64]]:
        mixtures = sorted({mixture for pair in pairs for mixture in pair.mixtures})
        places = [tuple(map(mixtures.index, pair.mixtures)) for pair in pairs]
        asked = {mixture for pair in pairs for mixture in _cleaned(pair, rows)}
        unasked = [i for i, mixture in enumerate(mixtures) if mixture not in asked]
        distances = squared_distances_of_pairs(images, [rows[mixture] for mixture in mixtures], places, unasked)
        left: dict[str, NDArray[np.int64]] = {}
        for pair, between in zip(pairs, distances, strict=True):
            first, second = (rows[mixture] for mixture in pair.mixtures)
            stay = edited_nearest_neighbours(between, _classes(first, second), pair.sampling_strategy, self.n_neighbors)
            left |= {name: np.intersect1d(rows[name], np.concatenate([first, second])[stay]) for name in pair.keep}
        refuse(
            [
                f"resampling.pairs: cleaning leaves none of the {len(rows[mixture])} images of {mixture}; "
                f"take {mixture} out of its pair's keep, lower resampling.n_neighbors or choose resampling=ros"
                for mixture, stay in left.items()
                if not len(stay)
            ]
        )
        return left

    def _clean_all(self, images: Images, rows: Rows) -> dict[str, NDArray[np.int64]]:
        if len(rows.by_label) == 1:
            return {}
        everything = np.concatenate(list(rows.by_label.values()))
        classes = np.repeat(np.arange(len(rows.by_label)), [len(own) for own in rows.by_label.values()])
        distances = squared_distances(images, everything)
        stay = everything[edited_nearest_neighbours(distances, classes, "auto", self.n_neighbors)]
        left = {name: np.intersect1d(own, stay) for name, own in rows.by_label.items()}
        for name in [name for name, own in left.items() if not len(own)]:
            own = left[name] = rows[name]
            warnings.warn(
                f"enn_ros: {name} stays whole, as cleaning would leave none of its {len(own)} images: each has one of "
                f"another label among its {self.n_neighbors} nearest",
                stacklevel=3,
            )
        return left

    def _too_few(self, names: Sequence[str], rows: Rows) -> list[str]:
        n = sum(len(rows[name]) for name in names)
        fault = (
            f"resampling.n_neighbors: {self.n_neighbors} neighbours need more than the {n} images of "
            f"{' and '.join(names)} together; choose at most {n - 1}, or add images"
        )
        return [fault] if n <= self.n_neighbors else []


def _in_full(pair: CleaningPair, rows: Rows) -> CleaningPair:
    """A pair with the labels' own names, in whatever form the options have them."""
    mixtures, keep = ([rows.name(name) for name in names] for names in (pair.mixtures, pair.keep))
    return CleaningPair(mixtures=mixtures, sampling_strategy=pair.sampling_strategy, keep=keep)


def _classes(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.repeat([0, 1], [len(first), len(second)])


def _cleaned(pair: CleaningPair, rows: Mapping[str, NDArray[np.int64]]) -> set[str]:
    """The mixtures that the pair keeps and may take images from; only from these does it look for neighbours."""
    classes = _classes(*(rows[mixture] for mixture in pair.mixtures))
    cleaned = check_sampling_strategy(pair.sampling_strategy, classes, "clean-sampling")
    return {pair.mixtures[int(cls)] for cls in cleaned} & set(pair.keep)


def edited_nearest_neighbours(
    distances: NDArray[np.float64], classes: NDArray[np.int64], sampling_strategy: str, n_neighbors: int
) -> NDArray[np.int64]:
    """imbalanced-learn's `EditedNearestNeighbours`, kind_sel "all", on the distances between images.

    The images that stay are those of a run on the pixels themselves, except where two different images are
    equally far from a third; which of them is the nearer is left open there too.

    Args:
        distances: (R, R).
        classes: (R,), whole numbers.
        sampling_strategy: "auto" or "all".
        n_neighbors: nearest images looked at, less than R.

    Returns:
        The rows, of `distances`, that stay.
    """
    sampler = EditedNearestNeighbours(
        sampling_strategy=sampling_strategy,
        n_neighbors=NearestNeighbors(n_neighbors=n_neighbors + 1, metric="precomputed"),
        kind_sel="all",
    )
    sampler.fit_resample(distances, classes)
    stay: NDArray[np.int64] = sampler.sample_indices_
    return stay
