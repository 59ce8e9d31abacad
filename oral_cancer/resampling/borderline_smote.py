"""Borderline-SMOTE: synthetic images between images of a mixture (model M3)."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from oral_cancer.data.training_set import Images, TrainingSet
from oral_cancer.errors import refuse
from oral_cancer.labels import soft_label
from oral_cancer.resampling.contract import draw
from oral_cancer.resampling.interpolation import borderline_weights, weighted_sums
from oral_cancer.resampling.mixtures import images_to_add, rows_by_group
from oral_cancer.settings import checked
from oral_cancer.settings import resampling as settings
from oral_cancer.settings.resampling import BorderPair


class BorderlineSmote:
    """Every training image once, and synthetic images of mixtures by imbalanced-learn's `BorderlineSMOTE`.

    Each pair is a binary problem on flattened pixels, kind "borderline-1": the majority is drawn to
    (1 + multiple) x the minority's training images, and the minority raised to that size. A mixture of which
    no image is "in danger" stays as it is, with a warning.

    Args:
        multiples: images to add, as multiples of a mixture's training images, by mixture.
        pairs: mappings with the fields of `settings.resampling.BorderPair`, one for each mixture that is enlarged.
        k_neighbors: nearest images of the mixture to interpolate with, at least 1.
        m_neighbors: nearest images of the pair that tell whether one is in danger, at least 1.

    Raises:
        UserError: for an unknown class or mixture, a mixture with no pair, or a value out of range.
    """

    def __init__(
        self,
        multiples: Mapping[str, float],
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

    def fit_resample(self, images: Images, soft_labels: NDArray[np.float32], random_state: int) -> TrainingSet:
        """See `Resampling.fit_resample`; it holds the images of one pair at a time in memory."""
        rng = np.random.default_rng(random_state)
        pairs = [pair for pair in self.pairs if self.multiples.get(pair.minority)]
        needed = [*self.multiples, *(pair.majority for pair in pairs)]
        rows = rows_by_group(soft_labels, needed)
        refuse([problem for pair in pairs for problem in self._too_few(pair, len(rows[pair.minority]))])

        weights, labels = [csr_array((0, len(images)))], [soft_labels]
        for pair in pairs:
            new = self._synthesise(images, pair, rows, rng)
            weights.append(new)
            labels.append(np.tile(soft_label(pair.minority), (new.shape[0], 1)))
        synthetic = weighted_sums(images, csr_array(vstack(weights)))
        return TrainingSet(np.arange(len(images)), synthetic, np.concatenate(labels))

    def _synthesise(
        self,
        images: Images,
        pair: BorderPair,
        rows: Mapping[str, NDArray[np.int64]],
        rng: np.random.Generator,
    ) -> csr_array:
        minority = rows[pair.minority]
        raised = self._raised(pair, len(minority))
        if raised == len(minority):
            return csr_array((0, len(images)))
        majority = draw(rows[pair.majority], raised, rng)
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

    def _raised(self, pair: BorderPair, n_minority: int) -> int:
        return n_minority + images_to_add(self.multiples[pair.minority], n_minority)

    def _too_few(self, pair: BorderPair, n_minority: int) -> list[str]:
        n_pair = n_minority + self._raised(pair, n_minority)
        return [
            f"resampling.{option}: {neighbors} neighbours need more than the {n} images {where}; "
            f"choose at most {n - 1}, or add images of {pair.minority}"
            for option, neighbors, n, where in (
                ("k_neighbors", self.k_neighbors, n_minority, f"of {pair.minority}"),
                ("m_neighbors", self.m_neighbors, n_pair, f"of {pair.minority} and {pair.majority} together"),
            )
            if n <= neighbors
        ]
