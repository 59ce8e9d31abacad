"""One network's explanation of a batch of images."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from oral_cancer.data.resizing import Resizing
from oral_cancer.explain.gradients import grad_cam, guided_backpropagation, has_feature_map, with_random_weights
from oral_cancer.explain.pictures import Floats, Pixels, overlay, product, relief
from oral_cancer.models import SoftLabelNetwork


@dataclass(frozen=True)
class Explanation:
    """What one network says about one image, and why.

    Attributes:
        probabilities: float64 (K,).
        target: index of the class that the pictures are about.
        pictures: by their names in `pictures.TITLES`, uint8 RGB, all of the image's size.
        heat: what Grad-CAM finds, float32 (h, w), 0 to 1; None where it does not apply.
    """

    probabilities: NDArray[np.float64]
    target: int
    pictures: dict[str, Pixels]
    heat: Floats | None = None

    @property
    def predicted(self) -> int:
        """Index of the most probable class."""
        return int(self.probabilities.argmax())


class Explainer:
    """A network that explains what it predicts.

    Args:
        network: trained; placed on the GPU where there is one.
        way: how the images that it takes are resized.
    """

    def __init__(self, network: SoftLabelNetwork, way: Resizing) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network = network.to(self.device).eval().requires_grad_(False)
        self.way = way
        self.untrained = with_random_weights(self.network.network)

    @cached_property
    def has_feature_map(self) -> bool:
        """Whether Grad-CAM applies to the network."""
        nothing = torch.zeros((1, self.way.size, self.way.size, 3), dtype=torch.uint8, device=self.device)
        return has_feature_map(self.network.network, self.network.network_input(nothing))

    def explain(self, images: Pixels, shown: Sequence[Pixels], target: int | None) -> list[Explanation]:
        """Explain images.

        Args:
            images: uint8 (B, size, size, 3), what the network takes.
            shown: the same images as they are to be shown, each (H, W, 3).
            target: index of the class to explain; None is the predicted one.
        """
        with torch.no_grad():
            pixels = self.network.network_input(torch.from_numpy(images).to(self.device))
            probabilities = self.network.by_view(pixels).mean(dim=0)
        predicted = probabilities.argmax(dim=1)
        targets = predicted if target is None else torch.full_like(predicted, target)
        backbone, views = self.network.network, self.network.views
        gradients = guided_backpropagation(backbone, pixels, targets, views).cpu().numpy()
        untrained = guided_backpropagation(self.untrained, pixels, targets, views).cpu().numpy()
        heats = grad_cam(backbone, pixels, targets, views).cpu().numpy() if self.has_feature_map else None
        explanations = []
        for number, image in enumerate(shown):
            size, gradient = image.shape[1::-1], gradients[number]
            pictures = {"guided_backprop": relief(gradient, size), "randomised": relief(untrained[number], size)}
            heat = None if heats is None else heats[number]
            if heat is not None:
                pictures["grad_cam"] = overlay(image, heat)
                pictures["guided_grad_cam"] = relief(product(gradient, heat), size)
            explanations.append(
                Explanation(probabilities[number].double().cpu().numpy(), int(targets[number]), pictures, heat)
            )
        return explanations
