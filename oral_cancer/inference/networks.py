"""The network that a run's manifest describes, built without running anything that the manifest names.

A study may come from somebody else. Of a manifest's settings only those of the network are read, as plain values, and
nothing in them is looked up, neither in the environment nor anywhere else. What its class is called is compared with
what ours is called; a class of the user's own is imported only where the user says so.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hydra.utils import get_class

from oral_cancer.command import brief
from oral_cancer.errors import UserError, refuse
from oral_cancer.models import SoftLabelNetwork
from oral_cancer.settings import RANGES
from oral_cancer.shapes import by_name, each, number, text
from oral_cancer.study.runs import RunRecord
from oral_cancer.training.manifest import FILE

CLASS = "oral_cancer.models.SoftLabelClassifier"
NAMES = (CLASS, "oral_cancer.models.classifier.SoftLabelClassifier")
"""What a manifest may call the class of this program, which trains a `SoftLabelNetwork`."""

SIZES = ("image_size", "supersampling")  # of every network, ours or not
PLAIN: dict[str, tuple[Callable[[Any], bool], str]] = {
    "backbone": (text, "the name of a timm network"),
    **{name: RANGES[f"model.{name}"] for name in (*SIZES, "drop_path_rate")},
}
"""What ours is built from, and what each may be."""
OF_TRAINING = ("weights", "optimizer", "scheduler")
LARGEST = 8192  # pixels a side that an image is resized to
SHOWN = 60  # characters of a faulty value


def image_size(run: RunRecord) -> int:
    """The side to which images are resized for a run's network, in pixels.

    Raises:
        UserError: where the run's manifest does not say, or says something absurd.
    """
    model = _checked(run, SIZES)
    side = model["image_size"] * model["supersampling"]
    if side > LARGEST:
        named = " x ".join(f"config.model.{name}={_shown(model[name])}" for name in SIZES)
        raise UserError(f"{run.folder / FILE}: {named}: must be at most {LARGEST} px; train the run again")
    return int(side)


def build_network(run: RunRecord, trust: bool) -> SoftLabelNetwork:
    """The network of a run with random weights, which its checkpoint is to replace.

    Args:
        run: a finished one.
        trust: whether a class of the user's own that its manifest names is imported and built.

    Raises:
        UserError: a line for each faulty setting, naming the manifest; for a class that is not ours, or no
            `SoftLabelClassifier`; where the settings give no network.
    """
    image_size(run)
    network = _class(run, trust)
    settings = _checked(run, PLAIN) if network is SoftLabelNetwork else _own_settings(run)
    manifest = run.folder / FILE
    try:
        return network(**settings, weights="none")
    except UserError as error:
        raise UserError(*(f"{manifest}: config.{line}" for line in error.lines)) from None
    except Exception as error:  # whatever a network says to a size that it cannot have
        said = f"{type(error).__name__}: {brief(error)}"
        raise UserError(f"{manifest}: config.model gives no network ({said}); train the run again") from error


def _checked(run: RunRecord, names: Iterable[str]) -> dict[str, Any]:
    """These settings of a run's network, each of its type and in its range."""
    model = _model(run)
    refuse(
        [
            _fault(run, name, model.get(name), PLAIN[name][1])
            for name in names
            if name not in model or not PLAIN[name][0](model[name])
        ]
    )
    return {name: model[name] for name in names}


def _model(run: RunRecord) -> Mapping[str, Any]:
    model = (run.facts.get("config") or {}).get("model")
    if not isinstance(model, dict):
        raise UserError(f"{run.folder / FILE}: config.model: is missing; train the run again")
    return model


def _class(run: RunRecord, trust: bool) -> Callable[..., SoftLabelNetwork]:
    target = _model(run).get("_target_")
    if target in NAMES:
        return SoftLabelNetwork
    if not isinstance(target, str):
        raise UserError(_fault(run, "_target_", target, f"{CLASS}, or with trust=true a class derived from it"))
    named = f"{run.folder / FILE}: config.model._target_={_shown(target)}"
    if not trust:
        raise UserError(
            f"{named}: is no network of this program; with trust=true it is imported and run: give it only if the "
            "code is yours"
        )
    try:
        found = get_class(target)
    except Exception as error:  # whatever the import of a module provokes
        raise UserError(f"{named}: cannot be imported ({brief(error)}); see that PYTHONPATH leads to it") from error
    if not (inspect.isclass(found) and issubclass(found, SoftLabelNetwork)):
        raise UserError(f"{named}: is not derived from {CLASS}; derive it, and train the run again")
    return found


def _own_settings(run: RunRecord) -> dict[str, Any]:
    """What a class of the user's own is built from: all its settings but those of the training, as plain values."""
    own = {name: value for name, value in _model(run).items() if not name.startswith("_") and name not in OF_TRAINING}
    allowed = "a number, a text, true, false or null, or lists and mappings of these; only the network itself is built"
    refuse([_fault(run, name, value, allowed) for name, value in own.items() if not _is_plain(value)])
    return own


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return by_name(_is_plain)(value) and "_target_" not in value
    return value is None or isinstance(value, bool) or text(value) or number(value) or each(_is_plain)(value)


def _fault(run: RunRecord, name: str, value: Any, allowed: str) -> str:
    return f"{run.folder / FILE}: config.model.{name}={_shown(value)}: must be {allowed}; train the run again"


def _shown(value: Any) -> str:
    text_of = "null" if value is None else str(value)
    return text_of if len(text_of) <= SHOWN else f"{text_of[:SHOWN]}..."
