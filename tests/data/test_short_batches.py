from itertools import chain

import pytest

from oral_cancer.data.short_batches import ShortBatches
from oral_cancer.data.stream import ShuffledStream

Batches = list[list[tuple[int, int]]]


def batches(length: int, epochs: range, ranks: int = 1, rank: int = 0) -> Batches:
    """Four images a batch, five batches an epoch."""
    stream = ShuffledStream(length, 4, 5, seed=0, ranks=ranks, rank=rank)
    short, found = ShortBatches(stream), []
    assert len(short) == 5
    for epoch in epochs:
        stream.set_epoch(epoch)
        found += list(short)
    return found


def test_a_pass_ends_with_what_is_left_and_an_epoch_where_it_did() -> None:
    found = batches(11, range(6))
    assert [len(batch) for batch in found] == [4, 4, 3] * 10
    assert [epoch for batch in found for epoch, _ in batch[:1]] == [epoch for epoch in range(6) for _ in range(5)]
    for first in range(0, 30, 3):
        assert sorted(position for _, position in chain(*found[first : first + 3])) == list(range(11))
    assert found[:3] != found[3:6]
    assert batches(11, range(4, 5)) == found[20:25]


def test_a_set_that_is_divided_evenly_is_drawn_as_by_the_stream() -> None:
    stream = ShuffledStream(12, 4, 5, seed=0)
    stream.set_epoch(2)
    assert list(chain(*batches(12, range(2, 3)))) == list(stream)


@pytest.mark.parametrize(("length", "ranks"), [(11, 2), (9, 1)])
def test_ranks_do_without_a_short_batch_and_so_does_one_with_a_single_image(length: int, ranks: int) -> None:
    found = [batches(length, range(2), ranks, rank) for rank in range(ranks)]
    assert {len(batch) for batch in chain(*found)} == {4 // ranks}
    whole = [sorted(position for _, position in chain(*parts)) for parts in zip(*found, strict=True)]
    assert all(len(set(chain(*whole[at : at + 2]))) == 8 for at in range(0, 10, 2))


def test_fewer_images_than_a_batch_are_a_batch() -> None:
    assert [len(batch) for batch in batches(3, range(1))] == [3] * 5
    assert ShortBatches(ShuffledStream(3, 4, 5, seed=0, ranks=2)).batches == 0
