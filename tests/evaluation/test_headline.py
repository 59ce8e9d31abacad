"""The headline estimate: which estimator is chosen, how wide its interval is and whether it holds the truth."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from oral_cancer.evaluation.choice import KINDS, choose
from oral_cancer.evaluation.drawing import drawn_weights
from oral_cancer.evaluation.estimators import ESTIMATORS
from oral_cancer.evaluation.headline import Deviations, Headline
from oral_cancer.evaluation.known_images import KnownImages
from tests.evaluation.simulated_networks import MIXED, NETWORKS, PURE, World

FEW = 200
HALF = np.array([0.5, 0.5, 0.0])
ASKED = [MIXED[0], MIXED[2], HALF, PURE[0]]


@pytest.fixture(scope="module")
def known() -> KnownImages:
    world = World(np.random.default_rng(0))
    return world.known(world.networks())


def test_the_estimator_of_the_least_error_is_chosen(known):
    choice = choose(known)
    assert set(choice.errors) == set(ESTIMATORS)
    means = {name: np.mean([errors[kind] for kind in KINDS]) for name, errors in choice.errors.items()}
    assert means[choice.name] == min(means.values())
    assert means[choice.name] < 0.7 * means["raw"]


def test_without_mixtures_unmixing_by_pure_ends_and_without_known_images_the_raw_mean(known):
    pure = known.where(~known.mixed)
    assert choose(pure).name == "unmixing"
    assert np.isnan(choose(pure).errors["unmixing"]["mixtures"])
    nothing = Headline.of(known.where(known.mixed & False), FEW)
    assert (nothing.choice.name, nothing.choice.errors) == ("raw", {})
    population = np.random.default_rng(1).dirichlet([4, 2, 1], (30, NETWORKS))
    np.testing.assert_allclose(nothing.composition(population).mean, population.mean(axis=(0, 1)))


def test_one_mixture_is_no_unseen_ratio(known):
    one = known.where(~known.mixed | (known.labels == "3"))
    errors = choose(one).errors["unmixing"]
    assert np.isnan(errors["unseen"])
    assert errors["mixtures"] >= 0


@pytest.mark.parametrize(
    ("proportions", "outside"),
    [
        ((0.5, 0.5, 0), False),
        ((0.25, 0.75, 0), False),
        ((0.97, 0.03, 0), False),
        ((0.12, 0.88, 0), True),
        ((0.45, 0.45, 0.1), True),
        ((0, 0.5, 0.5), True),
    ],
)
def test_ratios_outside_those_known_are_told(known, proportions, outside):
    assert Headline.of(known, 2).is_outside(np.array(proportions)) == outside


def test_what_was_trained_on_all_folds_has_no_known_images(run):
    assert len(KnownImages.of(run(fold="all"))) == 0
    both = pd.concat([run(fold="all"), run(fold=0), run(fold=1)])
    known = KnownImages.of(both)
    assert known.n_networks == 2
    assert set(known.networks) == {0, 1}
    assert len(known) == 2 * 7 * 6
    assert len(np.unique(known.units[known.mixed])) == 4 * 6  # each seen by both networks
    assert len(np.unique(known.units[~known.mixed])) == 2 * 3 * 6


def test_parts_hold_whole_units_and_some_of_every_label(known):
    parts = known.parts()
    table = pd.crosstab(known.units, parts)
    assert ((table > 0).sum(axis=1) == 1).all()
    assert (pd.crosstab(known.labels, parts) > 0).all(axis=None)


def test_the_same_images_give_the_same_interval_and_a_single_one_none(known):
    population = np.random.default_rng(1).dirichlet([4, 2, 1], (30, NETWORKS))
    first, second = (Headline.of(known, FEW).composition(population) for _ in range(2))
    np.testing.assert_array_equal(first.low, second.low)
    assert (first.low <= first.mean).all()
    assert (first.mean <= first.high).all()
    assert np.isnan(Headline.of(known, FEW).composition(population[:1]).low).all()


def saturated(world: World, mixed: float) -> tuple[KnownImages, np.ndarray]:
    """Known images that all networks see alike, mixtures with raw means up to `mixed`; a culture of 0.96."""
    known = world.known(world.networks())
    raw = np.where(known.mixed[:, None], 0.5 + (mixed - 0.5) * (known.targets - 0.5) / 0.25, 0.99 * known.targets)
    raw = np.clip(raw, 0.004, None) + world.random.uniform(0, 0.002, raw.shape)
    raw = raw / raw.sum(axis=1, keepdims=True)
    culture = world.random.dirichlet([96, 3, 1], (40, NETWORKS))
    return replace(known, probabilities=raw), culture


def test_what_the_raw_mean_calls_pure_stays_pure_unless_a_mixture_looks_the_same():
    known, culture = saturated(World(np.random.default_rng(2)), mixed=0.93)
    headline = Headline.of(known, FEW)
    corrected = headline.fitted.predict(culture.reshape(-1, 3))
    found = headline.composition(culture)
    assert corrected[0] < 0.94
    assert found.mean[0] == pytest.approx(0.95)
    assert found.mean.sum() == pytest.approx(1)
    assert found.low[0] < corrected[0]
    known, culture = saturated(World(np.random.default_rng(2)), mixed=0.98)
    assert Headline.of(known, FEW).composition(culture).mean[0] < 0.94


def test_towards_a_pure_culture_estimates_rise_without_a_jump():
    known, _ = saturated(World(np.random.default_rng(2)), mixed=0.93)
    headline = Headline.of(known, FEW)
    shares = np.arange(0.88, 0.97, 0.001)
    cultures = (np.tile([share, 0.75 * (1 - share), 0.25 * (1 - share)], (2, NETWORKS, 1)) for share in shares)
    found = np.array([headline.composition(culture).mean for culture in cultures])
    assert found.sum(axis=1) == pytest.approx(1)
    assert np.abs(np.diff(found, axis=0)).max() < 0.01
    assert (np.diff(found[:, 0]) > -1e-9).all()
    assert found[shares >= 0.95, 0].min() >= 0.95 - 1e-9


def test_drawn_weights_vary_as_the_mean_of_new_samples_would():
    values = np.random.default_rng(0).normal(size=6)
    weights = drawn_weights(np.full(6, 6), 200_000, np.random.default_rng(1))
    means = (weights * values).sum(axis=1) / weights.sum(axis=1)
    assert means.var() == pytest.approx(values.var(ddof=1) / 6, rel=0.02)
    assert (drawn_weights(np.ones(1), 5, np.random.default_rng(0)) == 1).all()


def test_cultures_that_it_is_tried_on_widen_the_interval_and_leave_the_estimate():
    world = World(np.random.default_rng(0))
    see = world.networks()
    headline = Headline.of(world.known(see), FEW)
    alike = [world.culture(see, f"{truth}", truth) for truth in MIXED]
    off = [replace(one, truth=one.truth + np.array([0.15, -0.15, 0])) for one in alike]
    population = world.population(see, MIXED[2])
    before, near, after = (
        one.composition(population) for one in (headline, headline.tried_on(alike), headline.tried_on(off))
    )
    np.testing.assert_array_equal(after.mean, before.mean)
    assert (after.high - after.low)[0] > (near.high - near.low)[0] + 0.1
    tried = headline.tried_on(off)
    assert tried.tried_on([]).tried is None
    np.testing.assert_array_equal(tried.tried.pure, headline.deviations.pure)  # no pure culture was tried


def test_what_seems_mixed_may_be_a_pure_culture_that_the_estimate_is_off_on():
    found = Deviations(np.array([[-0.1, 0.1, 0]]), np.array([[0.01, -0.01, 0]]), np.zeros((0, 3)))
    for most, number in ((0.97, 1), (0.9, 2), (0.8, 1)):
        assert len(found.of_one_like(np.array([most, 1 - most, 0]))) == number


def covered(spread: float, worlds: int, ignore_groups: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Whether intervals hold the truth, (worlds, populations, K), and their widths."""
    found, widths = [], []
    for seed in range(worlds):
        world = World(np.random.default_rng(seed), spread)
        see = world.networks()
        known = world.known(see)
        if ignore_groups:
            known = replace(known, units=np.arange(len(known)), grouped=False)
        headline = Headline.of(known, FEW, seed)
        results = [headline.composition(world.population(see, truth)) for truth in ASKED]
        found.append([(one.low <= truth) & (truth <= one.high) for one, truth in zip(results, ASKED, strict=True)])
        widths.append([one.high - one.low for one in results])
    return np.array(found), np.array(widths)


@pytest.mark.slow
def test_intervals_hold_the_truth_where_test_and_calibration_images_are_of_one_kind():
    found, widths = covered(spread=0.0, worlds=40)
    assert found[:, :, :2].mean() >= 0.9  # of the classes that mix
    assert found[:, :3, :2].mean(axis=(0, 2)).min() >= 0.85
    assert found[:, :, 2].mean() >= 0.9
    assert np.median(widths[:, :3, :2]) < 0.3
    assert np.median(widths[:, 3]) < 0.1


@pytest.mark.slow
def test_the_spread_of_groups_is_part_of_the_interval():
    found, widths = covered(spread=0.4, worlds=30)
    assert found[:, :, :2].mean() >= 0.9
    assert 0.3 < np.median(widths[:, :3, :2]) < 0.75
    ignored, _ = covered(spread=0.4, worlds=15, ignore_groups=True)
    assert ignored[:, :3, :2].mean() < 0.75


@pytest.mark.slow
def test_cultures_that_differ_from_those_that_trained_are_covered_once_some_were_tried():
    found: dict[str, list[np.ndarray]] = {"before": [], "after": []}
    widths = []
    for seed in range(30):
        world = World(np.random.default_rng(seed))
        see = world.networks()
        before = Headline.of(world.known(see), FEW, seed)
        elsewhere = replace(world, spread=0.3)
        tried = before.tried_on([elsewhere.culture(see, f"{truth}", truth) for truth in (*PURE, *MIXED)])
        for truth in ASKED:
            population = elsewhere.population(see, truth)
            for key, headline in (("before", before), ("after", tried)):
                one = headline.composition(population)
                found[key].append((one.low <= truth) & (truth <= one.high))
            widths.append((one.high - one.low)[:2])
    assert np.mean(found["after"]) >= 0.9
    assert np.mean(found["before"]) < np.mean(found["after"]) - 0.1
    assert np.median(widths) < 0.6
