"""Borderline-SMOTE: synthetic images between images of a class or mixture (experiment M3)."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from oral_cancer.counting import counted
from oral_cancer.data.training_set import Images, TrainingSet
from oral_cancer.errors import refuse
from oral_cancer.labels import TOLERANCE
from oral_cancer.resampling.contract import draw
from oral_cancer.resampling.interpolation import borderline_weights, weighted_sums
from oral_cancer.resampling.mixtures import Multiples, Rows
from oral_cancer.settings import checked
from oral_cancer.settings import resampling as settings
from oral_cancer.settings.resampling import BorderPair


class BorderlineSmote:
    """Every training image once, and synthetic images by imbalanced-learn's `BorderlineSMOTE`.

    Each pair is a binary problem on flattened pixels, kind "borderline-1": the majority is drawn to
    (1 + multiple) x the minority's training images, and the minority raised to that size. A minority of which
    no image is "in danger" stays as it is, with a warning.

    Args:
        multiples: images to add, as multiples of a minority's training images, by class or mixture; "auto" raises the
            minority of each pair to the most frequent label.
        pairs: mappings with the fields of `settings.resampling.BorderPair`, one for each label that is enlarged.
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
        options = {"multiples": multiples, "pairs": pairs, "k_neighbors": k_neighbors, "m_neighbors": m_neighbors}
        said = checked(settings.BorderlineSmote, options, "resampling.")
        self.multiples = said.multiples
        self.pairs = said.pairs
        self.k_neighbors = k_neighbors
        self.m_neighbors = m_neighbors

    def check_labels(self, labels: NDArray[np.str_]) -> None:
        """Raise a `UserError` where the training images lack a label that the options name."""
        self._wanted(Rows(labels))

    def _wanted(self, rows: Rows) -> tuple[list[BorderPair], dict[str, int]]:
        """The pairs whose minority is to be enlarged, by the labels' own names, and by how many images."""
        to_add = rows.to_add(self.multiples)
        named = [
            BorderPair(minority=rows.name(pair.minority), majority=rows.name(pair.majority)) for pair in self.pairs
        ]
        pairs = [pair for pair in named if to_add.get(pair.minority)]
        rows.insist(pair.majority for pair in pairs)
        return pairs, to_add

    def fit_resample(
        self, images: Images, soft_labels: NDArray[np.float32], random_state: int, labels: NDArray[np.str_]
    ) -> TrainingSet:
        """See `Resampling.fit_resample`; it holds the images of one pair at a time in memory."""
        rng = np.random.default_rng(random_state)
        rows = Rows(labels)
        pairs, to_add = self._wanted(rows)
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
                f"borderline_smote: {pair.minority} stays at {counted(len(minority), 'image')}, as none is in danger: "
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


def _soft_labels_of(weights: csr_array, soft_labels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of synthetic images: that of the images between which each lies, or between theirs, float32 (S, K)."""
    mixed = np.asarray(weights @ soft_labels, np.float32)
    first = soft_labels[weights.indices[weights.indptr[:-1]]] if weights.shape[0] else mixed
    return np.where(np.abs(mixed - first) < TOLERANCE, first, mixed)
