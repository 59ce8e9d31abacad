import numpy as np
import pytest

from oral_cancer.evaluation.composition_tables import Composed
from oral_cancer.evaluation.cultures import Culture
from oral_cancer.evaluation.headline import Headline
from oral_cancer.evaluation.planning import needs, width_of
from tests.evaluation.simulated_networks import MIXED, PURE, World


@pytest.fixture(scope="module")
def asked():
    """A world, its networks and what is known in it."""
    world = World(np.random.default_rng(0))
    see = world.networks()
    return world, see, world.known(see)


def composed(asked, truth: np.ndarray, images: int = 40, groups: int = 0) -> Composed:
    world, see, known = asked
    headline = Headline.of(known, 200)
    group = np.array([f"{image % groups}" for image in range(images)]) if groups else None
    culture = Culture("1:3", True, truth, world.population(see, truth, images), group)
    return Composed(known, headline, (culture,), (headline.composition(culture.probabilities, group),))


def test_the_number_that_is_named_gives_about_that_width(asked):
    made = composed(asked, MIXED[0])
    floor = next(needs(made, 0.99)).least
    width = 1.2 * floor
    (need,) = needs(made, width)
    assert need.needed is not None
    assert not need.by_group
    found = composed(asked, MIXED[0], images=need.needed).estimates[0]
    assert (found.high - found.low).max() == pytest.approx(width, rel=0.25)


def test_narrower_intervals_need_more_fields_until_none_suffice(asked):
    made = composed(asked, MIXED[0])
    floor = next(needs(made, 0.99)).least
    few, more, never = (next(needs(made, share * floor)).needed for share in (2, 1.1, 0.9))
    assert few is not None
    assert more is not None
    assert few < more
    assert never is None


def test_what_is_off_is_said_and_groups_are_counted_where_there_are_some(asked):
    made = composed(asked, MIXED[0], groups=5)
    (need,) = needs(made, 0.5)
    assert (need.units, need.by_group) == (5, True)
    assert need.off == pytest.approx(np.abs(made.estimates[0].mean - MIXED[0]).max())
    assert next(needs(composed(asked, PURE[1]), 0.5)).least < need.least


def test_width_follows_from_its_parts():
    parts = np.array([0.4, 0.1]), np.array([0.01, 0.0])
    assert width_of(10**6, *parts) == pytest.approx(0.1, abs=1e-3)
    assert width_of(4, *parts) > np.sqrt(0.4 / 4 + 0.01)
    assert np.isnan(width_of(1, *parts))
