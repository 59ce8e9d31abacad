"""Borderline-SMOTE: synthetic images between images of a class or mixture (experiment M3)."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from oral_cancer.counting import counted
from oral_cancer.data.training_set import Images, TrainingSet
from oral_cancer.errors import refuse
from oral_cancer.labels import TOLERANCE
from oral_cancer.resampling.contract import draw
from oral_cancer.resampling.interpolation import borderline_weights, weighted_sums, wrapped_sums
from oral_cancer.resampling.mixtures import Multiples, Rows
from oral_cancer.settings import checked_arguments
from oral_cancer.settings import resampling as settings


@dataclass(frozen=True)
class _Pair:
    """A label to enlarge, by how many images, and the rows and the name of what shows where its border lies."""

    minority: str
    added: int
    majority: NDArray[np.int64]
    called: str


class BorderlineSmote:
    """Every training image once, and synthetic images by imbalanced-learn's `BorderlineSMOTE`.

    Each pair is a binary problem on flattened pixels, kind "borderline-1": the majority is drawn to
    (1 + multiple) x the minority's training images, and the minority raised to that size. A minority of which
    no image is "in danger" stays as it is, with a warning.

    Args:
        multiples: images to add, as multiples of a minority's training images, by class or mixture; "auto" raises the
            minority of each pair to the most frequent label.
        pairs: mappings with the fields of `settings.resampling.BorderPair`, one for each label that is enlarged; "auto"
            pairs each with all other images, as imbalanced-learn does by itself.
        k_neighbors: nearest images of the minority to interpolate with, at least 1; with "auto" pairs, a label of no
            more images is interpolated with all that it has.
        m_neighbors: nearest images of the pair that tell whether one is in danger, at least 1.
        eight_bits: whether to calculate in 8 bits, as the authors' code does; see `wrapped_sums`.

    Raises:
        UserError: for a multiple with no pair, or a value out of range.
    """

    def __init__(
        self,
        multiples: Multiples,
        pairs: Sequence[Mapping[str, Any]] | str,
        k_neighbors: int,
        m_neighbors: int,
        eight_bits: bool = False,
    ) -> None:
        said = checked_arguments(settings.BorderlineSmote, locals(), "resampling.")
        self.multiples = said.multiples
        self.pairs = said.pairs
        self.k_neighbors = k_neighbors
        self.m_neighbors = m_neighbors
        self.between = wrapped_sums if eight_bits else weighted_sums

    def check_labels(self, labels: NDArray[np.str_]) -> None:
        """Raise a `UserError` where the training images lack a label that the options name, or are too few."""
        self._wanted(Rows(labels))

    def _wanted(self, rows: Rows) -> list[_Pair]:
        """The pairs whose minority is to be enlarged."""
        to_add = rows.to_add(self.multiples)
        if self.pairs is None:
            return [
                _Pair(name, added, rows.others(name), "of another label") for name, added in to_add.items() if added
            ]
        wanted = [pair for pair in self.pairs if to_add.get(rows.name(pair.minority))]
        rows.insist(pair.majority for pair in wanted)
        pairs = [
            _Pair(name := rows.name(pair.minority), to_add[name], rows[pair.majority], rows.name(pair.majority))
            for pair in wanted
        ]
        refuse([fault for pair in pairs for fault in self._too_few(pair, len(rows[pair.minority]))])
        return pairs

    def fit_resample(
        self, images: Images, soft_labels: NDArray[np.float32], random_state: int, labels: NDArray[np.str_]
    ) -> TrainingSet:
        """See `Resampling.fit_resample`; it holds the images of one pair at a time in memory."""
        rng = np.random.default_rng(random_state)
        rows = Rows(labels)
        weights, soft = [csr_array((0, len(images)))], [soft_labels]
        for pair in self._wanted(rows):
            new = self._synthesise(images, pair, rows[pair.minority], rng)
            weights.append(new)
            soft.append(_soft_labels_of(new, soft_labels))
        synthetic = self.between(images, csr_array(vstack(weights)))
        return TrainingSet(np.arange(len(images)), synthetic, np.concatenate(soft))

    def _synthesise(
        self, images: Images, pair: _Pair, minority: NDArray[np.int64], rng: np.random.Generator
    ) -> csr_array:
        if len(minority) == 1:
            warnings.warn(
                f"borderline_smote: {pair.minority} stays at 1 image, with no other to interpolate", stacklevel=3
            )
            return csr_array((0, len(images)))
        majority = draw(pair.majority, len(minority) + pair.added, rng)
        seed = int(rng.integers(2**32))
        k, m = min(self.k_neighbors, len(minority) - 1), min(self.m_neighbors, len(minority) + len(majority) - 1)
        weights = borderline_weights(images, majority, minority, k, m, seed)
        if not weights.shape[0]:
            warnings.warn(
                f"borderline_smote: {pair.minority} stays at {counted(len(minority), 'image')}, as none is in danger: "
                f"at least half, but not all, of the {m} images nearest to one would have to be {pair.called}",
                stacklevel=3,
            )
        return weights

    def _too_few(self, pair: _Pair, n_minority: int) -> list[str]:
        n_pair = 2 * n_minority + pair.added
        return [
            f"resampling.{option}: {neighbors} neighbours need more than the {n} images {where}; "
            f"choose at most {n - 1}, or add images of {pair.minority}"
            for option, neighbors, n, where in (
                ("k_neighbors", self.k_neighbors, n_minority, f"of {pair.minority}"),
                ("m_neighbors", self.m_neighbors, n_pair, f"of {pair.minority} and {pair.called} together"),
            )
            if n <= neighbors
        ]


def _soft_labels_of(weights: csr_array, soft_labels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of synthetic images: that of the images between which each lies, or between theirs, float32 (S, K)."""
    mixed = np.asarray(weights @ soft_labels, np.float32)
    first = soft_labels[weights.indices[weights.indptr[:-1]]] if weights.shape[0] else mixed
    return np.where(np.abs(mixed - first) < TOLERANCE, first, mixed)
