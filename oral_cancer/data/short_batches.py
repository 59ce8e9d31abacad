"""Passes over the training images that end with a shorter batch."""

from collections.abc import Iterator

from torch.utils.data import Sampler

from oral_cancer.data.stream import ShuffledStream


class ShortBatches(Sampler[list[tuple[int, int]]]):
    """The batches of a stream, of which the last of each pass holds what is left, as Keras' generators give them.

    An epoch is as many batches as ever. Where the batch size divides the images these are the stream's own. Several
    ranks do not share such a batch, and batch norm finds nothing to normalise in a single image: both go without it.

    Args:
        stream: whose passes and epochs these are.
    """

    def __init__(self, stream: ShuffledStream) -> None:
        self.sampler = stream  # by this name Lightning looks for what it tells the epoch
        whole, left = divmod(stream.length, stream.batch_size)
        self.batches = whole + (left > 1 and stream.ranks == 1)  # of a pass
        self.size = stream.batch_size

    def __len__(self) -> int:
        return self.sampler.steps

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        """Lists of pairs (epoch, position in the training set)."""
        stream, drawn = self.sampler, -1
        own = self.size // stream.ranks
        for step in range(stream.epoch * stream.steps, (stream.epoch + 1) * stream.steps):
            number, place = divmod(step, self.batches)
            if number != drawn:
                positions, drawn = stream.positions(number), number
            batch = positions[place * self.size : (place + 1) * self.size]
            yield [(stream.epoch, int(one)) for one in batch[stream.rank * own : (stream.rank + 1) * own]]
