"""One long shuffled stream of training images, cut into epochs."""

from collections.abc import Iterator

import numpy as np
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
    """

    def __init__(self, length: int, batch_size: int, steps: int, seed: int, ranks: int = 1, rank: int = 0) -> None:
        self.length = length
        self.batch_size = batch_size
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
        passes = [np.random.default_rng([self.seed, i]).permutation(self.length) for i in range(first, last + 1)]
        offset = start - first * self.length
        drawn = np.concatenate(passes)[offset : offset + self.images_per_epoch]
        for position in drawn.reshape(-1, self.ranks, self.batch_size // self.ranks)[:, self.rank].ravel():
            yield self.epoch, int(position)
