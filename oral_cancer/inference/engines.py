"""What runs an ensemble of networks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from oral_cancer.models import SoftLabelNetwork


@dataclass(frozen=True)
class Answers:
    """What an ensemble says of a batch.

    Attributes:
        by_network: probabilities by each network, float64 (networks, B, K), means over the views.
        by_view: probabilities by each view, float64 (views, B, K), means over the networks.
    """

    by_network: NDArray[np.float64]
    by_view: NDArray[np.float64]


Ensemble = Callable[[NDArray[np.uint8]], Answers]
"""What it says of images uint8 (B, size, size, 3). Threads may call it at the same time."""


def torch_ensemble(networks: Sequence[SoftLabelNetwork]) -> Ensemble:
    """The ensemble of networks of one model, on the GPU where there is one."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    placed = [network.to(device).eval() for network in networks]

    def run(images: NDArray[np.uint8]) -> Answers:
        with torch.inference_mode():
            pixels = placed[0].network_input(torch.from_numpy(images).to(device))
            found = np.stack([network.by_view(pixels).double().cpu().numpy() for network in placed])
        return Answers(found.mean(axis=1), found.mean(axis=0))

    return run
