"""One long shuffled stream of training images, cut into epochs."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler


class ShuffledStream(Sampler[tuple[int, int]]):
    """Draws from endless passes over the training set, each newly shuffled, without regard to where an epoch ends.

    An epoch is `steps` batches whatever the size of the training set, so a larger set is seen fewer times. The stream
    is a function of the seed alone: any epoch can be drawn without those before it.

    Args:
        length: images in the training set.
        batch_size: images a step.
        steps: steps an epoch.
        seed: of the shuffling.
        ranks: processes that share each batch.
        rank: whose part of every batch is drawn.
        labels: of each image, (length,), for a pass in which all labels come equally often, the rarer ones again and
            again; None is for one in which each image comes once.
    """

    def __init__(
        self,
        length: int,
        batch_size: int,
        steps: int,
        seed: int,
        ranks: int = 1,
        rank: int = 0,
        labels: NDArray[np.str_] | None = None,
    ) -> None:
        self.by_label = [] if labels is None else [np.flatnonzero(labels == name) for name in np.unique(labels)]
        self.most = max(map(len, self.by_label), default=0)
        self.length = self.most * len(self.by_label) or length  # of a pass
        self.batch_size = batch_size
        self.steps = steps
        self.images_per_epoch = batch_size * steps
        self.seed = seed
        self.ranks = ranks
        self.rank = rank
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, from 0, that the next iteration draws."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.images_per_epoch // self.ranks

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Pairs (epoch, position in the training set)."""
        start = self.epoch * self.images_per_epoch
        first, last = start // self.length, (start + self.images_per_epoch - 1) // self.length
        passes = [self.positions(number) for number in range(first, last + 1)]
        offset = start - first * self.length
        drawn = np.concatenate(passes)[offset : offset + self.images_per_epoch]
        for position in drawn.reshape(-1, self.ranks, self.batch_size // self.ranks)[:, self.rank].ravel():
            yield self.epoch, int(position)

    def shares(self) -> NDArray[np.float64]:
        """How much of a long stream is of the image at each position of the training set; their sum is 1."""
        if not self.by_label:
            return np.full(self.length, 1 / self.length)
        shares = np.empty(sum(map(len, self.by_label)))
        for rows in self.by_label:
            shares[rows] = 1 / (len(self.by_label) * len(rows))
        return shares

    def positions(self, number: int) -> NDArray[np.int64]:
        """The positions in the order of a pass, counted from 0: int64 (length,)."""
        rng = np.random.default_rng([self.seed, number])
        if not self.by_label:
            return rng.permutation(self.length)
        drawn = [np.resize(rng.permutation(rows), self.most) for rows in self.by_label]
        return rng.permutation(np.concatenate(drawn))
