"""Borderline-SMOTE: synthetic images between images of a class or mixture (experiment M3)."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from oral_cancer.data.training_set import Images, TrainingSet
from oral_cancer.errors import refuse
from oral_cancer.labels import TOLERANCE, in_files
from oral_cancer.resampling.contract import draw
from oral_cancer.resampling.interpolation import borderline_weights, weighted_sums
from oral_cancer.resampling.mixtures import Multiples, Rows, read_multiples, read_pairs


@dataclass(frozen=True)
class BorderPair:
    """A class or mixture to enlarge, and the images that show where its border lies.

    Attributes:
        majority: another class or mixture.
        minority: the one to enlarge.
    """

    majority: str
    minority: str


class BorderlineSmote:
    """Every training image once, and synthetic images by imbalanced-learn's `BorderlineSMOTE`.

    Each pair is a binary problem on flattened pixels, kind "borderline-1": the majority is drawn to
    (1 + multiple) x the minority's training images, and the minority raised to that size. A minority of which
    no image is "in danger" stays as it is, with a warning.

    Args:
        multiples: images to add, as multiples of a minority's training images, by class or mixture; "auto" raises the
            minority of each pair to the most frequent label.
        pairs: mappings with the fields of `BorderPair`, one for each class or mixture that is enlarged.
        k_neighbors: nearest images of the minority to interpolate with, at least 1.
        m_neighbors: nearest images of the pair that tell whether one is in danger, at least 1.

    Raises:
        UserError: for a multiple with no pair, or a value out of range.
    """

    def __init__(
        self,
        multiples: Multiples,
        pairs: Sequence[Mapping[str, Any]],
        k_neighbors: int,
        m_neighbors: int,
    ) -> None:
        self.multiples = read_multiples(multiples)
        self.pairs = read_pairs(BorderPair, pairs)
        self.k_neighbors = k_neighbors
        self.m_neighbors = m_neighbors
        refuse(self._problems())

    def fit_resample(
        self, images: Images, soft_labels: NDArray[np.float32], random_state: int, labels: NDArray[np.str_]
    ) -> TrainingSet:
        """See `Resampling.fit_resample`; it holds the images of one pair at a time in memory."""
        rng = np.random.default_rng(random_state)
        rows = Rows(labels)
        to_add = rows.to_add(self.multiples)
        pairs = [
            replace(pair, majority=rows.name(pair.majority), minority=rows.name(pair.minority)) for pair in self.pairs
        ]
        pairs = [pair for pair in pairs if to_add.get(pair.minority)]
        rows.insist(pair.majority for pair in pairs)
        refuse(
            [fault for pair in pairs for fault in self._too_few(pair, len(rows[pair.minority]), to_add[pair.minority])]
        )

        weights, soft = [csr_array((0, len(images)))], [soft_labels]
        for pair in pairs:
            new = self._synthesise(images, pair, rows, to_add[pair.minority], rng)
            weights.append(new)
            soft.append(_soft_labels_of(new, soft_labels))
        synthetic = weighted_sums(images, csr_array(vstack(weights)))
        return TrainingSet(np.arange(len(images)), synthetic, np.concatenate(soft))

    def _synthesise(
        self, images: Images, pair: BorderPair, rows: Rows, added: int, rng: np.random.Generator
    ) -> csr_array:
        minority = rows[pair.minority]
        majority = draw(rows[pair.majority], len(minority) + added, rng)
        seed = int(rng.integers(2**32))
        weights = borderline_weights(images, majority, minority, self.k_neighbors, self.m_neighbors, seed)
        if not weights.shape[0]:
            warnings.warn(
                f"borderline_smote: {pair.minority} stays at {len(minority)} images, as none is in danger: "
                f"at least half, but not all, of the {self.m_neighbors} images nearest to one would have to be "
                f"{pair.majority}",
                stacklevel=3,
            )
        return weights

    def _too_few(self, pair: BorderPair, n_minority: int, added: int) -> list[str]:
        n_pair = 2 * n_minority + added
        return [
            f"resampling.{option}: {neighbors} neighbours need more than the {n} images {where}; "
            f"choose at most {n - 1}, or add images of {pair.minority}"
            for option, neighbors, n, where in (
                ("k_neighbors", self.k_neighbors, n_minority, f"of {pair.minority}"),
                ("m_neighbors", self.m_neighbors, n_pair, f"of {pair.minority} and {pair.majority} together"),
            )
            if n <= neighbors
        ]

    def _problems(self) -> list[str]:
        problems = [
            f"resampling.{option}: {value!r}; give a whole number of at least 1"
            for option, value in (("k_neighbors", self.k_neighbors), ("m_neighbors", self.m_neighbors))
            if type(value) is not int or value < 1
        ]
        minorities = [pair.minority for pair in self.pairs]
        problems += [
            f"resampling.pairs: {pair.minority} is both majority and minority of a pair; give two labels"
            for pair in self.pairs
            if pair.minority == pair.majority
        ]
        problems += [
            f"resampling.pairs: {name} is the minority of {minorities.count(name)} pairs; make it that of one"
            for name in dict.fromkeys(minorities)
            if minorities.count(name) > 1
        ]
        named = {form for name in minorities for form in (name, name.replace(":", "_"), in_files(name))}
        problems += [
            f"resampling.pairs: {label} is the minority of no pair; make it that of one, or set "
            f"resampling.multiples.{label}=0"
            for label, multiple in (self.multiples or {}).items()
            if multiple and label not in named
        ]
        return problems


def _soft_labels_of(weights: csr_array, soft_labels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of synthetic images: that of the images between which each lies, or between theirs, float32 (S, K)."""
    mixed = np.asarray(weights @ soft_labels, np.float32)
    first = soft_labels[weights.indices[weights.indptr[:-1]]] if weights.shape[0] else mixed
    return np.where(np.abs(mixed - first) < TOLERANCE, first, mixed)
