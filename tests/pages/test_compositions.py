"""What pages say of an estimate follows from what it rests on."""

from dataclasses import replace

import numpy as np

from oral_cancer.evaluation.headline import Headline
from oral_cancer.pages.compositions import OF_ONE_NETWORK, basis, narrow
from tests.evaluation.simulated_networks import World


def test_intervals_of_one_network_are_said_to_be_too_narrow() -> None:
    world = World(np.random.default_rng(0))
    several = Headline.of(world.known(world.networks()), n_resamples=10)
    one = replace(several, network_weights=several.network_weights[:, :1])
    assert narrow(one) == f"Intervals are {OF_ONE_NETWORK}."
    assert basis(one).endswith(f"it extrapolates. {narrow(one)}")
    assert narrow(several) == ""
    assert basis(several).endswith("it extrapolates.")
