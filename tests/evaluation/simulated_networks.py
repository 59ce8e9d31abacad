"""Networks of several folds that see images of known composition: what they answer, simulated."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from oral_cancer.evaluation.cultures import Culture
from oral_cancer.evaluation.known_images import KnownImages

PURE = np.eye(3)
MIXED = np.array([[1 / 4, 3 / 4, 0], [1 / 3, 2 / 3, 0], [2 / 3, 1 / 3, 0], [3 / 4, 1 / 4, 0]])
NETWORKS = 5

See = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class World:
    """Networks that shrink compositions towards the middle, each in its own way, and blur them image by image.

    Attributes:
        random: the generator of everything.
        spread: SD of what all images of a group have in common, in logits.
    """

    random: np.random.Generator
    spread: float = 0.0

    def networks(self) -> See:
        """A function from targets (n, K) and group effects (n, K) to probabilities (n, F, K)."""
        offsets, slopes = self.random.normal(0, 0.3, (NETWORKS, 3)), self.random.uniform(0.5, 0.8, (NETWORKS, 1))

        def see(targets: np.ndarray, effects: np.ndarray) -> np.ndarray:
            logits = slopes * np.log(targets + 0.02)[:, None] + offsets + effects[:, None]
            logits = logits + self.random.normal(0, 0.5, (len(targets), 1, 3))
            return softmax(logits + self.random.normal(0, 0.3, (len(targets), NETWORKS, 3)), axis=-1)

        return see

    def known(self, see: See, images: int = 36, groups: int = 9, mixtures: np.ndarray = MIXED) -> KnownImages:
        """Validation images of every class, by one network each, and of mixtures, by all, from so many groups."""
        effects = self.random.normal(0, self.spread, (groups, 3))
        columns: list[list] = [[], [], [], [], [], []]
        for label, truth in enumerate([*PURE, *mixtures]):
            group = np.arange(images) % groups
            probabilities = see(np.repeat(truth[None], images, axis=0), effects[group])
            for image in range(images):
                unit = group[image] if self.spread else label * images + image
                for network in range(NETWORKS) if label > 2 else [image % NETWORKS]:
                    row = (probabilities[image, network], truth, f"{label}", label > 2, unit, network)
                    for column, value in zip(columns, row, strict=True):
                        column.append(value)
        return KnownImages(*map(np.array, columns), NETWORKS, self.spread > 0)

    def population(self, see: See, truth: np.ndarray, images: int = 40) -> np.ndarray:
        """What the networks say of a culture, one group: (n, F, K)."""
        effect = self.random.normal(0, self.spread, 3)
        return see(np.repeat(truth[None], images, axis=0), np.repeat(effect[None], images, axis=0))

    def culture(self, see: See, name: str, truth: np.ndarray, images: int = 40) -> Culture:
        """A culture of known composition, one group that nobody knows of."""
        return Culture(name, truth.max() < 1, truth, self.population(see, truth, images), None)
