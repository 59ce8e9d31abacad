"""What pages say of an estimate follows from what it rests on."""

import numpy as np

from oral_cancer.evaluation.headline import Headline
from oral_cancer.pages.compositions import TRIED, UNTRIED, basis, untried
from tests.evaluation.simulated_networks import MIXED, World


def test_what_intervals_cover_of_other_cultures_is_said() -> None:
    world = World(np.random.default_rng(0))
    see = world.networks()
    before = Headline.of(world.known(see), n_resamples=10)
    tried = before.tried_on([world.culture(see, "1:3", MIXED[0])])
    assert (untried(before), untried(tried)) == (UNTRIED, "")
    assert basis(before).endswith(f"it extrapolates. {UNTRIED}")
    assert basis(tried).endswith(f"it extrapolates. {TRIED}")
