import numpy as np
import pytest
from scipy.stats import multinomial

from oral_cancer.evaluation import bootstrap, metrics
from tests.published import soft_label


def homo(random: np.random.Generator, ensembles: int, per_class: int) -> tuple[np.ndarray, np.ndarray]:
    labels = np.eye(3)[np.repeat([0, 1, 2], per_class)]
    return labels, random.dirichlet([1, 1, 1], (ensembles, len(labels))) * 0.6 + 0.4 * labels


def hetero(random: np.random.Generator, ensembles: int, per_mixture: int) -> tuple[np.ndarray, np.ndarray]:
    names = np.repeat(["1:2", "2:1", "1:3", "3:1"], per_mixture)
    labels = np.array([soft_label(name) for name in names], float)
    return labels, 0.3 * random.dirichlet([1, 1, 1], (ensembles, len(labels))) + 0.7 * labels


def test_every_resample_has_the_counts_of_its_strata():
    strata = np.repeat(["a", "b"], [5, 20])
    np.random.default_rng(0).shuffle(strata)
    of_stratum = np.stack([strata == "a", strata == "b"], axis=1).astype(float)
    sums = bootstrap.resampled_sums(of_stratum, strata, n_resamples=300)
    np.testing.assert_array_equal(sums, np.tile([5.0, 20.0], (300, 1)))


def test_images_are_drawn_with_equal_chance_and_replacement():
    counts = bootstrap.resampled_sums(np.eye(3), np.zeros(3), n_resamples=20_000, seed=1)
    for outcome in ([1, 1, 1], [3, 0, 0], [0, 1, 2]):
        share = (counts == outcome).all(axis=1).mean()
        assert share == pytest.approx(multinomial.pmf(outcome, 3, [1 / 3] * 3), abs=0.012)


def test_resamples_depend_on_seed_and_strata_alone(monkeypatch):
    strata = np.repeat([0, 1], 10)
    one = bootstrap.resampled_sums(np.arange(20.0)[:, None], strata, 50, seed=3)
    two = bootstrap.resampled_sums(np.arange(20.0)[:, None] * [1, -2], strata, 50, seed=3)
    np.testing.assert_allclose(two, one * [1, -2])
    assert not np.allclose(one, bootstrap.resampled_sums(np.arange(20.0)[:, None], strata, 50, seed=4))
    monkeypatch.setattr(bootstrap, "_COUNTS_AT_ONCE", 35)
    in_pieces = bootstrap.resampled_sums(np.arange(20.0)[:, None], np.zeros(20), 50, seed=3)
    monkeypatch.undo()
    np.testing.assert_allclose(in_pieces, bootstrap.resampled_sums(np.arange(20.0)[:, None], np.zeros(20), 50, seed=3))


def test_figures_of_a_resample_are_those_of_the_images_drawn():
    random = np.random.default_rng(5)
    labels, probabilities = homo(random, ensembles=2, per_class=8)
    mixed_labels, mixed = hetero(random, ensembles=2, per_mixture=5)
    accuracy, f1 = bootstrap.resampled_classification(labels, probabilities, n_resamples=20, seed=7)
    mixtures = np.repeat(["1:2", "2:1", "1:3", "3:1"], 5)
    rmse = bootstrap.resampled_rmse(mixed_labels, mixed, mixtures, n_resamples=20, seed=7)
    drawn = bootstrap.resampled_sums(np.eye(24), labels.argmax(axis=1), 20, seed=7).astype(int)
    mixed_drawn = bootstrap.resampled_sums(np.eye(20), mixtures, 20, seed=7)
    for b in range(20):
        for m in range(2):
            images = np.repeat(np.arange(24), drawn[b])
            expected = metrics.classification(labels[images], probabilities[m, images]).summary()
            assert accuracy[b, m] == pytest.approx(expected["accuracy"])
            assert f1[b, m] == pytest.approx(expected["f1_macro"])
            images = np.repeat(np.arange(20), mixed_drawn[b].astype(int))
            assert rmse[b, m] == pytest.approx(metrics.rmse(mixed_labels[images], mixed[m, images]))


def test_intervals_are_those_of_a_plain_loop():
    random = np.random.default_rng(2)
    labels, probabilities = homo(random, ensembles=1, per_class=30)
    mixed_labels, mixed = hetero(random, ensembles=1, per_mixture=20)
    fast = (
        *bootstrap.resampled_classification(labels, probabilities, 4000),
        bootstrap.resampled_rmse(mixed_labels, mixed, np.repeat(np.arange(4), 20), 4000),
    )
    plain: list[list[float]] = [[], [], []]
    for _ in range(1500):
        images = np.concatenate([random.choice(np.flatnonzero(labels[:, k]), 30) for k in range(3)])
        true, predicted = labels[images].argmax(axis=1), probabilities[0, images].argmax(axis=1)
        plain[0].append(float((true == predicted).mean()))
        f1 = []
        for k in range(3):
            hits = ((true == k) & (predicted == k)).sum()
            f1.append(2 * hits / ((true == k).sum() + (predicted == k).sum()))
        plain[1].append(float(np.mean(f1)))
        images = np.concatenate([start + random.choice(20, 20) for start in range(0, 80, 20)])
        errors = ((mixed_labels[images] - mixed[0, images]) ** 2).sum(axis=1)
        plain[2].append(float(np.sqrt(errors.mean())))
    for figures, reference in zip(fast, plain, strict=True):
        width = np.subtract(*np.quantile(reference, [0.975, 0.025]))
        ends = np.array(bootstrap.interval(figures)).ravel()
        np.testing.assert_allclose(ends, np.quantile(reference, [0.025, 0.975]), atol=0.08 * width)
        assert figures.mean() == pytest.approx(np.mean(reference), abs=0.03 * width)


def test_whole_groups_are_drawn_where_there_are_groups():
    values = np.repeat([0.0, 1.0], 50)[:, None] + np.random.default_rng(0).normal(0, 0.01, (100, 1))
    donors = np.repeat(np.arange(10), 10)  # five of each value
    by_image, by_donor = (
        np.ptp(bootstrap.interval(bootstrap.resampled_means(values, np.zeros(100), 4000, 0, groups)))
        for groups in (None, donors)
    )
    assert by_donor > 2 * by_image
    assert by_donor == pytest.approx(2 * 1.96 * 0.5 / np.sqrt(10), rel=0.1)


def test_groups_that_happen_to_be_alike_are_not_taken_for_certain():
    values, alike = np.tile([[0.0], [1.0]], (6, 1)), np.repeat(["a", "b", "c"], 4)

    def resampled(groups):
        return bootstrap.resampled_means(values, np.zeros(12), 2000, 0, groups)[:, 0]

    assert np.ptp(bootstrap.interval(resampled(alike))) == 0
    alone = bootstrap.interval_over(None, resampled)
    assert np.ptp(alone) > 0.4
    assert bootstrap.interval_over(alike, resampled) == alone
    assert bootstrap.interval_over(["a"] * 12, resampled) == alone
    donors = np.repeat([0.0, 0.2, 0.8, 1.0], 25)
    assert np.ptp(on_donors(donors, donors)) > 2 * np.ptp(on_donors(donors, None))


def on_donors(values, groups):
    return bootstrap.interval_over(
        groups, lambda drawn: bootstrap.resampled_means(values[:, None], np.zeros(len(values)), 2000, 0, drawn)[:, 0]
    )


def test_groups_of_one_label_each_are_drawn_within_it():
    values, labels = np.eye(2)[np.repeat([0, 1], [6, 4])], np.repeat(["a", "b"], [6, 4])
    donors = np.array([0, 0, 0, 1, 1, 1, 2, 2, 3, 3])
    sums = bootstrap.resampled_sums(*bootstrap.by_group(values, labels, donors), 200)
    np.testing.assert_array_equal(sums, np.tile([6.0, 4.0], (200, 1)))


def test_the_interval_covers_the_truth_as_often_as_it_says():
    random = np.random.default_rng(4)
    strata = np.repeat([0, 1], 30)
    covered = 0
    for seed in range(400):
        values = random.normal(np.where(strata == 0, 1.0, 9.0), 1.0)[:, None]
        low, high = bootstrap.interval(bootstrap.resampled_sums(values, strata, 400, seed) / 60)
        covered += bool(low[0] <= 5.0 <= high[0])
    assert 0.90 <= covered / 400 <= 0.97


def test_strata_narrow_the_interval():
    strata = np.repeat([0, 1], 30)
    values = np.where(strata == 0, 1.0, 9.0)[:, None] + np.random.default_rng(0).normal(0, 0.1, (60, 1))
    low, high = bootstrap.interval(bootstrap.resampled_sums(values, strata, 1000) / 60)
    loose_low, loose_high = bootstrap.interval(bootstrap.resampled_sums(values, np.zeros(60), 1000) / 60)
    assert (high - low)[0] < 0.1 * (loose_high - loose_low)[0]


def test_holm_by_hand():
    np.testing.assert_allclose(bootstrap.holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(bootstrap.holm([0.6, 0.7]), [1, 1])
    np.testing.assert_allclose(bootstrap.holm([0.2]), [0.2])
