"""What runs an ensemble of networks."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from oral_cancer.models import SoftLabelNetwork

Ensemble = Callable[[NDArray[np.uint8]], NDArray[np.float64]]
"""Probabilities float64 (networks, B, 3) of images uint8 (B, size, size, 3). Threads may call it at the same time."""


def torch_ensemble(networks: Sequence[SoftLabelNetwork]) -> Ensemble:
    """The ensemble of networks of one model, on the GPU where there is one."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    placed = [network.to(device).eval() for network in networks]

    def run(images: NDArray[np.uint8]) -> NDArray[np.float64]:
        with torch.inference_mode():
            pixels = placed[0].network_input(torch.from_numpy(images).to(device))
            return np.stack([network.probabilities(pixels).double().cpu().numpy() for network in placed])

    return run
