import numpy as np

from oral_cancer.data.stream import ShuffledStream


def drawn(stream: ShuffledStream, epochs: range) -> list[tuple[int, int]]:
    keys = []
    for epoch in epochs:
        stream.set_epoch(epoch)
        keys += list(stream)
    return keys


def test_one_stream_is_cut_into_epochs() -> None:
    stream = ShuffledStream(length=50, batch_size=4, steps=5, seed=0)
    keys = drawn(stream, range(5))

    assert len(stream) == 20
    assert [epoch for epoch, _ in keys] == [epoch for epoch in range(5) for _ in range(20)]
    positions = [position for _, position in keys]
    assert sorted(positions[:50]) == sorted(positions[50:]) == list(range(50))
    assert positions[:50] != positions[50:]


def test_an_epoch_longer_than_the_set_goes_through_it_again() -> None:
    stream = ShuffledStream(length=6, batch_size=4, steps=4, seed=0)
    counts = np.bincount([position for _, position in drawn(stream, range(3))], minlength=6)
    assert counts.tolist() == [8] * 6


def test_any_epoch_can_be_drawn_without_those_before() -> None:
    whole = drawn(ShuffledStream(50, 4, 5, seed=7), range(4))
    assert drawn(ShuffledStream(50, 4, 5, seed=7), range(3, 4)) == whole[60:]
    assert drawn(ShuffledStream(50, 4, 5, seed=8), range(3, 4)) != whole[60:]


def test_a_balanced_stream_shows_every_label_as_often_and_every_image() -> None:
    labels = np.array(["b"] * 8 + ["a"] * 2 + ["1:1"] * 3)
    stream = ShuffledStream(13, batch_size=4, steps=6, seed=0, labels=labels)
    positions = [position for _, position in drawn(stream, range(4))]
    for each_pass in np.reshape(positions, (4, 24)):
        counts = np.bincount(each_pass, minlength=13)
        assert [counts[labels == name].sum() for name in ("a", "b", "1:1")] == [8, 8, 8]
        assert counts.tolist()[:10] == [1] * 8 + [4] * 2
        assert set(counts[10:]) == {2, 3}
    assert positions[:24] != positions[24:48]


def test_the_shares_are_how_often_a_long_stream_shows_each_image() -> None:
    labels = np.array(["b"] * 8 + ["a"] * 2 + ["1:1"] * 3)
    stream = ShuffledStream(13, batch_size=4, steps=6, seed=0, labels=labels)
    shown = np.bincount([position for _, position in drawn(stream, range(300))], minlength=13) / (300 * 24)
    np.testing.assert_allclose(shown, stream.shares(), rtol=0.05)
    assert ShuffledStream(4, 2, 2, seed=0).shares().tolist() == [0.25] * 4
