import numpy as np

from oral_cancer.resampling.contract import draw

ROWS = np.array([3, 5, 8, 13])


def test_draws_without_replacement_when_fewer_are_asked_for():
    for seed in range(20):
        drawn = draw(ROWS, 3, np.random.default_rng(seed))
        assert len(set(drawn.tolist())) == 3
        assert set(drawn.tolist()) <= set(ROWS.tolist())


def test_takes_all_when_as_many_are_asked_for():
    np.testing.assert_array_equal(draw(ROWS, 4, np.random.default_rng(0)), ROWS)


def test_draws_with_replacement_when_more_are_asked_for():
    drawn = draw(ROWS, 400, np.random.default_rng(0))
    counts = [int((drawn == row).sum()) for row in ROWS]
    assert sum(counts) == 400
    assert 60 < min(counts) < max(counts) < 140


def test_draws_none():
    assert draw(ROWS, 0, np.random.default_rng(0)).tolist() == []
