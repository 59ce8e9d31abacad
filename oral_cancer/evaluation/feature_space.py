"""How far an image lies from those that a network was trained on, by what the network's layers make of it.

The features of the training images are standardised and reduced by PCA; the distance is that of probabilistic PCA
(Tipping and Bishop, J. R. Stat. Soc. B 61, 1999): Mahalanobis within the components, and what lies outside of them
counts by its spread there. It says something beside the distances of the images that were held out for validation: an
image is unlike the training images where it is more than `LIMIT` times as far as nearly all of these.

Which features, which distance and which limit was measured; see docs/explanation/new_images.md.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

COMPONENTS = 32
NEIGHBOURS = 3
USUAL = 0.95
"""Share of the held-out images whose greatest distance is the unit of distances."""
LIMIT = 2.0
"""Units beyond which an image is unlike the training images, and a population outside if half of its images are."""
FLOOR = 0.1  # of the median spread of features, so that one which hardly varies in training does not decide


@dataclass(frozen=True)
class FeatureSpace:
    """The space in which distances are measured; an image is a point in it, whose length is its distance.

    Attributes:
        centre, scale: mean and spread of each feature, (D,).
        axes: the principal components, float16 (C, D).
        spread: of the training images along each, (C,).
        noise: their spread in all directions beside, (1,); 0 where the components hold everything.
    """

    centre: Floats
    scale: Floats
    axes: NDArray[np.float16]
    spread: Floats
    noise: Floats

    @classmethod
    def fit(cls, features: Floats) -> Self:
        """The space of training images, of which there are two at least, by their features (N, D)."""
        from sklearn.decomposition import PCA  # late: a second, which prediction does not need

        n, d = features.shape
        deviations = features.std(axis=0, dtype=np.float64)
        scale = np.maximum(deviations, FLOOR * np.median(deviations))
        scale[scale == 0] = 1
        centre = features.mean(axis=0, dtype=np.float64)
        standardised = (features - centre) / scale
        number = min(COMPONENTS, d, max(1, (n - 1) // 2))  # with as many as images nothing would lie beside
        axes = PCA(number, random_state=0).fit(standardised).components_.astype(np.float16)
        along = standardised @ axes.T.astype(np.float64)
        beside = np.square(standardised).sum(axis=1) - np.square(along).sum(axis=1)
        noise = np.sqrt(max(0.0, beside.mean()) / (d - number)) if number < d else 0.0
        spread = np.maximum(along.std(axis=0), np.finfo(np.float32).tiny)
        return cls(_single(centre), _single(scale), axes, _single(spread), _single([noise]))

    def points(self, features: Floats) -> Floats:
        """The points (N, C + 1) of images by their features (N, D): components, and what lies beside them."""
        standardised = (features - self.centre) / self.scale
        along = standardised @ self.axes.T.astype(np.float32)
        beside = np.square(standardised).sum(axis=1) - np.square(along).sum(axis=1)
        outer = np.sqrt(np.maximum(beside, 0)) / self.noise if self.noise > 0 else np.zeros(len(features))
        return _single(np.column_stack([along / self.spread, outer]))


class Likeness(NamedTuple):
    """How like the training images B others are; or how like one is by each of B networks.

    Attributes:
        distance: (B,), in units of what `USUAL` of the held-out images keep within.
        percentile: (B,), the share of the held-out images that are nearer, in per cent.
        nearest: int64 (B, NEIGHBOURS), which training images are nearest, the nearest first.
    """

    distance: Floats
    percentile: Floats
    nearest: NDArray[np.int64]


@dataclass(frozen=True)
class Judge:
    """What judges images by their features: the space, and the points of training and held-out images in it."""

    space: FeatureSpace
    training: Floats
    held_out: Floats

    @cached_property
    def usual(self) -> Floats:
        """The distances of the held-out images, in ascending order."""
        return np.sort(distances(self.held_out))

    def likeness(self, features: Floats) -> Likeness:
        """That of images by their features (B, D)."""
        points = self.space.points(features)
        found = distances(points)
        between = np.square(points[:, None] - self.training).sum(axis=2)
        return Likeness(
            _single(found / np.quantile(self.usual, USUAL)),
            _single(100 * np.searchsorted(self.usual, found) / len(self.usual)),
            between.argsort(axis=1, kind="stable")[:, :NEIGHBOURS],
        )


def distances(points: Floats) -> Floats:
    """The distance (N,) of each point from the centre of the training images."""
    return _single(np.linalg.norm(points, axis=1))


@dataclass(frozen=True)
class Plane:
    """The plane of a map: the two directions in which the training images' features vary most.

    Attributes:
        centre: (D,).
        axes: (2, D).
        shares: of their variance that each direction holds, (2,).
    """

    centre: Floats
    axes: Floats
    shares: Floats

    @classmethod
    def fit(cls, features: Floats) -> Self:
        """That of training images, of which there are two at least, by their features (N, D)."""
        from sklearn.decomposition import PCA

        found = PCA(min(2, *features.shape), svd_solver="randomized", random_state=0).fit(features)
        lacking = ((0, 2 - len(found.components_)), (0, 0))
        shares = np.nan_to_num(found.explained_variance_ratio_)
        return cls(
            _single(found.mean_),
            _single(np.pad(found.components_, lacking)),
            _single(np.pad(shares, lacking[0])),
        )

    def points(self, features: Floats) -> Floats:
        """The places (N, 2) of images by their features (N, D)."""
        return _single((features - self.centre) @ self.axes.T)


def _single(values: object) -> Floats:
    return np.asarray(values, np.float32)
