"""What the layers of a network make of images, taken from the passes by which it predicts."""

import threading
from types import TracebackType
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn

STRIDES = (4, 8)
"""The stages whose maps are a fourth and an eighth of the image a side: edges, texture, colour. Other cells, light and
focus show there. The last layers, which know what tells the classes apart, map what they do not know into the midst of
what they do."""


class Features(NamedTuple):
    """Of a batch, float32, by the first pass since those before were taken: of several views, the image as it lies.

    `early`: (B, D), the mean of each channel over the maps of `STRIDES`. `last`: (B, E), what the classifier is given.
    """

    early: Tensor
    last: Tensor


class _Seen(threading.local):
    """By layer what came of it first, of each thread by itself."""

    def __init__(self) -> None:
        self.by_layer: dict[int, Tensor] = {}


class FeatureTap:
    """Takes the features of all that passes through a timm network, from now on, or within a `with`.

    Args:
        network: for which `has_features` holds, in evaluation mode.

    Attributes:
        width: D, the number of early features.
    """

    def __init__(self, network: nn.Module) -> None:
        self._seen = _Seen()
        stages = _early_stages(network)
        self._hooks = [
            network.get_submodule(name).register_forward_hook(self._keeps_mean(place, channels))
            for place, (name, channels) in enumerate(stages)
        ]
        self._last = len(stages)
        self.width = sum(channels for _, channels in stages)
        self._hooks.append(classifier_of(network).register_forward_pre_hook(self._keep_input))

    def _keeps_mean(self, place: int, channels: int) -> Any:
        def keep(_: nn.Module, __: Any, maps: Tensor) -> None:
            positions = [n for n in range(1, maps.ndim) if n != (1 if maps.shape[1] == channels else maps.ndim - 1)]
            if place not in self._seen.by_layer:
                self._seen.by_layer[place] = maps.float().mean(dim=positions)

        return keep

    def _keep_input(self, _: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self._seen.by_layer.setdefault(self._last, inputs[0].float().flatten(1))

    def taken(self) -> Features:
        """Those of the batch that has passed in this thread since the last call."""
        seen, self._seen.by_layer = self._seen.by_layer, {}
        *early, last = (seen[place] for place in range(self._last + 1))
        return Features(torch.cat(early, dim=1), last)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for hook in self._hooks:
            hook.remove()


def has_features(network: nn.Module) -> bool:
    """Whether a timm network says where its stages are, and ends in a single classifier."""
    return bool(getattr(network, "feature_info", None)) and isinstance(classifier_of(network), nn.Linear | nn.Conv2d)


def classifier_of(network: nn.Module) -> Any:
    """The last layer of a timm network; None where it does not say."""
    return network.get_classifier() if hasattr(network, "get_classifier") else None  # type: ignore[operator]


def _early_stages(network: nn.Module) -> list[tuple[str, int]]:
    """Module and channels of the stages of `STRIDES`; of networks of one stride those a fourth and half way on."""
    found: Any = network.feature_info
    stages = getattr(found, "info", found)
    chosen = [stage for stage in stages if stage["reduction"] in STRIDES]
    chosen = chosen or [stages[len(stages) // 4], stages[len(stages) // 2]]
    return [(stage["module"], stage["num_chs"]) for stage in chosen]
