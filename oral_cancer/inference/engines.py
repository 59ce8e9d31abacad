"""What runs an ensemble of networks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from oral_cancer.evaluation.feature_space import Judge, Likeness
from oral_cancer.models import SoftLabelNetwork
from oral_cancer.models.features import FeatureTap


@dataclass(frozen=True)
class Answers:
    """What an ensemble says of a batch.

    Attributes:
        by_network: probabilities by each network, float64 (networks, B, K), means over the views.
        by_view: probabilities by each view, float64 (views, B, K), means over the networks.
        likeness: how like its training images they are by each network; empty where that is not known.
    """

    by_network: NDArray[np.float64]
    by_view: NDArray[np.float64]
    likeness: Sequence[Likeness]


Ensemble = Callable[[NDArray[np.uint8]], Answers]
"""What it says of images uint8 (B, size, size, 3). Threads may call it at the same time."""


def torch_ensemble(networks: Sequence[SoftLabelNetwork], judges: Sequence[Judge] = ()) -> Ensemble:
    """The ensemble of networks of one model, on the GPU where there is one.

    Args:
        networks: ready to predict.
        judges: of each network's features; none where these are not judged.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    placed = [network.to(device).eval() for network in networks]
    taps = [FeatureTap(network.network) for network in placed] if judges else []

    def run(images: NDArray[np.uint8]) -> Answers:
        with torch.inference_mode():
            pixels = placed[0].network_input(torch.from_numpy(images).to(device))
            found = np.stack([network.by_view(pixels).double().cpu().numpy() for network in placed])
            features = [tap.taken().early.cpu().numpy() for tap in taps]
        likeness = [judge.likeness(early) for judge, early in zip(judges, features, strict=True)]
        return Answers(found.mean(axis=1), found.mean(axis=0), likeness)

    return run
